"""The folder that a source lies in: its files by the names that a table gives them, none outside
it, and what the names of files say of recordings."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path, PureWindowsPath
from typing import Final

from cargan_tf.data.sources.tables import RowError
from cargan_tf.errors import UserError
from cargan_tf.labels import fold

#: ``double_bass01_24700``: how Sub-URMP names a moment, by its recording and the milliseconds.
MOMENT: Final = re.compile(r"(?P<recording>.+)_(?P<start>\d{1,9})", re.ASCII)
#: Names that are not Sub-URMP's mean milliseconds if all numbers are round: ``solo_1500``, and
#: unlike ``take_12``.
_ROUND_MS: Final = 100


#: Why a link is skipped; what it leads to may be no data at all, but the user's own files.
LEADS_OUT: Final = "is a link out of the folder and is not followed: copy what it leads to there"

#: Places of a path that are tried as the folder's own name: each costs a look at all parts after.
_MOST_PLACES: Final = 4


class SourceFolder:
    """Finds the files that a table or list names within its own folder.

    A data set from elsewhere must not read files outside its folder into a model.

    Attributes:
        root: the folder, without links.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._respelled: dict[str, str] = {}
        self._names: dict[Path, dict[str, list[str]]] = {}

    def file(self, text: str, where: str) -> Path:
        """The file that ``text`` names, links resolved.

        A path may be absolute if it lies in the folder, or did before the folder was moved, and may
        begin with the folder's own name. Where there is no file of that very name, backslashes
        separate folders, and case and Unicode's form do not count, as long as only one file is
        meant.

        Raises:
            UserError: it leads out of the folder; ``where`` names the row of the table.
            RowError: there is no such file.
        """
        if "\0" in text:
            raise RowError(f"{where.rpartition(', ')[2]} holds a null character")
        text = text.removeprefix("file://").removeprefix(f"{self.root}/")
        try:
            path = self._path(text, where)
        except UserError:
            found = self._moved(text, where)
            if found is None:
                raise
        else:
            if _is_file(path, text):
                return path
            forward = self._path(text.replace("\\", "/"), where)
            found = self._in_another_spelling(forward, text) or self._moved(text, where)
        if found is None and PureWindowsPath(text).drive:
            raise RowError(
                f"no file {text}: that is a path on a Windows computer; write it relative to"
                f" {self.root}"
            )
        if found is None:
            raise RowError(f"no file {text}")
        path = self._path(relative(found, self.root), where)
        self._respelled.setdefault(text, relative(path, self.root))
        return path

    def notes(self) -> tuple[str, ...]:
        """What was assumed of names, in one line, for the table's owner to check."""
        if not self._respelled:
            return ()
        text, found = next(iter(self._respelled.items()))
        count = len(self._respelled)
        paths = "1 path was" if count == 1 else f"{count} paths were"
        return (f"{paths} found under another name, such as {text} as {found}",)

    def _path(self, text: str, where: str) -> Path:
        """Where ``text`` leads within the folder, whether or not something is there."""
        named = Path(text)
        try:
            path = _resolved(self.root / named.parent) / named.name
            if named.name in ("", "..") or path.is_symlink():
                path = path.resolve()
        except (OSError, RuntimeError) as error:  # links in a circle
            raise _no_file(text, error) from error
        if not path.is_relative_to(self.root):
            raise UserError(
                f"{where}: {text!r} leads out of {self.root}; paths must be relative to that"
                " folder, or lie in it."
            )
        return path

    def _moved(self, text: str, where: str) -> Path | None:
        """A file in the folder whose path was written from above it, or when it lay elsewhere."""
        if os.path.exists(text):
            return None  # another file is meant
        parts = PureWindowsPath(text).parts  # knows both slashes
        places = [at for at, part in enumerate(parts[:-1], 1) if part == self.root.name]
        for position in places[:_MOST_PLACES]:
            path = self._path("/".join(parts[position:]), where)
            found = path if _is_file(path, text) else self._in_another_spelling(path, text)
            if found is not None:
                return found
        return None

    def _in_another_spelling(self, path: Path, text: str) -> Path | None:
        """The only file whose path is ``path`` but for case and Unicode's form."""
        found = self.root
        for part in path.relative_to(self.root).parts:
            names = self._names_in(found).get(_plain(part), [])
            if part in names:
                names = [part]
            if len(names) > 1:
                shown = " and ".join(sorted(names))
                raise RowError(f"no file {text}; {shown} are there: write the one that is meant")
            if not names:
                return None
            found /= names[0]
        return found if _is_file(found, text) else None

    def _names_in(self, folder: Path) -> dict[str, list[str]]:
        """The names in a folder by their plain forms; read once."""
        if folder not in self._names:
            names = self._names[folder] = {}
            with suppress(OSError):
                for path in folder.iterdir():
                    names.setdefault(_plain(path.name), []).append(path.name)
        return self._names[folder]


def moments_of(stems: Iterable[str], label: str) -> dict[str, tuple[str, int]]:
    """Recording and start in ms of those names in a class folder that say both.

    Args:
        stems: names of files without their ending.
        label: the class, folded; a recording that begins with it is named as in Sub-URMP.
    """
    named: dict[str, dict[str, int]] = defaultdict(dict)
    for stem in stems:
        match = MOMENT.fullmatch(stem)
        if match:
            named[match["recording"]][stem] = int(match["start"])
    return {
        stem: (recording, start)
        for recording, starts in named.items()
        if fold(recording).startswith(label) or not any(ms % _ROUND_MS for ms in starts.values())
        for stem, start in starts.items()
    }


def relative(path: Path, root: Path) -> str:
    """What messages call a file below ``root``."""
    return path.relative_to(root).as_posix()


def visible(folder: Path) -> list[Path]:
    """What lies in ``folder``, sorted; hidden files such as ``.DS_Store`` are ignored.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}.") from error


def leads_out(path: Path, root: Path) -> bool:
    """Whether ``path`` is itself a link, and to somewhere outside ``root``.

    ``root`` may be a link: its owner named it.
    """
    if not path.is_symlink():
        return False
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle lead nowhere
        return False


def entries(folder: Path, root: Path, skip: Callable[[str, str], None] | None = None) -> list[Path]:
    """What is visible in ``folder``, without links out of ``root``, as of :class:`SourceFolder`.

    Args:
        folder: ``root`` or in it.
        root: of the data set.
        skip: is told of each such link and why it is skipped.

    Raises:
        UserError: it cannot be read.
    """
    found = []
    for path in visible(folder):
        if not leads_out(path, root):
            found.append(path)
        elif skip is not None:
            skip(relative(path, root), LEADS_OUT)
    return found


def _plain(name: str) -> str:
    """A file's name as systems compare it that know no case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _is_file(path: Path, text: str) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a name that is too long
        raise _no_file(text, error) from error


def _no_file(text: str, error: Exception) -> RowError:
    return RowError(f"no file {text}: {getattr(error, 'strerror', None) or error}")


@cache
def _resolved(folder: Path) -> Path:
    """``folder`` without links: resolved once, as tens of thousands of files lie in it."""
    return folder.resolve()
