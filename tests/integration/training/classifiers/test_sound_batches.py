import numpy as np
import pytest

from cargan_tf.config import override
from cargan_tf.models.sound_classifier import sound_classifier_audio
from cargan_tf.training.classifiers.sound_batches import (
    MISSING_LABEL_MARGIN,
    SoundBatches,
    Sounds,
)

LABELS = 3


@pytest.fixture(scope="module")
def config(tiny_config):
    return override(tiny_config, ["sound_classifier.batch_size=64"])


@pytest.fixture(scope="module")
def sounds(config):
    """Source 0 has 40, 10 and 10 sounds of the labels, source 1 has 5 of the first alone."""
    labels = np.repeat([0, 1, 2, 0], [40, 10, 10, 5])
    random = np.random.default_rng(0)
    samples = config.audio.clip_samples
    waveforms = random.integers(-9_000, 9_000, (len(labels), samples), np.int16)
    return Sounds(
        waveforms=waveforms,
        log_mels=np.zeros((0, 1, 1), np.float32),
        labels=labels,
        sources=np.repeat([0, 1], [60, 5]),
        recordings=("a",) * len(labels),
        others=random.integers(-9_000, 9_000, (7, samples), np.int16),
    )


@pytest.fixture(scope="module")
def batches(sounds, config):
    return SoundBatches(sounds, config, LABELS)


def test_a_batch_is_a_function_of_seed_and_number(batches, sounds, config):
    one, again, next_one = batches.batch(4), SoundBatches(sounds, config, LABELS).batch(4), None
    for mine, other in zip(one, again, strict=True):
        np.testing.assert_array_equal(mine, other)
    next_one = batches.batch(5)
    assert np.abs(one.log_mels - next_one.log_mels).max() > 1
    other_seed = SoundBatches(sounds, override(config, ["training.seed=1"]), LABELS).batch(4)
    assert np.abs(one.log_mels - other_seed.log_mels).max() > 1


def test_the_stream_is_the_batches_in_order(batches):
    for index, batch in zip(range(3), batches, strict=False):
        np.testing.assert_array_equal(batch.classes, batches.batch(index).classes)


def test_shapes_and_classes(batches, config):
    batch = batches.batch(0)
    audio = sound_classifier_audio(config)
    assert batch.log_mels.shape == (64, audio.n_mels, audio.frames)
    assert batch.offsets.shape == (64, LABELS + 1)
    assert set(batch.classes.tolist()) <= set(range(LABELS + 1))
    assert np.isfinite(batch.log_mels).all()


def test_labels_are_balanced_and_none_is_among_them(batches):
    classes = np.concatenate([batches.batch(index).classes for index in range(20)])
    counts = np.bincount(classes, minlength=LABELS + 1) / len(classes)
    np.testing.assert_allclose(counts[:LABELS], (1 - 0.15) / 3, atol=0.05)
    assert counts[LABELS] == pytest.approx(0.15, abs=0.04)


def test_what_a_source_lacks_is_not_held_against_it(batches):
    """Half of the first label's sounds are of source 1, which has no other label."""
    batch = [batches.batch(index) for index in range(20)]
    classes = np.concatenate([one.classes for one in batch])
    offsets = np.concatenate([one.offsets for one in batch])
    of_first = offsets[classes == 0]
    lowered = of_first[:, 1] < 0
    assert lowered.mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(
        of_first[lowered], [[0, *[-MISSING_LABEL_MARGIN] * 2, 0]] * sum(lowered)
    )
    assert not offsets[classes != 0].any()
