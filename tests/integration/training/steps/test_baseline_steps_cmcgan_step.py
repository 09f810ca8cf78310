import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override


@pytest.fixture(scope="module")
def config(baseline_config):
    return baseline_config("cmcgan", "data.image_size=32", "model.init_stddev=0.1")


@pytest.fixture
def step(new_tiny_step, config):
    return new_tiny_step(config)


@pytest.fixture(scope="module")
def batch(tiny_batch):
    return {name: tf.constant(value) for name, value in tiny_batch(0).items()}


def on_one(step, function, *arguments):
    return step.strategy.run(function, args=arguments)


def cycles_of(step, batch):
    seed = tf.constant([step.config.training.seed, 0])
    return step.network.cycles(batch["spectrogram"], batch["photo"], seed)


def test_each_half_of_the_step_moves_its_own_networks(step, batch, moved):
    generators = set(step.networks()) - {"D"}
    train = lambda: on_one(step, step._train_generators, batch)  # noqa: E731
    assert moved(step.networks(), train) == generators
    cycles = cycles_of(step, batch)
    train = lambda: on_one(step, step._train_discriminator, batch, cycles)  # noqa: E731
    assert moved(step.networks(), train) == {"D"}


def test_every_weight_of_each_network_learns(step, batch):
    before = {name: network.get_weights() for name, network in step.networks().items()}
    on_one(step, step._replica_step, batch)
    for name, network in step.networks().items():
        for old, new, variable in zip(
            before[name], network.get_weights(), network.weights, strict=True
        ):
            assert np.any(old != new), f"{name}: {variable.path}"
    assert int(step.step.numpy()) == 1


def crossentropy(logits, real):
    return np.log1p(np.exp(-logits if real else logits)).mean()


def test_losses_are_as_documented(step, batch):
    """Written out in NumPy from the networks as they are."""
    weights = step.config.cmcgan
    sounds, photos, cycles = batch["spectrogram"], batch["photo"], cycles_of(step, batch)

    def discriminated(shown, heard, real):
        how = {"training": True, "update_statistics": False}
        return crossentropy(step.discriminator(shown, heard, **how).numpy(), real)

    def distance(one, other):
        return np.abs(one - other).mean()

    wanted = {
        "image_adversarial": discriminated(cycles.image, sounds, real=True),
        "sound_adversarial": discriminated(photos, cycles.sound, real=True),
        "photo_cycle_l1": distance(cycles.photo_around, photos),
        "sound_cycle_l1": distance(cycles.sound_around, sounds),
        "photo_again_l1": distance(cycles.photo_again, photos),
        "sound_again_l1": distance(cycles.sound_again, sounds),
    }
    factors = (1, 1, *(2 * [weights.cycle]), *(2 * [weights.reconstruction]))
    wanted["generators"] = np.dot(factors, list(wanted.values()))
    wanted["coarse_l1"] = distance(cycles.image, photos)
    expected = {
        "real_discriminator": discriminated(photos, sounds, real=True),
        "mismatched_discriminator": discriminated(photos, sounds.numpy()[[1, 2, 3, 0]], real=False),
        "image_discriminator": discriminated(cycles.image, sounds, real=False),
        "sound_discriminator": discriminated(photos, cycles.sound, real=False),
    }
    factors = (weights.real_pairs, weights.mismatched, weights.generated, weights.generated)
    expected["discriminator"] = np.dot(factors, list(expected.values()))
    _, generators = on_one(step, step._train_generators, batch)
    discriminator = on_one(step, step._train_discriminator, batch, cycles)
    for found, right in ((generators, wanted), (discriminator, expected)):
        assert {name: float(v) for name, v in found.items()} == pytest.approx(right, rel=1e-4)


def test_a_real_photo_with_a_wrong_sound_counts_as_false(new_tiny_step, config, batch):
    """D learns of nothing but the wrong sounds here, and believes them less afterwards."""
    texts = ["cmcgan.generated=0", "cmcgan.real_pairs=0", "training.learning_rate=1e-2"]
    step = new_tiny_step(override(config, texts))
    wrong = batch["spectrogram"].numpy()[[1, 2, 3, 0]]

    def believed():
        return step.discriminator(batch["photo"], wrong, training=True).numpy().mean()

    before = believed()
    for _ in range(3):
        on_one(step, step._train_discriminator, batch, cycles_of(step, batch))
    assert believed() < before - 0.1


def test_without_adversaries_round_trips_alone_are_learnt(new_tiny_step, config, batch):
    """A few steps on one batch: what goes around or comes again gets nearer."""
    texts = ["training.learning_rate=1e-2", "cmcgan.cycle=100", "cmcgan.reconstruction=100"]
    step = new_tiny_step(override(config, texts))
    losses = [on_one(step, step._train_generators, batch)[1] for _ in range(8)]
    for name in ("photo_cycle_l1", "sound_cycle_l1", "photo_again_l1", "sound_again_l1"):
        assert float(losses[-1][name]) < float(losses[0][name]), name
