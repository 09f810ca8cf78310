from __future__ import annotations

from pathlib import Path

import pytest

from cargan_tf.errors import UserError
from cargan_tf.synthetic.build import Parameters
from cargan_tf.synthetic.recording import player_of

GOOD = {
    "count": 24,
    "clips_per_recording": 15,
    "seed": 0,
    "soundfonts": (),
    "labels": ("violin", "oboe"),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 17}, "at least 18"),
        ({"clips_per_recording": 0}, "clips_per_recording is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"labels": ()}, "no labels"),
        ({"labels": ("violn",)}, "Did you mean 'violin'"),
        ({"labels": ("violin", "vn")}, "given twice"),
    ],
)
def test_bad_values_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        Parameters(**{**GOOD, **change})


def test_aliases_are_resolved():
    assert Parameters(**{**GOOD, "labels": ["French horn"]}).labels == ("horn",)


def test_half_of_24_recordings_are_for_training():
    assert Parameters(**GOOD).splits == ["train"] * 12 + ["validation"] * 6 + ["test"] * 6


@pytest.mark.parametrize("recordings", range(18, 60))
def test_every_player_is_in_every_split(recordings):
    splits = Parameters(**{**GOOD, "count": recordings}).splits
    assert len(splits) == recordings
    for split in ("train", "validation", "test"):
        made = [player_of(number) for number, name in enumerate(splits) if name == split]
        assert set(made) == set(range(6))


def test_a_soundfont_that_is_not_there_is_refused():
    with pytest.raises(UserError):
        Parameters(**{**GOOD, "soundfonts": (Path("nowhere.sf2"),)})
