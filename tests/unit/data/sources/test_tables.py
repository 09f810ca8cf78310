from pathlib import Path

import pytest

from cargan_tf.data.sources.tables import (
    RowError,
    confined_file,
    read_rows,
    split_in_name,
    split_of,
)
from cargan_tf.errors import UserError


def test_rows_with_their_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a, b\n1,"2, 3"\n4\n')
    names, rows = read_rows(path)
    assert names == ["a", "b"]
    assert list(rows) == [(2, {"a": "1", "b": "2, 3"}), (3, {"a": "4", "b": ""})]


def test_other_delimiters_have_no_quotes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('He said "ho"&x\n')
    names, rows = read_rows(path, "&", ["label", "video"])
    assert names == ["label", "video"]
    assert list(rows) == [(1, {"label": 'He said "ho"', "video": "x"})]


@pytest.mark.parametrize(("word", "split"), [("Val", "validation"), (" training ", "train")])
def test_words_for_splits(word, split):
    assert split_of(word) == split


def test_a_word_that_is_no_split():
    with pytest.raises(RowError, match="split 'dev' is not one of train, validation, test"):
        split_of("dev")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train_data.txt", "train"),
        ("valSet.txt", "validation"),
        ("test.csv", "test"),
        ("Annotations.txt", ""),
        ("train_and_test.csv", ""),
        ("contest.csv", ""),
    ],
)
def test_files_named_after_a_split(name, split):
    assert split_in_name(Path(name)) == split


def test_a_file_in_the_folder_and_one_out_of_it(tmp_path):
    (tmp_path / "a.wav").touch()
    assert confined_file("./a.wav", tmp_path.resolve(), "x") == tmp_path.resolve() / "a.wav"
    with pytest.raises(RowError, match=r"no file b\.wav"):
        confined_file("b.wav", tmp_path.resolve(), "x")
    with pytest.raises(UserError, match=r"list line 3: '\.\./a.wav' leads out of"):
        confined_file("../a.wav", tmp_path.resolve(), "list line 3")
