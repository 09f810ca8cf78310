import numpy as np
import pytest

from cargan_tf.inference.generator import BATCH_SIZE
from cargan_tf.inference.video import generate_frames, sliding_starts

RATE, CLIP = 8_000, 4_000


def test_each_frame_is_what_is_drawn_from_there(generator):
    waveform = np.sin(np.arange(24_000) ** 1.3 / 40).astype(np.float32)
    starts = sliding_starts(len(waveform), CLIP, RATE, 10)
    frames = list(generate_frames(generator, waveform, starts, "violin"))
    assert len(frames) == 30 > BATCH_SIZE
    for index in (0, 7, BATCH_SIZE + 1):
        alone = generator.generate(waveform, RATE, "violin", start=index / 10)
        assert np.abs(frames[index].image.astype(int) - alone).max() <= 1


def test_a_recording_is_recognized_by_what_is_not_silent(generator):
    times = np.arange(4 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32)
    mostly_silent = np.concatenate([np.zeros(20 * RATE, np.float32), tone])
    alone = generator.recognize_recording(tone)
    assert alone.none + sum(alone.probabilities.values()) == pytest.approx(1, abs=1e-5)
    found = generator.recognize_recording(mostly_silent)
    for label in generator.labels:
        assert found.probabilities[label] == pytest.approx(alone.probabilities[label], abs=0.05)
    assert not found.silent
    silence = generator.recognize_recording(np.zeros(RATE, np.float32))
    assert silence.silent
    assert silence.confidence is None
