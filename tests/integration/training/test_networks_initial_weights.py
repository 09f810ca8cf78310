from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.networks import (
    InitialWeights,
    check_startable,
    describe_copied,
    read_run_weights,
)
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

LABELS = ("cello", "flute", "violin")


@pytest.fixture(scope="module")
def config(tiny_config):
    return override(tiny_config, ["data.image_size=32", "model.attention=none"])


@pytest.fixture(scope="module")
def initial(config):
    statistics = BandStatistics((0.0,), (1.0,))
    cascade, discriminator = new_cascade(config, 3), new_discriminator(config, 3)
    return InitialWeights(Path("trained"), config, LABELS, statistics, cascade, discriminator)


@pytest.fixture(scope="module")
def sound():
    return np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype(np.float32)


def coarse(cascade, sound, label, count):
    return cascade(sound, tf.one_hot([label], count), training=False).coarse.numpy()


def started(initial, config, labels):
    cascade, discriminator = (new(config, len(labels)) for new in (new_cascade, new_discriminator))
    return cascade, discriminator, initial.copy_to(cascade, discriminator, labels)


def test_with_the_same_labels_everything_is_copied(initial, config, sound):
    cascade, discriminator, left = started(initial, config, LABELS)
    assert left == []
    for label in range(3):
        np.testing.assert_array_equal(
            coarse(cascade, sound, label, 3), coarse(initial.cascade, sound, label, 3)
        )
    pair = np.concatenate([sound] * 4, axis=-1)
    np.testing.assert_array_equal(discriminator(pair), initial.discriminator(pair))


def test_labels_keep_their_channels_in_another_order_and_beside_new_ones(initial, config, sound):
    labels = ("violin", "harp", "cello", "flute")
    cascade, _, left = started(initial, config, labels)
    assert left == []
    for label in LABELS:
        np.testing.assert_array_equal(
            coarse(cascade, sound, labels.index(label), 4),
            coarse(initial.cascade, sound, LABELS.index(label), 3),
        )
    (harp,) = coarse(cascade, sound, 1, 4)
    assert all(np.abs(harp - coarse(cascade, sound, one, 4)).max() > 0 for one in (0, 2, 3))


def test_players_are_added(initial, config, sound):
    cascade, *_ = started(initial, override(config, ["model.players=2"]), LABELS)
    kernel = cascade.coarse_generator.down[0].convolution.kernel.numpy()
    np.testing.assert_array_equal(
        kernel[:, :, :4], initial.cascade.coarse_generator.down[0].convolution.kernel.numpy()
    )
    assert kernel[:, :, 4:].std() > 0


def test_without_the_residue_label_g2_has_no_label_channels(config, sound):
    bare = override(config, ["model.residue=false"])
    statistics = BandStatistics((0.0,), (1.0,))
    initial = InitialWeights(Path("bare"), bare, LABELS, statistics, new_cascade(bare, 3), None)
    cascade, _, left = started(initial, bare, (*LABELS, "harp"))
    assert left == []
    refined = [
        network(sound, tf.one_hot([1], count), training=False).refined.numpy()
        for network, count in ((cascade, 4), (initial.cascade, 3))
    ]
    np.testing.assert_array_equal(*refined)


def test_players_keep_their_channels_if_the_labels_are_the_same(config, sound):
    named = override(config, ["model.players=2"])
    statistics = BandStatistics((0.0,), (1.0,))
    initial = InitialWeights(Path("two"), named, LABELS, statistics, new_cascade(named, 3), None)
    cascade, _, left = started(initial, override(config, ["model.players=3"]), LABELS)
    assert left == []
    for player in (0, 1):
        images = [
            network(sound, tf.one_hot([2], 3), tf.constant([player])).coarse.numpy()
            for network in (cascade, initial.cascade)
        ]
        np.testing.assert_array_equal(*images)
    kernels = [
        network.refined_generator.down[0].convolution.kernel.numpy()
        for network in (cascade, initial.cascade)
    ]
    np.testing.assert_array_equal(kernels[0][:, :, :-1], kernels[1])


def test_a_larger_image_leaves_the_innermost_levels_as_they_were(initial, config):
    cascade, _, left = started(initial, override(config, ["data.image_size=64"]), LABELS)
    assert left
    inner = ("down_4", "down_5", "up_4", "up_3")  # up_3 has a skip connection now
    assert all(any(level in name for level in inner) for name in left)
    np.testing.assert_array_equal(
        cascade.refined_generator.to_rgb.kernel.numpy(),
        initial.cascade.refined_generator.to_rgb.kernel.numpy(),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model.kind=s2ic", "model.kind: s2ic; only a CAR-GAN"),
        ("model.residue=false", r"has model\.residue=true, the configuration says false"),
        ("model.generator_width=11", r"model\.generator_width=\d+, the configuration says 11"),
    ],
)
def test_other_kinds_and_inputs_are_refused(initial, config, text, complaint):
    with pytest.raises(UserError, match=complaint):
        check_startable(initial, override(config, [text]))


