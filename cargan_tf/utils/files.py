"""Writing files so that a reader sees the old one or the whole new one, and telling them apart."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cargan_tf.utils.remote import RemotePath

#: How TensorFlow and HDF5, which raise errors of their own, word a full disk.
_DISK_FULL = os.strerror(errno.ENOSPC)

#: How hidden files end that do not bear their name yet.
_UNFINISHED = ".unfinished"


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write ``content`` beside ``path``, flush it to the disk and rename it into place.

    A remote file is written in one go: object stores show it when it is whole.

    Args:
        path: the file.
        content: all of it.
        durable: the file is whole even if the power fails. What can be made again in a moment
            need not be: without the flush, it is whole whatever happens to this process.
    """
    if isinstance(path, RemotePath):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED
    )
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it private; results are for everyone to read
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sweep_unfinished(folder: Path) -> None:
    """Remove what killed writers left in ``folder``. Only for who keeps all other writers out."""
    for left in folder.glob(f".*{_UNFINISHED}"):
        left.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; keys keep their order."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal; read piece by piece."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` says that no space is left, or that a quota is used up."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _DISK_FULL in str(error)
