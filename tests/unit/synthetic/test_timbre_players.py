from __future__ import annotations

import itertools
from dataclasses import asdict

import numpy as np

from cargan_tf.synthetic.timbre import PLAYERS, TYPICAL, timbre


def test_there_are_six_players_each_with_a_manner_of_its_own():
    assert PLAYERS == 6
    assert len(TYPICAL) == PLAYERS
    for one, other in itertools.combinations(TYPICAL, 2):
        alike = [
            name
            for name, value in asdict(one).items()
            if name != "body_db" and value == getattr(other, name)
        ]
        assert len(alike) <= 1


def test_players_keep_their_manner():
    for player, typical in enumerate(TYPICAL):
        made = timbre(player, np.random.default_rng(player))
        others = [other for other in TYPICAL if other is not typical]
        for name in ("tuning_cents", "body_hz"):
            own = abs(getattr(made, name) - getattr(typical, name))
            assert all(own < abs(getattr(made, name) - getattr(other, name)) for other in others)


def test_dark_neutral_and_bright():
    dark, neutral, bright = (timbre(player, np.random.default_rng(player)) for player in range(3))
    assert dark.brightness_db < neutral.brightness_db < bright.brightness_db
    assert dark.reverb_seconds > neutral.reverb_seconds > bright.reverb_seconds
