import json

import pytest

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata, read_metadata


@pytest.mark.parametrize("metrics", [None, {"test": {"accuracy": 0.9}}])
def test_a_card_comes_back_from_json(trained, metrics):
    dataset = trained.dataset
    metadata = ModelMetadata(trained.config, dataset.labels, dataset.statistics, 6, "0a1b", metrics)
    assert ModelMetadata.from_json(json.loads(json.dumps(metadata.to_json())), "here") == metadata


@pytest.mark.parametrize("text", [None, "", "[]", '{"format": 2, "labels": ["a"]}'])
def test_a_missing_or_damaged_card_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(UserError, match=r"model\.json is missing or damaged"):
        read_metadata(tmp_path)


@pytest.mark.parametrize("text", ["{}", '{"labels": ["a"]}', '{"format": 1}'])
def test_a_model_of_version_0_1_is_refused(tmp_path, text):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(UserError, match=r"has format 1, this version of cargan_tf reads 2"):
        read_metadata(tmp_path)


def test_a_card_of_another_configuration_is_named(version, tmp_path):
    values = json.loads((version / "model.json").read_text())
    values["config"]["training"]["momentum"] = 3
    (tmp_path / "model.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"model\.json.*momentum"):
        read_metadata(tmp_path)
