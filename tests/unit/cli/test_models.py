import json

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.utils.files import write_json

pytestmark = pytest.mark.usefixtures("nothing_shipped")
LABELS = ("cello", "violin")


@pytest.fixture
def models(tiny_config, tmp_path):
    """``saved_models/`` with a whole model, in two versions, and one without its metadata."""
    bands = tiny_config.audio.n_mels
    statistics = BandStatistics.from_json({"mean": [0.0] * bands, "std": [1.0] * bands})
    metrics = {"test": {"fid": 12.345678, "evaluator_accuracy": 0.99}}
    for number in (1, 2):
        version = tmp_path / "saved_models" / "strings" / str(number)
        version.mkdir(parents=True)
        (version / "saved_model.pb").touch()
        metadata = ModelMetadata(
            tiny_config, LABELS, statistics, 1000 * number, "0a1b", metrics, 0.925
        )
        write_json(version / "model.json", metadata.to_json())
    damaged = tmp_path / "saved_models" / "damaged" / "1"
    damaged.mkdir(parents=True)
    (damaged / "saved_model.pb").touch()
    return tmp_path


def test_people_read_what_there_is(cargan, models):
    done = cargan("models", cwd=models)
    assert done.status == 0
    assert "strings (version 2): saved_models/strings/2\n  64×64 pixels, step 2,000" in done.out
    assert "2 labels: cello, violin" in done.out
    assert "recognizes the instrument of 92.5% of sounds" in done.out
    assert "test: fid 12.35, evaluator_accuracy 0.99" in done.out
    assert "damaged (version 1): saved_models/damaged/1\n  saved_models/damaged/1/model.json" in (
        done.out
    )


def test_programs_get_an_object_a_line(cargan, models):
    found = {
        model["name"]: model
        for model in map(json.loads, cargan("models", "--json", cwd=models).out.splitlines())
    }
    assert set(found) == {"strings", "damaged"}
    strings = found["strings"]
    assert (strings["version"], strings["size"], strings["step"]) == (2, 64, 2000)
    assert (strings["labels"], strings["shipped"]) == (["cello", "violin"], False)
    assert strings["metrics"]["test"]["fid"] == 12.345678
    assert "missing or damaged" in found["damaged"]["error"]


def test_where_there_is_none_it_says_how_to_make_one(cargan, tmp_path):
    done = cargan("models", cwd=tmp_path)
    assert (
        done.out == f"No models in {tmp_path / 'saved_models'}. Make one with: cargan quickstart\n"
    )
    assert cargan("models", "--json", cwd=tmp_path).out == ""
