import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override


@pytest.fixture(scope="module")
def config(baseline_config):
    return baseline_config("s2ic", "data.image_size=32", "model.init_stddev=0.1")


@pytest.fixture
def step(new_tiny_step, config):
    return new_tiny_step(config)


@pytest.fixture(scope="module")
def batch(tiny_batch):
    return {name: tf.constant(value) for name, value in tiny_batch(0).items()}


@pytest.fixture(scope="module")
def features():
    return tf.random.stateless_normal([4, 8], (0, 1))


@pytest.fixture(scope="module")
def image():
    return tf.random.stateless_uniform([4, 32, 32, 3], (0, 2), -1, 1)


def on_one(step, function, *arguments):
    return step.strategy.run(function, args=arguments)


def test_each_part_of_the_step_moves_its_network_only(step, batch, features, image, moved):
    parts = {
        "sound encoder": lambda: on_one(step, step._train_encoder, batch),
        "G": lambda: on_one(step, step._train_generator, batch, features),
        "D": lambda: on_one(step, step._train_discriminator, batch, features, image),
    }
    for name, train in parts.items():
        assert moved(step.networks(), train) == {name}  # moving statistics included


def test_every_weight_of_each_network_learns(step, batch):
    before = {name: network.get_weights() for name, network in step.networks().items()}
    on_one(step, step._replica_step, batch)
    for name, network in step.networks().items():
        for old, new, variable in zip(
            before[name], network.get_weights(), network.weights, strict=True
        ):
            assert np.any(old != new), f"{name}: {variable.path}"
    assert int(step.step.numpy()) == 1


def test_the_features_that_go_on_carry_no_gradient_back(step, batch):
    with tf.GradientTape() as tape:
        features, losses = on_one(step, step._train_encoder, batch)
    kernel = step.network.encoder.to_features.kernel
    assert tape.gradient(features, kernel.value) is None
    assert float(losses["sound_classification"]) > 0


def crossentropy(logits, real):
    return np.log1p(np.exp(-logits if real else logits)).mean()


def test_losses_are_the_paper_s(step, config, batch, features, image):
    """log D(real, own), and half of each log(1 - D): written out in NumPy."""

    def discriminated(shown, heard):
        how = {"training": True, "update_statistics": False}
        return step.discriminator(shown, heard, **how).numpy()

    expected = {
        "real_discriminator": crossentropy(discriminated(batch["photo"], features), real=True),
        "mismatched_discriminator": crossentropy(
            discriminated(batch["photo"], features.numpy()[[1, 2, 3, 0]]), real=False
        ),
        "generated_discriminator": crossentropy(discriminated(image, features), real=False),
    }
    expected["discriminator"] = (
        expected["real_discriminator"]
        + 0.5 * expected["mismatched_discriminator"]
        + 0.5 * expected["generated_discriminator"]
    )
    seed = tf.constant([config.training.seed, 0])
    generated = step.network.generator(features, seed=seed, training=True)
    wanted = {
        "adversarial": crossentropy(discriminated(generated, features), real=True),
        "coarse_l1": np.abs(generated - batch["photo"]).mean(),
    }
    _, generator = on_one(step, step._train_generator, batch, features)
    discriminator = on_one(step, step._train_discriminator, batch, features, image)
    assert {name: float(value) for name, value in generator.items()} == pytest.approx(
        wanted, rel=1e-4
    )
    assert {name: float(value) for name, value in discriminator.items()} == pytest.approx(
        expected, rel=1e-4
    )


def test_a_real_photo_with_a_wrong_sound_counts_as_false(
    new_tiny_step, config, batch, features, image
):
    """D learns of nothing but the wrong sounds here, and believes them less afterwards."""
    texts = ["s2ic.generated=0", "s2ic.mismatched=100", "training.learning_rate=1e-2"]
    step = new_tiny_step(override(config, texts))
    wrong = features.numpy()[[1, 2, 3, 0]]

    def believed():
        return step.discriminator(batch["photo"], wrong, training=True).numpy().mean()

    before = believed()
    for _ in range(3):
        on_one(step, step._train_discriminator, batch, features, image)
    assert believed() < before - 0.1
