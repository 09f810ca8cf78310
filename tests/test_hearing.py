import threading
from pathlib import Path

import numpy as np
import pytest

from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import measured, read_ahead, select_clip

AUDIO = AudioConfig(sample_rate=8_000, n_fft=256)
SOURCES = [Path(f"{number}.wav") for number in range(5)]


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
    with pytest.raises(UserError, match="was asked for"):
        select_clip(mono, AUDIO, start)


def test_what_is_heard_is_measured(mono):
    (clip, silence), (_, music) = (
        measured(select_clip(mono, AUDIO, at), AUDIO) for at in (0.0, 1.3)
    )
    assert clip.start == 0
    assert (silence.silent, music.silent, music.noise_like) == (True, False, False)


def test_sounds_come_in_batches_in_order_and_errors_in_their_places():
    def read(source):
        if source.stem == "3":
            raise UserError("no sound")
        return source.stem

    batches = list(read_ahead(SOURCES, 2, read))
    assert [SOURCES[part] for part, _ in batches] == [SOURCES[:2], SOURCES[2:4], SOURCES[4:]]
    (first, second, third) = (measured for _, measured in batches)
    assert (first, third, second[0]) == (["0", "1"], ["4"], "2")
    assert str(second[1]) == "no sound"
    assert list(read_ahead([], 2, read)) == []


def test_the_next_batch_is_read_while_one_is_worked_on():
    read = [threading.Event() for _ in SOURCES]
    batches = read_ahead(SOURCES, 2, lambda source: read[int(source.stem)].set())
    next(batches)
    assert read[3].wait(30)
    assert not read[4].is_set(), "one batch ahead, no more"
    batches.close()
