import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.augmentation import check_masks, mask_stream
from cargan_tf.errors import UserError


def masks(count, *, freq=5, time=4, **options):
    stream = mask_stream(freq, time, 16, 17, **{"seed": 1, **options})
    return np.stack(list(stream.take(count).as_numpy_iterator()))


def test_bands_are_rows_and_frames_are_columns():
    bands = masks(200, time=0)
    assert bands.shape == (200, 16, 17)
    assert (bands == bands[:, :, :1]).all()
    hidden = 16 - bands[:, :, 0].sum(axis=1)
    assert (hidden.min(), hidden.max()) == (0, 5)  # "at most" is reached
    frames = masks(200, freq=0)
    assert (frames == frames[:, :1, :]).all()
    hidden = 17 - frames[:, 0].sum(axis=1)
    assert (hidden.min(), hidden.max()) == (0, 4)


def test_a_seed_fixes_the_masks_whatever_the_global_seed():
    first = masks(50)
    tf.random.set_seed(123)
    np.testing.assert_array_equal(masks(50), first)
    assert (masks(50, seed=2) != first).any()


def test_a_later_start_gives_the_same_masks():
    np.testing.assert_array_equal(masks(20, start=30), masks(50)[30:])


def test_one_stream_read_twice():
    stream = mask_stream(5, 4, 16, 17, seed=1).take(30)
    first, second = (np.stack(list(stream.as_numpy_iterator())) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_masks_that_could_hide_everything():
    check_masks(15, 16, 16, 17)
    with pytest.raises(UserError, match=r"data.freq_mask = 16 could hide all 16"):
        check_masks(16, 0, 16, 17)
    with pytest.raises(UserError, match=r"data.time_mask = 17 could hide all 17"):
        check_masks(0, 17, 16, 17)
