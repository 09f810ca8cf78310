import re

import numpy as np
import pytest

from cargan_tf.evaluation.training_photos import StillPhotos, TrainingPhotos, read_training_photos
from cargan_tf.training.validation import gather

LABELS = ("cello", "flute")
SIDE = 4
#: Two players of the cello, of whom Ann has three photos; one of the flute.
CLASSES = np.array([0, 0, 0, 0, 0, 1, 1])
PLAYERS = ("ann", "ann", "ann", "bob", "bob", "ann", "ann")
LEVELS = np.array([0, 10, 200, 100, 110, 40, 60])


def training_photos():
    photos = np.zeros((len(CLASSES), SIDE, SIDE, 3), np.uint8) + LEVELS[:, None, None, None]
    unknown = np.full(len(CLASSES), np.nan, np.float32)
    return TrainingPhotos(photos.astype(np.uint8), CLASSES, PLAYERS, unknown, unknown)


def level(image):
    """The one level of an image, 0 to 255."""
    assert np.ptp(image) == 0
    return (image[0, 0, 0] + 1) * 127.5


@pytest.fixture
def stills():
    means = np.zeros((2, SIDE, SIDE, 3), np.float32) + np.array([84, 50])[:, None, None, None]
    return StillPhotos(training_photos(), LABELS, (means / 127.5 - 1).astype(np.float32))


def test_each_pair_has_the_photo_of_its_class_and_of_its_player(stills):
    rows, missing = stills.rows(np.array([0, 1, 0]), ("bob", "ann", "ann"))
    found = {
        name: [level(image) for image in row.images] == pytest.approx(expected)
        for (name, row), expected in zip(
            rows.items(), ([84, 50, 84], [100, 50, 100], [105, 50, 70], [105, 50, 10]), strict=True
        )
    }
    names = ("class mean", "class median", "player mean", "player median")
    assert found == dict.fromkeys(names, True)
    assert missing == {}
    assert [level(image) for image in rows["player median"].only(np.array([2])).images] == (
        pytest.approx([10])
    )


def test_no_still_image_of_a_class_is_nearer_in_l1_than_the_median():
    random = np.random.default_rng(0)
    photos = random.integers(0, 256, (41, SIDE, SIDE, 3)).astype(np.uint8)
    training = TrainingPhotos(
        photos, np.zeros(41, int), ("",) * 41, np.zeros(41, np.float32), np.zeros(41, np.float32)
    )
    mean = (photos.mean(0, keepdims=True) / 127.5 - 1).astype(np.float32)
    rows, _ = StillPhotos(training, ("cello",), mean).rows(np.zeros(41, int), ())
    scaled = photos / 127.5 - 1

    def l1(image):
        return np.abs(scaled - image).mean()

    least = l1(rows["class median"].photos[0])
    assert least < l1(rows["class mean"].photos[0])
    for _ in range(20):
        moved = rows["class median"].photos[0] + random.normal(0, 0.05, (SIDE, SIDE, 3))
        assert least < l1(moved)


@pytest.mark.parametrize(
    ("classes", "players", "reason"),
    [
        ([0, 1], (), "names no players"),
        ([0, 0], ("ann", "cy"), r"1 of its players are on no training photo, such as cy \(cello\)"),
        ([1], ("bob",), r"such as bob \(flute\)"),
    ],
)
def test_without_photos_of_the_player_there_are_those_of_the_class_alone(
    stills, classes, players, reason
):
    rows, missing = stills.rows(np.array(classes), players)
    assert list(rows) == ["class mean", "class median"]
    assert list(missing) == ["player mean", "player median"]
    assert all(re.search(reason, said) for said in missing.values())


def test_the_training_photos_are_read_as_they_are_stored(trained):
    from cargan_tf.data.input_pipeline import evaluation_batches

    found = read_training_photos(trained.dataset, trained.data, trained.config)
    pairs = gather(evaluation_batches(trained.dataset, trained.data, trained.config, "train", 5))
    np.testing.assert_allclose(found.photos / 127.5 - 1, pairs["photo"], atol=1e-6)
    np.testing.assert_array_equal(found.classes, pairs["label"].argmax(1))
    np.testing.assert_array_equal(found.loudness, pairs["rms_db"])
    assert [name.encode() for name in found.players] == pairs["player"].tolist()
