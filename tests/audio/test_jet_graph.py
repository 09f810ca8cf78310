import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.audio.log_mel_graph import to_jet_picture
from cargan_tf.data.reference_spectrograms import draw_jet

CLIPS = np.random.default_rng(0).uniform(0, 1, (2, 34, 128)).astype(np.float32)
# Neighbours in a log-mel are alike; noise would be all edges.
CLIPS = np.cumsum(CLIPS - 0.5, axis=2)
CLIPS -= CLIPS.min(axis=(1, 2), keepdims=True)
CLIPS /= CLIPS.max(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_it_is_the_picture_that_the_authors_saved_and_read(size):
    pictures = to_jet_picture(CLIPS, size)
    assert pictures.shape == (2, size, size, 3)
    assert pictures.dtype == tf.float32
    for ours, clip in zip(pictures.numpy(), CLIPS, strict=True):
        saved = draw_jet(clip).resize((size, size), Image.Resampling.BICUBIC)
        difference = np.abs((ours + 1) * 127.5 - np.asarray(saved, np.float32))
        assert difference.mean() < 1


def test_time_runs_downwards_and_low_bands_are_left():
    clip = np.zeros((1, 34, 128), np.float32)
    clip[0, 0, 100:] = 1  # the lowest band, late
    picture = to_jet_picture(clip, 128)[0].numpy()
    red, blue = picture[..., 0], picture[..., 2]
    assert red[110, 1] > blue[110, 1]
    assert red[10, 1] < blue[10, 1]
    assert red[110, 100] < blue[110, 100]


def test_it_can_be_traced_for_any_batch():
    traced = tf.function(
        lambda log_mel: to_jet_picture(log_mel, 32),
        input_signature=[tf.TensorSpec([None, 34, 128], tf.float32)],
    )
    np.testing.assert_allclose(traced(CLIPS), to_jet_picture(CLIPS, 32), atol=1e-6)
