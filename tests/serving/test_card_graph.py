import json

import pytest
import tensorflow as tf

from cargan_tf.export.metadata import ModelCard
from cargan_tf.export.serving_module import CardTable


@pytest.fixture(scope="module")
def card(trained):
    dataset = trained.dataset
    return ModelCard(trained.config, dataset.labels, dataset.statistics, 6, "0a1b")


def test_the_parts_make_the_card(card):
    parts = list(card.to_json())
    answers = tf.function(CardTable(card).lookup)(tf.constant(parts))["json"].numpy()
    values = {part: json.loads(text) for part, text in zip(parts, answers, strict=True)}
    assert ModelCard.from_json(values, "here") == card


def test_an_unknown_part_names_the_known(card):
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected labels, step, data_hash"):
        tf.function(CardTable(card).lookup)(tf.constant(["weather"]))
