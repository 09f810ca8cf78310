import numpy as np
import pytest

from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.training.validation import (
    BatchGenerator,
    Validation,
    class_mean_photos,
    load_held_out_pairs,
)
from cargan_tf.visualization.grids import HEADING, MARGIN, to_image


@pytest.fixture(scope="module")
def batches(trained):
    def read(split="validation", batch_size=5, limit=None):
        return evaluation_batches(
            trained.dataset, trained.data, trained.config, split, batch_size, limit
        )

    return read


@pytest.fixture(scope="module")
def means(batches):
    return class_mean_photos(batches("train"))


@pytest.fixture(scope="module")
def validation(trained, means):
    return Validation.of_split(
        trained.cascade, trained.dataset, trained.data, trained.config, "validation", means
    )


def test_held_out_pairs_are_gathered_in_order(batches):
    held_out, recordings = load_held_out_pairs(batches())
    assert held_out.spectrograms.shape == (12, 64, 64, 1)
    assert held_out.photos.shape == (12, 64, 64, 3)
    assert len(recordings) == len(held_out.players) == 12
    for player, recording, label in zip(
        held_out.players, recordings, held_out.classes, strict=True
    ):
        assert recording.startswith(player.replace("_player", ""))
        assert player.startswith(("cello", "flute", "violin")[label])


def test_drawing_in_batches_is_drawing_at_once(trained, batches):
    held_out, _ = load_held_out_pairs(batches())
    pairs = held_out.spectrograms, held_out.labels, held_out.player_indices
    once = BatchGenerator(trained.cascade, 12)(*pairs)
    parts = BatchGenerator(trained.cascade, 5)(*pairs)
    for whole, joined in zip(once, parts, strict=True):
        assert whole.shape == (12, 64, 64, 3)
        np.testing.assert_allclose(joined, whole, atol=1e-4)


def test_permuting_the_sounds_under_fixed_labels_changes_the_images(validation):
    figures = validation.measure()
    assert figures.sound_sensitivity > 1e-3
    assert figures.pairs == 12


def test_no_more_pairs_than_told_are_measured(trained, means):
    monitor = trained.config.monitor.model_copy(update={"validation_clips": 7})
    config = trained.config.model_copy(update={"monitor": monitor})
    validation = Validation.of_split(
        trained.cascade, trained.dataset, trained.data, config, "validation", means
    )
    assert validation.measure().pairs == 7


def test_the_grid_has_a_row_a_label_and_real_photos_at_its_right(validation, batches):
    sheet = validation.grid()
    assert sheet.height == HEADING + 3 * (128 + MARGIN)
    held_out, _ = load_held_out_pairs(batches())
    photos = {to_image(photo).tobytes() for photo in held_out.photos}
    for row in range(3):
        left, top = sheet.width - 2 * MARGIN - 128 + MARGIN, HEADING + row * (128 + MARGIN)
        cell = sheet.crop((left, top, left + 128, top + 128)).resize((64, 64), 0)
        assert cell.tobytes() in photos


def test_the_grid_is_the_same_each_time(validation):
    assert validation.grid().tobytes() == validation.grid().tobytes()
