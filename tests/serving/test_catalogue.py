import os

import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.catalogue import default_model, newest_version, versions_in


def add(folder, name, when):
    version = folder / name
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    os.utime(version / "saved_model.pb", (when, when))
    return version


def test_the_model_exported_last_is_taken(tmp_path):
    add(tmp_path, "violins/1", when=100)
    last = add(tmp_path, "brass/1", when=300)
    add(tmp_path, "violins/2", when=200)
    assert default_model(tmp_path) == last


@pytest.mark.parametrize("name", ["empty", "brass/.export-x1", "brass/1/half", "brass/old"])
def test_what_is_no_whole_version_does_not_count(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir(parents=True)
    if "export" in name or "old" in name:
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
