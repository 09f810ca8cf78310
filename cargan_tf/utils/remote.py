"""Places that TensorFlow's file systems reach, such as ``gs://bucket/data``, as paths.

Shards and SavedModels are read by TensorFlow itself, so everything beside them goes the same way,
with the same credentials. Whether ``gs://``, ``s3://`` or ``hdfs://`` works is a matter of the
TensorFlow that is installed.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
import re
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PosixPath
from typing import Any

from cargan_tf.errors import UserError

#: How the first part of such a path ends up in ``pathlib``; one letter would be a drive.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:")


def to_path(named: str | Path) -> Path:
    """The path that ``named`` means, here or elsewhere.

    ``pathlib`` makes ``gs:/a`` of ``gs://a``; given one of those, it is put right again.
    """
    path = Path(named)
    return RemotePath(path) if path.parts and _SCHEME.fullmatch(path.parts[0]) else path


def is_remote(named: str | Path) -> bool:
    """Whether ``named`` is a place that only TensorFlow reaches."""
    return isinstance(to_path(named), RemotePath)


def check_local(path: Path, what: str) -> None:
    """Refuse a remote ``path`` for something that must be on a disk, before a folder is made.

    Raises:
        UserError: names ``what``, such as ``a run's directory``.
    """
    if is_remote(path):
        raise UserError(
            f"{what} must be on a disk of this machine, received {to_path(path)}: choose a folder"
            " here, and copy it there when it is done."
        )


def openable(path: Path) -> Path | io.BytesIO:
    """``path`` for libraries that open files themselves; of a remote one, its content.

    Raises:
        OSError: a remote file is not there or cannot be read.
    """
    return path.open("rb") if isinstance(path, RemotePath) else path


class _Content(io.BytesIO):
    """A file's content in memory, which knows whose it is."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name

    def __repr__(self) -> str:  # Pillow's messages show it
        return repr(self.name)


class RemotePath(PosixPath):
    """A path whose files TensorFlow reads and writes, for what this project does with paths.

    A file is read whole, in one request. Errors are ``OSError``, as of the disk; ``UserError``
    where TensorFlow knows no such file system.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if not self.is_absolute():
            return text
        scheme, _, rest = text.partition(":")
        return f"{scheme}://{rest.lstrip('/')}"

    def is_absolute(self) -> bool:
        """Whether it names a place; what is left after ``relative_to`` does not."""
        return bool(self.parts and _SCHEME.fullmatch(self.parts[0]))

    def resolve(self, strict: bool = False) -> RemotePath:
        """Without ``..``; there are no links."""
        scheme, _, rest = str(self).partition("://")
        return type(self)(f"{scheme}://{posixpath.normpath(f'/{rest}').lstrip('/')}")

    absolute = resolve

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Kind, size and time of change."""
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
        """Write a file; object stores show it when it is whole."""
        with self._errors() as gfile, gfile.GFile(str(self), "wb") as stream:
            stream.write(bytes(data))
        return len(data)

    def iterdir(self) -> Generator[RemotePath, None, None]:
        """What is in the folder."""
        with self._errors() as gfile:
            names = gfile.listdir(str(self))
        return (self / name.rstrip("/") for name in names if name.rstrip("/"))

    def glob(self, pattern: str) -> Generator[RemotePath, None, None]:
        """What is in the folder and has such a name."""
        return (path for path in self.iterdir() if fnmatch(path.name, pattern))

    def rglob(self, pattern: str) -> Generator[RemotePath, None, None]:
        """What is anywhere below the folder and has such a name."""
        with self._errors() as gfile:
            found = [(folder, names) for folder, _, names in gfile.walk(str(self))]
        return (
            type(self)(folder) / name
            for folder, names in found
            for name in names
            if fnmatch(name, pattern)
        )

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the folder and those above it; object stores have none."""
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
        """Rename the file; an object store copies it there, whole."""
        with self._errors() as gfile:
            gfile.rename(str(self), str(target), overwrite=True)
        return type(self)(target)

    @contextmanager
    def _errors(self) -> Iterator[Any]:
        """``tf.io.gfile``, with its errors as those of the disk."""
        import tensorflow as tf

        try:
            yield tf.io.gfile
        except tf.errors.NotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self)) from error
        except tf.errors.UnimplementedError as error:
            raise UserError(
                f"the TensorFlow installed here cannot reach {self}: use a scheme it knows"
                " (gs://), mount the place as a folder, or copy it here."
            ) from error
        except tf.errors.OpError as error:
            reason = " ".join(error.message.split())[:200]
            raise OSError(errno.EIO, reason, str(self)) from error
