import numpy as np
import pytest
import soundfile
from PIL import Image


@pytest.fixture
def silent_data(cargan, tree, tiny_yaml, tmp_path):
    for start in range(2):
        path = sorted((tree / "chunk" / "train" / "cello").iterdir())[start]
        soundfile.write(path, np.zeros(4_000), 8_000)

    def make(*words):
        out = tmp_path / "made"
        done = cargan("preprocess", tree, out, "--config", tiny_yaml, "--workers", 1, *words)
        assert done.status == 0, done.err
        return out, done

    return make


def test_counts_flags_and_a_sheet(cargan, silent_data):
    data, _ = silent_data()
    done = cargan("inspect", data)
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["train", "validation", "test"]
    assert lines[1].split() == ["cello", "8", "4", "4"]
    assert lines[4].split() == ["all", "24", "12", "12"]
    assert lines[5:7] == ["Silent: 2", "  cello: 2"]
    assert lines[7].startswith("    train/cello/cello_")
    assert lines[9] == "Noise-like: 0"
    assert lines[-1] == f"Examples: {data / 'contact_sheet.png'}"
    assert Image.open(data / "contact_sheet.png").width > 300


def test_the_sheet_goes_where_it_is_wanted(cargan, tiny_data, tmp_path):
    assert cargan("inspect", tiny_data, "-o", tmp_path / "sheet.jpg").status == 0
    assert Image.open(tmp_path / "sheet.jpg").format == "JPEG"
    assert "no image format" in cargan("inspect", tiny_data, "-o", tmp_path / "x.abc").error


def test_many_are_named_only_on_request(cargan, silent_data, monkeypatch):
    monkeypatch.setattr("cargan_cli.inspect_data.SHOWN", 1)
    data, _ = silent_data()
    assert "    and 1 more, named with --all\n" in cargan("inspect", data).out
    assert "more" not in cargan("inspect", data, "--all").out


def test_silent_clips_left_out_are_counted(cargan, silent_data):
    data, made = silent_data("--drop-silent")
    assert "train: 22 pairs of 3 labels, 0 silent" in made.out
    assert "Silent clips skipped: 2\n" in made.out
    assert "Skipped: 2, listed in" in made.out
    said = cargan("inspect", data).out
    assert "Silent: 0\n" in said
    assert "Silent clips skipped at preprocessing: 2\n" in said


def test_no_data_set(cargan, tmp_path):
    assert "no prepared data set" in cargan("inspect", tmp_path).error
