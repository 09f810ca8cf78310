"""The fuzz target's readers, by bytes that hypothesis makes; atheris goes further, by hand."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robustness.fuzzing import SLOW, TARGETS, attempt, corpus, mutate

#: FFmpeg has its own fuzzers and is slow, as those are that start TensorFlow.
READERS = [name for name in TARGETS if name not in ("video", *SLOW)]


@pytest.mark.parametrize("name", READERS)
def test_what_is_to_be_changed_can_be_read_as_it_is(name, tmp_path):
    read = [attempt(name, content, tmp_path) for content in corpus(name)]
    # Of the tables, all but the first name files that are not there.
    assert read == [True, *[name != "source"] * (len(read) - 1)]


@pytest.mark.parametrize("name", READERS)
@settings(derandomize=True, max_examples=25, deadline=None)
@given(data=st.data())
def test_bytes_put_into_a_whole_file_are_read_or_refused(name, data):
    content = data.draw(st.sampled_from(corpus(name)))
    position = data.draw(st.integers(0, len(content)))
    inserted = data.draw(st.binary(max_size=12))
    left = data.draw(st.integers(0, 12))
    with tempfile.TemporaryDirectory() as folder:
        attempt(name, content[:position] + inserted + content[position + left :], Path(folder))


@pytest.mark.parametrize("name", READERS)
@settings(derandomize=True, max_examples=15, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_message(name, content):
    with tempfile.TemporaryDirectory() as folder:
        read = attempt(name, content, Path(folder))
    assert not read or name == "configuration"  # an empty file changes nothing


def test_files_are_changed_reader_after_reader_and_faults_kept(tmp_path, monkeypatch, capsys):
    assert mutate(["metadata"], 0.3, 0, tmp_path / "faults") == 0
    assert "| metadata |" in capsys.readouterr().out
    assert not (tmp_path / "faults").exists()

    def broken(path):
        raise IndexError(path)

    monkeypatch.setitem(TARGETS, "metadata", (broken, ".json"))
    assert mutate(["metadata"], 0.1, 0, tmp_path / "faults") > 0
    assert "IndexError" in (tmp_path / "faults" / "metadata-0.txt").read_text()
    assert (tmp_path / "faults" / "metadata-0.input").is_file()