def test_a_second_stage_is_put_behind_a_model_with_one(initial, config, sound):
    one = override(config, ["model.stages=1"])
    source = new_cascade(one, len(LABELS))
    single = replace(initial, config=one, cascade=source)
    check_startable(single, config)
    cascade, _, left = started(single, config, LABELS)
    np.testing.assert_array_equal(coarse(cascade, sound, 1, 3), coarse(source, sound, 1, 3))
    of_g2 = [name for name in left if "refined_generator" in name]
    assert left == of_g2
    assert len(of_g2) == len(cascade.refined_generator.variables) - 1


def test_what_reads_the_pose_and_what_is_drawn_by_it_are_copied(config, sound):
    drawing = override(config, ["model.pose=true", "model.stages=1"])
    statistics = BandStatistics((0.0,), (1.0,))
    trained = new_cascade(drawing, 3)
    initial = InitialWeights(Path("trained"), drawing, LABELS, statistics, trained, None)
    cascade, _, left = started(initial, drawing, LABELS)
    assert left == []
    ours, theirs = (one(sound, tf.one_hot([1], 3)) for one in (cascade, trained))
    np.testing.assert_array_equal(ours.read_pose, theirs.read_pose)
    np.testing.assert_array_equal(ours.coarse, theirs.coarse)


def test_its_sound_classifier_is_for_the_same_labels_and_settings(tiny_run):
    trained = read_run_weights(Run(tiny_run))
    same = override(trained.config, ["model.generator_width=2", "training.steps=9"])
    assert trained.sound_classifier_for(same, trained.labels) is trained.sound_classifier
    assert trained.sound_classifier is not None
    assert trained.sound_classifier_for(same, LABELS[:2]) is None
    other = override(same, ["sound_classifier.width=8"])
    assert trained.sound_classifier_for(other, trained.labels) is None


def test_a_run_starts_with_the_images_of_another(tiny_run, tiny_data, tiny_config, tmp_path):
    initial = read_run_weights(Run(tiny_run))
    assert initial.discriminator is not None
    config = override(tiny_config, ["training.statistics=initial", "training.ema_steps=5"])
    trainer = Trainer(Run(tmp_path / "run"), tiny_data, config, make_strategy(), initial=initial)
    sound = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 1)).astype(np.float32)
    with trainer.ema_weights():
        image = trainer.network(sound, tf.one_hot([1], 3)).refined.numpy()
    np.testing.assert_allclose(
        image, initial.cascade(sound, tf.one_hot([1], 3)).refined.numpy(), atol=1e-6
    )
    assert trainer.info.statistics == initial.statistics
    trainer.train()
    again = Trainer(Run(tmp_path / "run"), tiny_data, config, make_strategy(), resume=True)
    assert again.info.statistics == initial.statistics


def test_initial_statistics_need_initial_weights(tiny_data, tiny_config, tiny_classifier, tmp_path):
    config = override(tiny_config, ["training.statistics=initial"])
    with pytest.raises(UserError, match=r"no initial weights.*--init-from"):
        Trainer(Run(tmp_path / "run"), tiny_data, config, make_strategy())


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("training.encoder_learning_rate=0", "no initial weights to keep"),
        ("training.frozen_discriminator_blocks=2", "needs a trained D"),
    ],
)
def test_frozen_layers_need_initial_weights(tiny_data, tiny_config, tmp_path, setting, complaint):
    config = override(tiny_config, [setting])
    with pytest.raises(UserError, match=complaint):
        Trainer(Run(tmp_path / "run"), tiny_data, config, make_strategy())


def test_an_exported_model_has_no_discriminator_to_freeze(
    initial, tiny_data, tiny_config, tmp_path
):
    config = override(tiny_config, ["training.frozen_discriminator_blocks=2"])
    with pytest.raises(UserError, match="exported model has no D"):
        Trainer(
            Run(tmp_path / "run"),
            tiny_data,
            config,
            make_strategy(),
            initial=replace(initial, config=config, discriminator=None),
        )


def test_what_a_run_starts_from_in_one_line(initial):
    text = describe_copied(replace(initial, discriminator=None), ["up_4/kernel"], ("harp", "cello"))
    assert text == (
        "starting from trained; new labels: harp; D is randomly initialized; 1 variables without"
        " a counterpart are randomly initialized"
    )
