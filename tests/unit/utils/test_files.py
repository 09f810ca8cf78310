import errno
import hashlib
import json
import os
import stat

import pytest

from cargan_tf.utils.files import (
    file_hash,
    read_json,
    read_regular,
    write_atomically,
    write_json,
)


def test_content_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_everybody_may_read_it(tmp_path):
    write_atomically(tmp_path / "file", b"")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_fault_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, fault):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(handle):
        raise fault

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(fault)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_keeps_the_order_of_its_keys(tmp_path):
    write_json(tmp_path / "file.json", {"b": 1, "a": [1.5, None]})
    text = (tmp_path / "file.json").read_text("utf-8")
    assert list(json.loads(text)) == ["b", "a"]
    assert text.endswith("}\n")


@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
def test_what_might_never_end_is_not_read(tmp_path, target):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file.json").symlink_to(target)
    with pytest.raises(OSError, match="not a regular file"):
        read_json(tmp_path / "file.json")


def test_no_more_is_read_than_allowed(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="more than 4 bytes"):
        read_regular(tmp_path / "file", 4)


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_what_need_not_outlive_a_power_failure_is_not_flushed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    write_atomically(tmp_path / "image", b"again in a moment", durable=False)
    assert (tmp_path / "image").read_bytes() == b"again in a moment"
    assert not flushed
    write_atomically(tmp_path / "weights", b"days of work")
    assert len(flushed) == 1


def test_a_file_s_hash_is_its_sha_256(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert file_hash(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
