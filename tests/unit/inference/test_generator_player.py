from types import SimpleNamespace

import pytest

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator


@pytest.fixture
def generator():
    config = SimpleNamespace(name="tiny", model=SimpleNamespace(players=2))
    return Generator(None, SimpleNamespace(config=config), "onnxruntime")


def test_another_player_is_chosen_for_a_copy_alone(generator):
    other = generator.with_player(2)
    assert (generator.player, other.player) == (1, 2)


def test_a_copy_with_an_unknown_player_is_refused(generator):
    with pytest.raises(UserError, match="player 3"):
        generator.with_player(3)
