import csv
import errno
import os

import numpy as np
import pytest
import soundfile

LABELS = 13
RECORDINGS = 18  # the fewest with each player in each split


@pytest.fixture(scope="module")
def sample(cargan, tmp_path_factory):
    """The smallest sample data, and what was said of it."""
    out = tmp_path_factory.mktemp("sample") / "my sample"
    words = ("--count", RECORDINGS, "--clips", 1, "--workers", 1)
    return out, words, cargan("sample-data", out, *words)


def test_pairs_are_counted_and_the_next_command_proposed(sample):
    out, _, done = sample
    assert done.status == 0, done.err
    assert f"Sample data: {out / 'manifest.csv'}\n" in done.out
    assert done.next == f"cargan preprocess '{out}' data --config quickstart"
    assert f"Sample data: {LABELS * RECORDINGS}/{LABELS * RECORDINGS}, " in done.err
    assert len(list(out.rglob("img/**/*.jpg"))) == LABELS * RECORDINGS
    assert len(list(out.rglob("chunk/**/*.wav"))) == LABELS * RECORDINGS


def test_a_second_call_makes_nothing(sample, cargan):
    out, words, first = sample
    again = cargan("sample-data", out, *words)
    assert (again.status, again.out, again.err) == (0, first.out, "")


def test_other_parameters_do_not_overwrite_it(sample, cargan):
    out, words, _ = sample
    assert f"{out} holds a sample data set made with other parameters" in (
        cargan("sample-data", out, *words, "--seed", 1).error
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--count", 3), "count is 3; at least 18 recordings are needed"),
        (("--recordings", "12"), "the number of recordings is now --count 12"),
        (("--synthesizer",), "--synthesizer requires --soundfont"),
        (("--recordings", "nowhere"), "there is no nowhere"),
        (("--clips", 0), "clips_per_recording is 0"),
        (("--seed", -1), "seed is -1"),
        (("--workers", 0), "workers is 0"),
        (("--soundfont", "none.sf2"), "SoundFont"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(cargan, tmp_path, words, said):
    assert said in cargan("sample-data", "out", *words, cwd=tmp_path).error
    assert not list(tmp_path.iterdir())


def test_a_folder_of_other_things_is_left_alone(cargan, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "is no sample data set" in cargan("sample-data", tmp_path).error
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(cargan, tmp_path):
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'}" in cargan("sample-data", tmp_path / "file" / "out").error


def test_a_full_disk_is_named_and_nothing_is_left(cargan, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    monkeypatch.setattr("cargan_tf.synthetic.build.write_pairs", full)
    error = cargan("sample-data", tmp_path / "out", "--workers", 1).error
    assert "the disk is full" in error
    assert not list(tmp_path.iterdir())


def test_sounds_of_ones_own_become_pairs(cargan, tmp_path):
    time = np.arange(22_050) / 22_050
    for name, frequency in (
        ("flute/f_A4.wav", 440),
        ("flute/f_A5.wav", 880),
        ("none/door.wav", 99),
    ):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "own" / name, 0.3 * np.sin(2 * np.pi * frequency * time), 22_050)
    words = ("--recordings", "own", "--count", 0, "--clips", 4, "--workers", 1)
    assert cargan("sample-data", "out", *words, cwd=tmp_path).status == 0
    with (tmp_path / "out" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["source"], row["midi"]) for row in rows} == {
        ("real", "69"),
        ("real", "81"),
    }
    assert len(rows) == 8
    assert len(list((tmp_path / "out" / "none").rglob("real*.wav"))) == 4
    for row in rows:
        assert (tmp_path / "out" / row["audio"]).is_file()
        assert (tmp_path / "out" / row["image"]).is_file()
