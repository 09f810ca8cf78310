from __future__ import annotations

import numpy as np
import pytest

from cargan_tf.synthetic.synthesizer import CLIP_SECONDS, compose
from cargan_tf.synthetic.timbre import INSTRUMENTS


@pytest.mark.parametrize("number", range(5))
def test_a_recording_covers_the_range_and_the_loudness(number):
    cello = INSTRUMENTS["cello"]
    notes = compose(cello, 15, np.random.default_rng(number)).notes
    heights = np.array([(note.midi - cello.lowest) / cello.span for note in notes])
    velocities = np.array([note.velocity for note in notes])
    for values in (heights, velocities):
        assert values.min() >= 0
        assert values.max() <= 1
        assert values.min() < 0.15
        assert values.max() > 0.85
        assert 0.2 < values.std() < 0.4


def test_each_clip_is_mostly_its_own_note():
    score = compose(INSTRUMENTS["flute"], 40, np.random.default_rng(0))
    for note, start_ms in zip(score.notes, score.clip_ms, strict=True):
        start = start_ms / 1000
        covered = min(start + CLIP_SECONDS, note.start + note.seconds) - max(start, note.start)
        assert covered >= 0.43
        assert start >= 0
        assert start + CLIP_SECONDS <= score.seconds
    assert list(score.clip_ms) == sorted(set(score.clip_ms))


def test_one_clip_is_possible():
    assert len(compose(INSTRUMENTS["tuba"], 1, np.random.default_rng(0)).notes) == 1
