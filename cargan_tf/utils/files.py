"""Atomic writes, file hashes, and recognizing a full disk."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cargan_tf.utils.remote import RemotePath

#: The text for a full disk in errors of TensorFlow and HDF5, which have their own types.
_DISK_FULL = os.strerror(errno.ENOSPC)

#: Suffix of temporary files that are renamed when complete.
_UNFINISHED = ".unfinished"
#: Characters of a file's name in its temporary file's, which must not exceed 255 bytes either.
_PREFIX = 40


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write to a temporary file, flush it to disk and rename it to ``path``.

    Remote files are written directly: object stores show them when they are complete.

    Args:
        path: the file.
        content: its whole content.
        durable: flush, so that the file survives a power failure. Without, it still survives the
            death of this process.
    """
    if isinstance(path, RemotePath):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name[:_PREFIX]}.", suffix=_UNFINISHED
    )
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp creates private files; results are readable by all
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sweep_unfinished(folder: Path) -> None:
    """Remove temporary files of killed writers from ``folder``; the caller must hold its lock."""
    for left in folder.glob(f".*{_UNFINISHED}"):
        left.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; keys keep their order."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` means that the disk is full or a quota is exceeded."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _DISK_FULL in str(error)
