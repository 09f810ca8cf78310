"""A step with the options that the paper does not have: what each adds, and all at once."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from helpers.training import on_replicas

from cargan_tf.config import override
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.checkpoints import Checkpoints
from cargan_tf.training.image_augmentation import diff_augment

#: Weights no two of which are the same; R1 in every second step.
ALL = (
    *("model.discriminator_norm=spectral", "model.refined_generator_width=6"),
    *("loss.gan_loss=hinge", "loss.gradient_penalty=3", "loss.gradient_penalty_steps=2"),
    *("loss.feature_matching=5", "loss.perceptual=7", "loss.refined_adversarial=0.5"),
    "training.discriminator_learning_rate=1e-3",
    "training.discriminator_augmentation=[color, translation, cutout]",
)


@pytest.fixture(scope="module")
def config(tiny_config):
    """See ``test_step`` on what four replicas can be compared by."""
    texts = ["data.image_size=32", "model.attention=none", "model.init_stddev=0.02"]
    return override(tiny_config, [*texts, "training.adam_epsilon=1e-3"])


def losses_of(step, batch):
    return {name: float(value) for name, value in step(on_replicas(step, batch)).items()}


def state(step):
    """All that a checkpoint holds."""
    return [v.numpy() for part in step.parts().values() for v in part.variables]


@pytest.fixture(scope="module")
def trained(new_tiny_step, tiny_batch, config, tmp_path_factory):
    """Four steps with all options on one device, saved after the second."""
    step = new_tiny_step(override(config, ALL))
    checkpoints = Checkpoints(tmp_path_factory.mktemp("options"), step, keep=1)
    losses = []
    for index in range(4):
        losses.append(losses_of(step, tiny_batch(index)))
        if index == 1:
            checkpoints.save()
    return SimpleNamespace(step=step, losses=losses, state=state(step), checkpoints=checkpoints)


def test_resumed_steps_are_the_same_bit_for_bit(trained, tiny_batch):
    assert trained.checkpoints.restore() == 2
    again = [losses_of(trained.step, tiny_batch(index)) for index in (2, 3)]
    assert again == trained.losses[2:]
    np.testing.assert_equal(state(trained.step), trained.state)
    assert trained.step.__call__.experimental_get_tracing_count() == 1


def test_r1_is_taken_in_every_second_step_and_counts_twice(trained):
    penalties = [losses["gradient_penalty"] for losses in trained.losses]
    assert [penalty > 0 for penalty in penalties] == [False, True, False, True]
    for losses in trained.losses:
        total = 2 * losses["real_discriminator"] + losses["coarse_discriminator"]
        total += 0.5 * losses["refined_discriminator"] + 3 * 2 * losses["gradient_penalty"]
        assert losses["discriminator"] == pytest.approx(total, rel=1e-5)


def test_each_term_has_its_weight(trained):
    losses = trained.losses[0]
    total = 0.5 * (losses["coarse_classification"] + losses["refined_classification"])
    total += losses["coarse_adversarial"] + 0.5 * losses["refined_adversarial"]
    total += 5 * (losses["coarse_feature_matching"] + 0.5 * losses["refined_feature_matching"])
    total += 7 * (losses["coarse_perceptual"] + losses["refined_perceptual"])
    total += 100 * (losses["coarse_l1"] + losses["refined_l1"])
    assert losses["generators"] == pytest.approx(total, rel=1e-5)


@pytest.fixture
def eager():
    """Tracing two branches for each of four replicas would take longer than a step does."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though")  # of tf.data, which stays compiled
def test_four_replicas_of_one_image_train_as_one_of_four(
    eager, new_tiny_step, tiny_batch, config, four_replicas
):
    """With batch norm in D, so that R1's second slopes go through statistics of all replicas."""
    texts = [text for text in ALL if "norm" not in text]
    settings = override(config, [*texts, "loss.gradient_penalty_steps=1"])
    alone, four = (new_tiny_step(settings, strategy) for strategy in (None, four_replicas))
    expected = losses_of(alone, tiny_batch(0))
    assert losses_of(four, tiny_batch(0)) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert expected["gradient_penalty"] > 0
    for value, other in zip(state(four), state(alone), strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-3, atol=4e-5)


