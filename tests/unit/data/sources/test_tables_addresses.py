"""What a table may make the machine fetch: nothing but files of its own folder."""

import socket

import pytest

from cargan_tf.data.sources.folder import SourceFolder
from cargan_tf.data.sources.tables import RowError
from cargan_tf.errors import UserError

ADDRESSES = [
    "file:/etc/passwd",
    "http://127.0.0.1:1/a.wav",
    "https://example.org/a.wav",
    "gs://bucket/a.wav",
    "s3://bucket/a.wav",
    "hdfs://name/a.wav",
    "ftp://example.org/a.wav",
    "data:audio/wav;base64,UklGRg==",
    "concat:/etc/passwd|a.wav",
    "pipe:0",
    "~/a.wav",
    "$HOME/a.wav",
    "-i",
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_a_file_that_is_not_there(tmp_path, text):
    with pytest.raises(RowError, match="no file"):
        SourceFolder(tmp_path).file(text, "table.csv, line 2")


@pytest.mark.parametrize(
    "text",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "//server/share/a.wav",
        "\\\\server\\a.wav",
        "../a.wav",
        "b/../../a",
    ],
)
def test_a_path_out_of_the_folder_ends_the_reading(tmp_path, text):
    with pytest.raises(UserError, match=r"table\.csv, line 2: .* leads out of"):
        SourceFolder(tmp_path).file(text, "table.csv, line 2")


def test_a_file_that_is_called_like_an_address_is_that_file(tmp_path):
    root = tmp_path.resolve()
    (root / "http:" / "example.org").mkdir(parents=True)
    file = root / "http:" / "example.org" / "a.wav"
    file.touch()
    assert SourceFolder(root).file("http://example.org/a.wav", "table.csv, line 2") == file
