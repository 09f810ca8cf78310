import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.saved_model import check_same_images, comparison_sounds


class Gray:
    """Draws one color, but for one dot."""

    def __init__(self, dot):
        self.dot = dot

    def serve(self, waveform, label):
        image = np.full((len(waveform), 4, 4, 3), 100, np.uint8)
        image[-1, 0, 0, 0] = self.dot
        return {"image": tf.constant(image)}


@pytest.fixture
def metadata(trained):
    return ModelMetadata(
        trained.config, trained.dataset.labels, trained.dataset.statistics, 6, "0a1b"
    )


@pytest.mark.parametrize("dot", [99, 100, 101])
def test_one_level_is_taken(metadata, dot):
    check_same_images(Gray(100), Gray(dot), metadata)


@pytest.mark.parametrize(("dot", "levels"), [(98, 2), (102, 2), (255, 155)])
def test_more_is_refused(metadata, dot, levels):
    with pytest.raises(UserError, match=f"differs by {levels} of 255.*without --float16"):
        check_same_images(Gray(100), Gray(dot), metadata)


def test_a_sound_of_the_models_length_for_each_label(metadata):
    sounds = comparison_sounds(metadata)
    assert sounds.shape == (3, 4_000)
    assert (sounds.std(1) > 0.003).all()
    assert np.abs(np.corrcoef(sounds) - np.eye(3)).max() < 0.9
