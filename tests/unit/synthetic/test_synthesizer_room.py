from __future__ import annotations

import numpy as np

from cargan_tf.synthetic.synthesizer import PEAK, SAMPLE_RATE, color_db, record
from cargan_tf.synthetic.timbre import TYPICAL


def recorded(timbre, dry):
    return record(dry, timbre, np.random.default_rng(1), np.random.default_rng(2))


def tone(level):
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return level * np.sin(2 * np.pi * 440 * time)


def test_the_brighter_player_has_more_treble():
    treble = np.array([6000.0])
    dark, neutral, bright = (color_db(timbre, treble)[0] for timbre in TYPICAL[:3])
    assert dark + 6 < neutral < bright - 6


def test_nothing_clips():
    for timbre in TYPICAL:
        assert np.abs(recorded(timbre, tone(5.0))).max() <= PEAK + 1e-9


def test_colour_leaves_the_level_alone():
    for timbre in TYPICAL:
        dry = tone(0.1)
        wet = recorded(timbre, dry)
        assert abs(10 * np.log10((wet**2).mean() / (dry**2).mean())) < 0.5


def test_the_room_rings_on_longer_for_the_player_in_the_hall():
    burst = tone(0.3)
    burst[SAMPLE_RATE // 2 :] = 0
    after = slice(round(0.6 * SAMPLE_RATE), round(0.7 * SAMPLE_RATE))
    hall, _, dry = (np.mean(recorded(timbre, burst)[after] ** 2) for timbre in TYPICAL[:3])
    assert hall > 3 * dry
