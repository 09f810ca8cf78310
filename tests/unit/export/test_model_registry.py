import os
from importlib import resources
from pathlib import Path

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.export import model_registry
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.model_registry import (
    ExportedModel,
    check_same_labels,
    default_model,
    existing_model,
    export_folder,
    exported_models,
    exported_version,
    newest_version,
    shipped_folder,
    versions_in,
)
from cargan_tf.utils.files import write_json


@pytest.fixture(autouse=True)
def shipped(tmp_path_factory, monkeypatch):
    """Where models that came with the package would be; empty."""
    folder = tmp_path_factory.mktemp("shipped")
    monkeypatch.setattr(model_registry, "shipped_folder", lambda: folder)
    return folder


def add(folder, name, when, config=None, labels=("cello", "violin")):
    version = folder / name
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    os.utime(version / "saved_model.pb", (when, when))
    if config is not None:
        bands = config.audio.n_mels
        statistics = BandStatistics(mean=(0.0,) * bands, std=(1.0,) * bands)
        metadata = ModelMetadata(config, labels, statistics, 10, "0a1b")
        write_json(version / "model.json", metadata.to_json())
    return version


def of_size(config, pixels):
    return override(config, [f"data.image_size={pixels}"])


def test_the_model_exported_last_is_taken(tmp_path):
    add(tmp_path, "violins/1", when=100)
    last = add(tmp_path, "brass/1", when=300)
    add(tmp_path, "violins/2", when=200)
    assert default_model(tmp_path).version == last


@pytest.mark.parametrize(
    "name", ["empty", "brass/.export-x1", "brass/1/half", "brass/old", "brass/007", "brass/\u0661"]
)
def test_what_is_no_whole_version_does_not_count(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir(parents=True)
    if "export" in name or "old" in name or folder.name.isdecimal():
        (folder / "saved_model.pb").touch()
    with pytest.raises(UserError, match=r"no trained model in .*cargan quickstart"):
        default_model(tmp_path)


def test_a_missing_folder_says_how_to_make_a_model(tmp_path):
    with pytest.raises(UserError, match="cargan quickstart"):
        default_model(tmp_path / "none")


def test_versions_are_numbers_in_numeric_order(tmp_path):
    for name in ("2", "10", "1", "x3", ".4"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "5").mkdir()
    assert versions_in(tmp_path) == [1, 2, 10]
    assert versions_in(tmp_path / "none") == []


def test_the_newest_version_is_the_highest_number(tmp_path):
    for name in ("2", "10"):
        add(tmp_path, name, when=100)
    assert newest_version(tmp_path) == tmp_path / "10"
    assert newest_version(tmp_path / "2") == tmp_path / "2"
    assert newest_version(tmp_path / "none") is None


def test_a_model_of_ones_own_comes_before_a_shipped_one(tmp_path, shipped):
    add(shipped, "players/1", when=900)
    assert default_model(tmp_path).version == shipped / "players/1"
    own = add(tmp_path, "brass/1", when=100)
    assert default_model(tmp_path).version == own
    assert exported_models(tmp_path) == [
        ExportedModel("brass", own, shipped=False),
        ExportedModel("players", shipped / "players/1", shipped=True),
    ]


def test_a_shipped_model_whose_name_is_taken_is_not_listed(tmp_path, shipped):
    add(shipped, "players/1", when=900)
    own = add(tmp_path, "players/3", when=100)
    assert exported_models(tmp_path) == [ExportedModel("players", own, shipped=False)]
    assert existing_model(Path("players"), tmp_path) == tmp_path / "players"
    assert existing_model(Path("players/1"), tmp_path) == shipped / "players/1"


def test_a_model_is_named_by_path_or_name_or_name_and_version(tmp_path, shipped):
    first, second = (add(tmp_path, f"brass/{number}", when=100) for number in (1, 2))
    add(shipped, "players/1", when=100)
    for named, found in ((first.parent, second), (first, first)):
        assert exported_version(named, tmp_path / "none") == found
    assert exported_version(Path("brass"), tmp_path) == second
    assert exported_version(Path("brass/1"), tmp_path) == first
    assert exported_version(Path("players"), tmp_path) == shipped / "players/1"


def test_a_path_comes_before_a_name(tmp_path, shipped, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add(tmp_path, "saved_models/brass/1", when=100)
    (tmp_path / "brass").mkdir()  # no model: the name is meant
    assert existing_model(Path("brass")) == Path("saved_models/brass")
    add(tmp_path, "brass/1", when=100)
    assert existing_model(Path("brass")) == Path("brass")


@pytest.mark.parametrize("find", [existing_model, exported_version])
def test_a_name_that_is_nearly_right_is_proposed(tmp_path, shipped, find):
    add(tmp_path, "violins/1", when=100)
    add(shipped, "players-128/1", when=100)
    with pytest.raises(UserError) as raised:
        find(Path("player-128"), tmp_path)
    assert str(raised.value).endswith(
        "Did you mean 'players-128'? 'cargan models' lists what is there: violins, players-128."
    )


@pytest.mark.parametrize("named", ["/brass", "../brass", "none/../../brass"])
def test_a_path_is_no_name(tmp_path, named):
    add(tmp_path, "brass/1", when=100)
    (tmp_path / "models").mkdir()
    with pytest.raises(UserError, match="no model at"):
        existing_model(Path(named), tmp_path / "models")


def test_the_shipped_models_lie_in_the_package():
    package = resources.files("cargan_tf.saved_models")
    assert (shipped_folder() / "__init__.py").read_text() == (package / "__init__.py").read_text()


def test_the_model_of_the_largest_images_is_the_default(tmp_path, shipped, tiny_config):
    add(tmp_path, "quickstart/1", 900, of_size(tiny_config, 64))
    best = add(shipped, "players-128/1", 100, of_size(tiny_config, 128))
    assert default_model(tmp_path).version == best
    assert default_model(tmp_path).describe() == "players-128 version 1 (128×128, shipped)"
    own = add(tmp_path, "mine/1", 200, of_size(tiny_config, 128))
    assert default_model(tmp_path).version == own, "of equals, one's own"
    last = add(tmp_path, "yours/2", 300, of_size(tiny_config, 128))
    assert default_model(tmp_path).version == last, "of one's own, the last"
    assert default_model(tmp_path).describe() == "yours version 2 (128×128)"
    names = [model.name for model in exported_models(tmp_path)]
    assert names == ["yours", "mine", "players-128", "quickstart"]


def test_labels_of_versions_must_agree(tmp_path, tiny_config):
    folder = tmp_path / "quickstart"
    check_same_labels(folder, ("tuba",))  # nothing there
    add(tmp_path, "quickstart/1", 100, tiny_config, ("cello", "violin"))
    check_same_labels(folder, ["cello", "violin"])
    for labels in (("cello",), ("violin", "cello")):  # the order is that of the model's outputs
        with pytest.raises(UserError, match=r"holds version 1 of a model with the labels cello, v"):
            check_same_labels(folder, labels)


def test_a_run_is_exported_under_its_own_name_unless_another_models(tmp_path, tiny_config):
    assert export_folder("quickstart", ("tuba",), tmp_path) == tmp_path / "quickstart"
    add(tmp_path, "quickstart/1", 100, tiny_config, ("cello", "violin"))
    add(tmp_path, "quickstart-2/1", 100, tiny_config, ("cello", "horn"))
    assert export_folder("quickstart", ("cello", "violin"), tmp_path) == tmp_path / "quickstart"
    assert export_folder("quickstart", ("tuba",), tmp_path) == tmp_path / "quickstart-3"
