"""Files: atomic writes, hashes, a full disk, and remote paths such as ``gs://bucket/data``.

TensorFlow itself reads shards and SavedModels, so all other remote files use its file systems too,
with the same credentials. Which schemes work (``gs://``, ``s3://``, ``hdfs://``) depends on the
installed TensorFlow.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import posixpath
import re
import stat
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PosixPath
from typing import Any, BinaryIO

from cargan_tf.errors import UserError

#: The text for a full disk in errors of TensorFlow and HDF5, which have their own types.
_DISK_FULL = os.strerror(errno.ENOSPC)

#: Suffix of temporary files that are renamed when complete.
_UNFINISHED = ".unfinished"
#: Characters of a file's name in its temporary file's, which must not exceed 255 bytes either.
_PREFIX = 40
#: The first part of a remote path in ``pathlib``; a single letter would be a drive.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:")


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
        dir=path.parent, prefix=hidden_prefix(path), suffix=_UNFINISHED
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


def hidden_prefix(path: Path) -> str:
    """For a temporary file beside ``path``: file systems allow names of 255 bytes."""
    return f".{path.name[:_PREFIX]}."


def sweep_unfinished(folder: Path) -> None:
    """Remove temporary files of killed writers from ``folder``; the caller must hold its lock."""
    for left in folder.glob(f".*{_UNFINISHED}"):
        left.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; keys keep their order."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path, max_bytes: int = 2**26) -> Any:
    """The value in a JSON file of at most ``max_bytes``, whoever wrote it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger, no JSON, or nested deeper than Python can follow.
    """
    content = read_regular(path, max_bytes)
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The content of a file that somebody else may have made.

    Raises:
        OSError: it cannot be read, or is a pipe or device, which might never end.
        ValueError: it is larger than ``max_bytes``.
    """
    with path.open("rb") if is_remote(path) else open_regular(path) as stream:
        size = 0 if is_remote(path) else os.fstat(stream.fileno()).st_size
        content = stream.read(max_bytes + 1) if size <= max_bytes else b""
    if max(size, len(content)) > max_bytes:
        raise ValueError(f"more than {max_bytes:,} bytes")
    return content


def open_regular(path: Path) -> BinaryIO:
    """Open a local file to read it; ``OSError`` at once for a pipe or device."""
    return open(path, "rb", opener=_regular)


def _regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", path)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` means that the disk is full or a quota is exceeded."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _DISK_FULL in str(error)


def to_path(named: str | Path) -> Path:
    """``named`` as a local or a remote path.

    ``pathlib`` turns ``gs://a`` into ``gs:/a``, which is understood as well.
    """
    path = Path(named)
    return RemotePath(path) if path.parts and _SCHEME.fullmatch(path.parts[0]) else path


def is_remote(named: str | Path) -> bool:
    """Whether ``named`` is on a file system that only TensorFlow reaches."""
    return isinstance(to_path(named), RemotePath)


def check_local(path: Path, what: str) -> None:
    """Refuse a remote ``path`` for something that needs a local disk.

    Raises:
        UserError: ``path`` is remote; the message names ``what``, such as ``a run's directory``.
    """
    if is_remote(path):
        raise UserError(
            f"{what} must be on a local disk, received {to_path(path)}: choose a local folder and"
            " copy it there when it is done."
        )


def openable(path: Path) -> Path | io.BytesIO:
    """``path`` for libraries that open files themselves; for a remote file, its content.

    Raises:
        OSError: a remote file is missing or cannot be read.
    """
    return path.open("rb") if isinstance(path, RemotePath) else path


