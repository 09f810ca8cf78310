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


def test_a_recording_is_recognized_by_its_loud_places(generator):
    times = np.arange(4 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32)
    mostly_silent = np.concatenate([np.zeros(20 * RATE, np.float32), tone])
    of_tone = generator.recognize_recording(tone).probabilities
    assert sum(of_tone.values()) == pytest.approx(1, abs=1e-5)
    found = generator.recognize_recording(mostly_silent).probabilities
    silence = generator.recognize_recording(np.zeros(RATE, np.float32)).probabilities
    label = max(of_tone, key=lambda label: abs(of_tone[label] - silence[label]))
    assert abs(found[label] - of_tone[label]) < 0.3 * abs(silence[label] - of_tone[label])
