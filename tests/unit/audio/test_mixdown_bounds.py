import numpy as np
import pytest

from cargan_tf.audio.mixdown import (
    MAX_CHANNELS,
    MAX_FRAMES,
    MAX_RATE,
    MAX_SECONDS,
    MIN_RATE,
    check_finite,
    check_format,
    check_length,
)
from cargan_tf.errors import UserError


@pytest.mark.parametrize("rate", [MIN_RATE, MAX_RATE])
@pytest.mark.parametrize("channels", [1, MAX_CHANNELS])
def test_the_bounds_themselves_are_within(rate, channels):
    check_format("a.wav", rate, channels)
    check_length("a.wav", min(MAX_SECONDS * rate, MAX_FRAMES), rate)
    check_length("a.wav", 1, rate)


@pytest.mark.parametrize(
    ("rate", "channels", "message"),
    [
        (MIN_RATE - 1, 1, "a.wav has a rate of 999 Hz; expected 1000 to"),
        (MAX_RATE + 1, 1, "has a rate of 768001 Hz"),
        (44_100, 0, "has 0 channels; expected 1 to 64"),
        (44_100, MAX_CHANNELS + 1, "has 65 channels"),
    ],
)
def test_formats_beyond_them_are_refused(rate, channels, message):
    with pytest.raises(UserError, match=message):
        check_format("a.wav", rate, channels)


@pytest.mark.parametrize(
    ("frames", "rate", "message"),
    [
        (0, 8_000, "holds no samples"),
        (-1, 8_000, "holds no samples"),
        (8_000 * MAX_SECONDS + 1, 8_000, r"lasts 3600\.0 s; expected at most 3600 s at 8000 Hz"),
        (MAX_FRAMES + 1, MAX_RATE, r"lasts 450\.0 s; expected at most 450 s"),
        (2**63 - 1, 44_100, "does not say how long it is"),
    ],
)
def test_lengths_beyond_them_are_refused(frames, rate, message):
    with pytest.raises(UserError, match=message):
        check_length("a.flac", frames, rate)


def test_the_second_of_a_bad_sample_counts_what_came_before():
    mono = np.zeros(100, np.float32)
    check_finite(mono, 1_000, "a.wav")
    mono[50] = np.inf
    with pytest.raises(UserError, match=r"sample at 0\.050 s"):
        check_finite(mono, 1_000, "a.wav")
    with pytest.raises(UserError, match=r"sample at 2\.050 s"):
        check_finite(mono, 1_000, "a.wav", before=2_000)
