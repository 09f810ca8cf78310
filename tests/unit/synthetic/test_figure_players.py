from __future__ import annotations

import itertools
import math

import pytest

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.figure import (
    LIGHTS,
    MATERIALS,
    SHIRT_CONTRAST,
    STAGE_CONTRAST,
    STAGE_KINDS,
    player_looks,
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_no_two_players_of_an_instrument_look_alike(label, seed):
    looks = player_looks(label, seed)
    assert len(looks) == 6
    for one, other in itertools.combinations(looks, 2):
        assert math.dist(one.shirt, other.shirt) > 75
        assert one.skin != other.skin
        assert one.hair != other.hair
        assert one.hair_style != other.hair_style
        assert one.trousers != other.trousers
        assert one.stage != other.stage
        assert one.tint != other.tint


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_the_instrument_stands_out_from_shirt_and_stage_and_the_hair_from_the_skin(label, seed):
    for look in player_looks(label, seed):
        assert math.dist(look.shirt, MATERIALS[label]) > SHIRT_CONTRAST
        assert math.dist(look.stage.wall, MATERIALS[label]) > STAGE_CONTRAST
        assert math.dist(look.shirt, look.stage.wall) > 60
        assert math.dist(look.skin, look.hair) > 60


@pytest.mark.parametrize("label", SUB_URMP_LABELS)
def test_every_kind_of_stage_and_every_light_is_among_them(label):
    looks = player_looks(label, 0)
    assert {look.stage.kind for look in looks} == set(STAGE_KINDS)
    assert {look.light for look in looks} == set(LIGHTS)
    assert sum(look.glasses for look in looks) == 2


def test_a_look_is_fixed_and_depends_on_the_seed():
    assert player_looks("tuba", 0) == player_looks("tuba", 0)
    assert player_looks("tuba", 0) != player_looks("tuba", 1)
