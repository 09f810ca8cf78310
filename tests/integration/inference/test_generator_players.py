from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.serving_module import ServingModule
from cargan_tf.inference.generator import Generator
from cargan_tf.models.cargan import new_cascade

RATE = 8_000
PLAYERS = {"cello": ("Ann", "Bo"), "flute": ("Cy",), "violin": ("Di", "Ed")}


@pytest.fixture(scope="module")
def module(trained):
    config = override(trained.config, ["model.players=2"])
    dataset = trained.dataset
    metadata = ModelMetadata(config, dataset.labels, dataset.statistics, 6, "0a1b", players=PLAYERS)
    return ServingModule(new_cascade(config, 3), metadata), metadata


@pytest.fixture
def generator(module):
    return Generator(*module, "tensorflow")


@pytest.fixture(scope="module")
def sound():
    return np.sin(np.arange(RATE) * 0.3).astype(np.float32)


def test_the_first_player_is_the_default(generator, module, sound):
    assert (generator.players, generator.player) == (2, 1)
    image = generator.generate(sound, RATE, "cello", start=0.0)
    served = module[0].serve(sound[None, :4_000], np.array(["cello"]))["image"].numpy()[0]
    np.testing.assert_array_equal(image, served)


def test_another_player_is_another_image_and_stays(generator, sound):
    first = generator.generate(sound, RATE, "cello")
    generator.player = 2
    second, again = (generator.generate(sound, RATE, "cello") for _ in range(2))
    assert np.abs(first.astype(int) - second).max() > 0
    np.testing.assert_array_equal(second, again)


def test_players_are_counted_through_where_a_label_has_fewer(generator, sound):
    first = generator.generate(sound, RATE, "flute")
    generator.player = 2
    np.testing.assert_array_equal(generator.generate(sound, RATE, "flute"), first)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_an_unknown_player(generator, number):
    with pytest.raises(UserError, match=f"received player {number}; expected 1 to 2"):
        generator.player = number


def test_players_of_a_model_without_them(trained, module, sound):
    metadata = replace(module[1], config=trained.config, players={})
    generator = Generator(ServingModule(trained.cascade, metadata), metadata, "tensorflow")
    assert generator.players == 0
    generator.generate(sound, RATE, "cello")
    with pytest.raises(UserError, match=r"cannot be chosen: it was trained without model\.players"):
        generator.player = 1


def test_a_server_refuses_unknown_players(module):
    labels = np.eye(3, dtype=np.float32)[:1]
    clip = np.zeros((1, 4_000), np.float32)
    with pytest.raises(Exception, match="unknown player; expected indices from 0 to 1"):
        module[0].generate_soft_labels(clip, labels, np.array([2], np.int64))


def test_metadata_names_the_players(module):
    values = module[1].to_json()
    assert ModelMetadata.from_json(values, "model.json").players == PLAYERS
