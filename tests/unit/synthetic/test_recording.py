from __future__ import annotations

import numpy as np

from cargan_tf.synthetic.recording import CLIP_SAMPLES, player_of, record_clips
from cargan_tf.synthetic.timbre import INSTRUMENTS


def test_clips_say_what_they_hold():
    clips = record_clips("sax", 4, 12, seed=1)
    instrument = INSTRUMENTS["sax"]
    assert len(clips) == 12
    for clip in clips:
        assert clip.samples.shape == (CLIP_SAMPLES,)
        assert clip.samples.dtype == np.int16
        assert clip.pitch == (clip.midi - instrument.lowest) / instrument.span
        assert 0 <= clip.loudness <= 1
        power = np.mean((clip.samples / 32768.0) ** 2)
        assert abs(clip.loudness_db - 10 * np.log10(power)) < 1e-6


def test_loudness_varies_widely_and_no_clip_reaches_full_scale():
    for label in ("double_bass", "trumpet", "violin"):
        clips = [clip for number in range(3) for clip in record_clips(label, number, 15, seed=0)]
        loudness = np.array([clip.loudness_db for clip in clips])
        assert np.percentile(loudness, 95) - np.percentile(loudness, 5) > 15
        assert max(np.abs(clip.samples.astype(int)).max() for clip in clips) < 32_500


def test_players_take_turns():
    assert [player_of(number) for number in range(8)] == [0, 1, 2, 3, 4, 5, 0, 1]


def test_recordings_of_one_player_differ():
    one, other = (record_clips("oboe", number, 2, seed=0)[0].samples for number in (0, 6))
    assert not np.array_equal(one, other)
