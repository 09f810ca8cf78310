from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import MetricInputs, NotMeasured
from cargan_tf.evaluation.metrics.pose import METRICS, pose_accuracy
from cargan_tf.evaluation.report import REAL
from cargan_tf.evaluation.training_photos import PoseReader

SIDE, COUNT = 32, 60


def players(seed, moves=True):
    """A bright bar whose height is the pitch and whose brightness is the loudness."""
    random = np.random.default_rng(seed)
    pitch, loudness = random.uniform(48, 72, COUNT), random.uniform(-40, -10, COUNT)
    images = random.normal(-0.8, 0.01, (COUNT, SIDE, SIDE, 3)).astype(np.float32)
    for image, height, level in zip(images, pitch, loudness, strict=True):
        row = round(SIDE - 4 - (height - 48)) if moves else 10
        image[row : row + 3] += 1 + level / 60
    return images, pitch.astype(np.float32), loudness.astype(np.float32)


@pytest.fixture(scope="module")
def reader():
    photos, pitch, loudness = players(0)
    return PoseReader(photos, np.zeros(COUNT, int), pitch, loudness)


def inputs(images, pitch, loudness, reader):
    return MetricInputs(
        row="refined",
        labels=("flute",),
        classes=np.zeros(len(images), np.int64),
        images=images,
        photos=images,
        pitch=pitch,
        loudness=loudness,
        pose_reader=lambda: reader,
    )


def test_images_that_show_pitch_and_loudness_are_near_1(reader):
    given = inputs(*players(1), reader)
    assert pose_accuracy(given, "pitch").value > 0.95
    assert pose_accuracy(given, "loudness").value > 0.8
    assert pose_accuracy(given, "pitch").images == COUNT


def test_a_still_image_has_0_and_a_fixed_height_no_pitch(reader):
    images, pitch, loudness = players(1)
    still = np.repeat(images[:1], COUNT, axis=0)
    assert pose_accuracy(inputs(still, pitch, loudness, reader), "pitch").value == 0
    fixed, pitch, loudness = players(2, moves=False)
    given = inputs(fixed, pitch, loudness, reader)
    assert abs(pose_accuracy(given, "pitch").value) < 0.4


def test_the_wrong_way_round_is_negative(reader):
    images, pitch, loudness = players(1)
    assert pose_accuracy(inputs(images, -pitch, loudness, reader), "pitch").value < -0.95


def test_unknown_pitch_is_not_measured(reader):
    images, _, loudness = players(1)
    unknown = np.full(COUNT, np.nan, np.float32)
    with pytest.raises(NotMeasured, match="does not say the pitch"):
        pose_accuracy(inputs(images, unknown, loudness, reader), "pitch")
    with pytest.raises(NotMeasured, match="no class has 8 clips"):
        pose_accuracy(inputs(images, unknown, loudness, reader).only(np.arange(3)), "loudness")


def test_both_are_measured_of_real_photos_too(reader):
    real = MetricInputs(**{**vars(inputs(*players(3), reader)), "row": REAL})
    assert [metric.info.name for metric in METRICS] == ["pose_pitch", "pose_loudness"]
    assert all(metric.applies_to(real) for metric in METRICS)


def test_nothing_is_fitted_where_the_truth_is_unknown(reader):
    def fit():
        raise AssertionError("reads all training photos")

    images, _, loudness = players(1)
    given = inputs(images, np.full(COUNT, np.nan, np.float32), loudness, reader)
    with pytest.raises(NotMeasured):
        pose_accuracy(replace(given, pose_reader=fit), "pitch")
