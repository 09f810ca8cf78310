import numpy as np
import pytest

from cargan_tf.inference.video import sliding_starts, smoothed

RATE, CLIP = 8_000, 4_000


def test_a_window_begins_at_the_time_of_its_frame():
    assert sliding_starts(12_000, CLIP, RATE, 10) == [
        *range(0, 8_000, 800),
        *[8_000] * 5,  # of the last half second
    ]


@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (800, 1), (801, 2), (8_000, 10), (8_001, 11), (80_000, 100)]
)
def test_frames_last_as_long_as_the_sound(samples, frames):
    starts = sliding_starts(samples, CLIP, RATE, 10)
    assert len(starts) == frames
    assert 0 <= starts[0] <= starts[-1] <= max(0, samples - CLIP)


def test_a_rate_that_frames_do_not_divide():
    starts = sliding_starts(22_050 * 60, 11_025, 22_050, 7)
    assert len(starts) == 7 * 60
    assert starts[:3] == [0, 3_150, 6_300]


def flat(value):
    return np.full((2, 2, 3), value, np.uint8)


def test_no_smoothing_changes_nothing():
    frames = [flat(value) for value in (0, 200, 30)]
    assert [frame[0, 0, 0] for frame in smoothed(iter(frames), 0)] == [0, 200, 30]


def test_smoothing_is_the_weighted_mean_of_what_is_around():
    values = [0, 100, 200, 50]
    weights = {-1: 0.5, 0: 1.0, 1: 0.5}  # a Hann window of radius 1
    expected = []
    for index in range(4):
        there = {k: w for k, w in weights.items() if 0 <= index + k < 4}
        mean = sum(w * values[index + k] for k, w in there.items()) / sum(there.values())
        expected.append(round(mean))
    assert [f[0, 0, 0] for f in smoothed(map(flat, values), 1)] == expected


@pytest.mark.parametrize("count", [0, 1, 2, 9])
@pytest.mark.parametrize("radius", [1, 4])
def test_smoothing_keeps_the_number_of_frames_and_a_still_picture(count, radius):
    frames = list(smoothed((flat(77) for _ in range(count)), radius))
    assert len(frames) == count
    assert all((frame == 77).all() for frame in frames)
