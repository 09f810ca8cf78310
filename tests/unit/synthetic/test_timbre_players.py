from __future__ import annotations

import numpy as np

from cargan_tf.synthetic.timbre import PLAYERS, TYPICAL, timbre


def test_players_keep_their_manner_and_differ_in_every_respect():
    assert len(TYPICAL) == PLAYERS
    made = [timbre(player, np.random.default_rng(player)) for player in range(PLAYERS)]
    assert made[0].tuning_cents < made[1].tuning_cents < made[2].tuning_cents
    assert made[0].brightness_db < made[1].brightness_db < made[2].brightness_db
    assert made[0].body_hz < made[1].body_hz < made[2].body_hz
    assert made[0].reverb_seconds > made[1].reverb_seconds > made[2].reverb_seconds
