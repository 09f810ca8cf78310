import numpy as np
import pytest

from cargan_tf.audio.clips import recognition_windows, select_clip
from cargan_tf.audio.quality import measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError

AUDIO = AudioConfig(sample_rate=8_000, n_fft=256)


@pytest.fixture
def mono():
    """Two seconds of silence, but for a tone from 1.2 s on."""
    times = np.arange(16_000) / 8_000
    return (np.sin(2 * np.pi * 440 * times) * (times >= 1.2)).astype(np.float32)


def test_the_loudest_half_second_is_heard(mono):
    assert select_clip(mono, AUDIO, None).start / 8_000 == pytest.approx(1.2, abs=0.011)


def test_or_the_one_that_is_asked_for(mono):
    clip = select_clip(mono, AUDIO, 1.75)
    assert (clip.start, clip.padded, len(clip.samples)) == (14_000, 2_000, 4_000)


@pytest.mark.parametrize("start", [float("nan"), float("inf"), -0.5, 2.0])
def test_a_start_that_is_none_is_refused(mono, start):
    with pytest.raises(UserError, match="received a start of"):
        select_clip(mono, AUDIO, start)


def test_what_is_heard_is_measured(mono):
    clips = [select_clip(mono, AUDIO, at) for at in (0.0, 1.3)]
    assert clips[0].start == 0
    silence, music = (measure_quality(clip.samples, AUDIO) for clip in clips)
    assert (silence.silent, music.silent, music.noise_like) == (True, False, False)


def test_what_is_not_heard_is_not_recognized_from():
    """A thump of 8 Hz, twice as loud as the note after it."""
    rate, samples = 22_050, 11_025
    time = np.arange(2 * rate) / rate
    thump = np.where(time < 1, 0.9 * np.sin(2 * np.pi * 8 * time), 0)
    note = np.where(time >= 1, 0.3 * np.sin(2 * np.pi * 440 * time), 0)
    windows = recognition_windows((thump + note).astype(np.float32), samples, rate)
    assert 1 <= len(windows) <= 4
    assert all(np.abs(np.fft.rfft(window))[220] > 100 for window in windows)  # bins of 2 Hz
    alone = recognition_windows(thump.astype(np.float32), samples, rate)
    assert len(alone) >= 1
