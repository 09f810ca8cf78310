import numpy as np
import pytest

from cargan_tf.inference.generator import BATCH_SIZE
from cargan_tf.inference.video import generate_frames, recognize_recording, sliding_starts, smoothed

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


def test_each_frame_is_what_is_drawn_from_there(generator):
    waveform = np.sin(np.arange(24_000) ** 1.3 / 40).astype(np.float32)
    starts = sliding_starts(len(waveform), CLIP, RATE, 10)
    frames = list(generate_frames(generator, waveform, starts, "violin"))
    assert len(frames) == 30 > BATCH_SIZE
    for index in (0, 7, BATCH_SIZE + 1):
        alone = generator.generate(waveform, RATE, "violin", start=index / 10)
        assert np.abs(frames[index].image.astype(int) - alone).max() <= 1


def test_a_recording_is_recognized_by_its_loud_places(generator):
    times = np.arange(4 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32)
    mostly_silent = np.concatenate([np.zeros(20 * RATE, np.float32), tone])
    of_tone = recognize_recording(generator, tone).probabilities
    assert sum(of_tone.values()) == pytest.approx(1, abs=1e-5)
    found = recognize_recording(generator, mostly_silent).probabilities
    silence = recognize_recording(generator, np.zeros(RATE, np.float32)).probabilities
    label = max(of_tone, key=lambda label: abs(of_tone[label] - silence[label]))
    assert abs(found[label] - of_tone[label]) < 0.3 * abs(silence[label] - of_tone[label])


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
