import json

import pytest
import tensorflow as tf

from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.serving_module import MetadataTable


@pytest.fixture(scope="module")
def metadata(trained):
    dataset = trained.dataset
    return ModelMetadata(trained.config, dataset.labels, dataset.statistics, 6, "0a1b")


def test_the_parts_make_the_card(metadata):
    parts = list(metadata.to_json())
    answers = tf.function(MetadataTable(metadata).lookup)(tf.constant(parts))["json"].numpy()
    values = {part: json.loads(text) for part, text in zip(parts, answers, strict=True)}
    assert ModelMetadata.from_json(values, "here") == metadata


def test_an_unknown_part_names_the_known(metadata):
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="unknown part of the metadata; expected format, labels",
    ):
        tf.function(MetadataTable(metadata).lookup)(tf.constant(["weather"]))