def test_the_terms_are_what_the_networks_say(trained, tiny_batch):
    """Hinge, feature matching and perceptual loss, written out from the networks as they are."""
    step = trained.step
    batch = {name: tf.constant(value) for name, value in tiny_batch(0).items()}
    cascade, seed = step.cascade, step._seed()
    stages = cascade(batch["spectrogram"], batch["label"], seed=seed, training=True)

    def discriminated(image):
        changed = diff_augment(image, ["color", "translation", "cutout"], seed)
        pair = tf.concat([batch["spectrogram"], changed], -1)
        maps = step.discriminator.feature_maps(pair, training=True, update_statistics=False)
        return [features.numpy() for features in maps]

    def seen(image):
        return [features.numpy() for features in cascade.classifier.feature_maps(image)]

    real, photo, expected = discriminated(batch["photo"]), seen(batch["photo"]), {}
    for name, image in (("coarse", stages.coarse), ("refined", stages.refined)):
        generated, features = discriminated(image), seen(image)
        expected[f"{name}_adversarial"] = -generated[-1].mean()
        expected[f"{name}_feature_matching"] = sum(
            np.abs(a - b).mean() for a, b in zip(generated[:4], real[:4], strict=True)
        )
        fractions = [
            np.abs(a - b).mean((1, 2, 3)) / np.abs(b).mean((1, 2, 3))
            for a, b in zip(features, photo, strict=True)
        ]
        expected[f"{name}_perceptual"] = np.mean(fractions)
    _, found = step.strategy.run(step._train_generators, args=(batch,))
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_real_and_drawn_are_changed_alike_and_otherwise_in_the_next_step(trained, tiny_batch):
    step, batch = trained.step, {k: tf.constant(v) for k, v in tiny_batch(0).items()}

    def discriminated():
        return step.strategy.run(
            lambda: step._discriminate(batch, batch["photo"], False)[-1]
        ).numpy()

    first, again = discriminated(), discriminated()
    step.step.assign_add(1)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != discriminated())


def test_d_has_its_own_rate(trained):
    rates = {trained.step.discriminator_optimizer: 1e-3, trained.step.generator_optimizer: 2e-3}
    for optimizer, rate in rates.items():
        assert float(optimizer.learning_rate) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("texts", "discriminated", "classified"),
    [
        ((), 5, 2),
        (("loss.feature_matching=1", "loss.coarse_adversarial=0"), 4, 2),
        (("loss.perceptual=1", "loss.classification=0"), 5, 4),
    ],
)
def test_nothing_is_looked_at_without_weight(
    monkeypatch, new_tiny_step, tiny_batch, config, texts, discriminated, classified
):
    """Images that D and C look at in a step: none more than the losses that count need."""
    counts = {PatchGAN: 0, Classifier: 0}
    step = new_tiny_step(override(config, texts))
    for network in counts:

        def counting(self, *inputs, whole=network.feature_maps, network=network, **options):
            counts[network] += 1
            return whole(self, *inputs, **options)

        monkeypatch.setattr(network, "feature_maps", counting)
    batch = {name: tf.constant(value) for name, value in tiny_batch(0).items()}
    step.strategy.run(step._replica_step, args=(batch,))
    assert list(counts.values()) == [discriminated, classified]


def test_the_encoder_learns_what_the_pose_depends_on(new_tiny_step, tiny_batch, config):
    """With the pose loss alone, the head reads pitch and loudness better from step to step."""
    alone = ["model.pose=true", "loss.l1=0", "loss.classification=0", "loss.adversarial=0"]
    step = new_tiny_step(override(config, alone))
    pose = {"midi": np.float32([48, 60, 72, 84]), "rms_db": np.full(4, -30, np.float32)}
    batch = {**tiny_batch(0), **pose}
    encoder = [block.convolution.kernel.numpy() for block in step.cascade.coarse_generator.down]
    losses = [float(step(batch)["pose"]) for _ in range(6)]
    assert losses[-1] < losses[0]
    moved = [
        np.any(block.convolution.kernel.numpy() != before)
        for block, before in zip(step.cascade.coarse_generator.down, encoder, strict=True)
    ]
    assert all(moved)
