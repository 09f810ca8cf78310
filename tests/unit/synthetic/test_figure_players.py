from __future__ import annotations

import itertools
import math

import pytest

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.figure import player_looks


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_no_two_players_of_an_instrument_look_alike(label, seed):
    for one, other in itertools.combinations(player_looks(label, seed), 2):
        assert math.dist(one.shirt, other.shirt) > 75
        assert one.skin != other.skin
        assert one.hair != other.hair
        assert one.hair_style != other.hair_style
        assert one.trousers != other.trousers


def test_a_look_is_fixed_and_depends_on_the_seed():
    assert player_looks("tuba", 0) == player_looks("tuba", 0)
    assert player_looks("tuba", 0) != player_looks("tuba", 1)