class _Content(io.BytesIO):
    """A remote file's content in memory, with the file's name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name

    def __repr__(self) -> str:  # Pillow's messages show it
        return repr(self.name)


class RemotePath(PosixPath):
    """A path on one of TensorFlow's file systems; supports what this project needs.

    Files are read whole, in one request. Errors are ``OSError``, as for local files, or
    ``UserError`` if TensorFlow does not support the file system.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if not self.is_absolute():
            return text
        scheme, _, rest = text.partition(":")
        return f"{scheme}://{rest.lstrip('/')}"

    def is_absolute(self) -> bool:
        """Whether it has a scheme; the result of ``relative_to`` has none."""
        return bool(self.parts and _SCHEME.fullmatch(self.parts[0]))

    def resolve(self, strict: bool = False) -> RemotePath:
        """The path without ``..``; there are no symbolic links."""
        scheme, _, rest = str(self).partition("://")
        return type(self)(f"{scheme}://{posixpath.normpath(f'/{rest}').lstrip('/')}")

    absolute = resolve

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Type, size and modification time."""
        with self._errors() as gfile:
            found = gfile.stat(str(self))
        kind = stat.S_IFDIR if found.is_directory else stat.S_IFREG
        seconds = found.mtime_nsec / 1e9
        fields = (kind, 0, 0, 1, 0, 0, found.length, seconds, seconds, seconds)
        return os.stat_result(fields, {"st_mtime": seconds, "st_mtime_ns": found.mtime_nsec})

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is a file or folder."""
        with self._errors() as gfile:
            return bool(gfile.exists(str(self)))

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        with self._errors() as gfile:
            return bool(gfile.isdir(str(self)))

    def is_file(self) -> bool:
        """Whether it is a file."""
        try:
            return stat.S_ISREG(self.stat().st_mode)
        except FileNotFoundError:
            return False

    def open(self, mode: str = "r", *_: Any, **options: Any) -> Any:
        """The whole content, as bytes (``rb``) or text."""
        if mode not in ("r", "rb"):
            raise io.UnsupportedOperation(f"{self} is opened for reading only, not {mode!r}")
        with self._errors() as gfile, gfile.GFile(str(self), "rb") as stream:
            content = _Content(stream.read(), str(self))
        if mode == "rb":
            return content
        encoding = options.get("encoding")
        return io.TextIOWrapper(content, "utf-8" if encoding == "locale" else encoding)

    def write_bytes(self, data: Any) -> int:
        """Write a file; object stores show it when it is complete."""
        with self._errors() as gfile, gfile.GFile(str(self), "wb") as stream:
            stream.write(bytes(data))
        return len(data)

    def iterdir(self) -> Generator[RemotePath, None, None]:
        """The folder's entries."""
        with self._errors() as gfile:
            names = gfile.listdir(str(self))
        return (self / name.rstrip("/") for name in names if name.rstrip("/"))

    def glob(self, pattern: str) -> Generator[RemotePath, None, None]:
        """The folder's entries that match ``pattern``."""
        return (path for path in self.iterdir() if fnmatch(path.name, pattern))

    def rglob(self, pattern: str) -> Generator[RemotePath, None, None]:
        """All entries below the folder that match ``pattern``."""
        with self._errors() as gfile:
            found = [(folder, names) for folder, _, names in gfile.walk(str(self))]
        return (
            type(self)(folder) / name
            for folder, names in found
            for name in names
            if fnmatch(name, pattern)
        )

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the folder and its parents; object stores have none."""
        with self._errors() as gfile:
            gfile.makedirs(str(self))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        try:
            with self._errors() as gfile:
                gfile.remove(str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def replace(self, target: Any) -> RemotePath:
        """Rename the file; an object store copies it."""
        with self._errors() as gfile:
            gfile.rename(str(self), str(target), overwrite=True)
        return type(self)(target)

    @contextmanager
    def _errors(self) -> Iterator[Any]:
        """``tf.io.gfile``, with its errors translated to ``OSError``."""
        import tensorflow as tf

        try:
            yield tf.io.gfile
        except tf.errors.NotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self)) from error
        except tf.errors.UnimplementedError as error:
            raise UserError(
                f"the installed TensorFlow cannot reach {self}: use a scheme it supports (gs://),"
                " mount it as a folder, or copy it to a local disk."
            ) from error
        except tf.errors.OpError as error:
            reason = " ".join(error.message.split())[:200]
            raise OSError(errno.EIO, reason, str(self)) from error
