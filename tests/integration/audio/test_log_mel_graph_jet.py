import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.audio.log_mel_graph import to_jet_image
from cargan_tf.data.reference_spectrograms import render_jet_image

CLIPS = np.random.default_rng(0).uniform(0, 1, (2, 34, 128)).astype(np.float32)
# Neighbors in a log-mel are alike; noise would be all edges.
CLIPS = np.cumsum(CLIPS - 0.5, axis=2)
CLIPS -= CLIPS.min(axis=(1, 2), keepdims=True)
CLIPS /= CLIPS.max(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_it_is_the_image_that_the_authors_saved_and_read(size):
    images = to_jet_image(CLIPS, size)
    assert images.shape == (2, size, size, 3)
    assert images.dtype == tf.float32
    for ours, clip in zip(images.numpy(), CLIPS, strict=True):
        saved = render_jet_image(clip).resize((size, size), Image.Resampling.BICUBIC)
        difference = np.abs((ours + 1) * 127.5 - np.asarray(saved, np.float32))
        assert difference.mean() < 1


def test_time_runs_downwards_and_low_bands_are_left():
    clip = np.zeros((1, 34, 128), np.float32)
    clip[0, 0, 100:] = 1  # the lowest band, late
    image = to_jet_image(clip, 128)[0].numpy()
    red, blue = image[..., 0], image[..., 2]
    assert red[110, 1] > blue[110, 1]
    assert red[10, 1] < blue[10, 1]
    assert red[110, 100] < blue[110, 100]


def test_it_can_be_traced_for_any_batch():
    traced = tf.function(
        lambda log_mel: to_jet_image(log_mel, 32),
        input_signature=[tf.TensorSpec([None, 34, 128], tf.float32)],
    )
    np.testing.assert_allclose(traced(CLIPS), to_jet_image(CLIPS, 32), atol=1e-6)
