"""Tables, lists and names that people write by hand: text in, rows out, no path out of a folder."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from cargan_tf.data.pairs import NO_SPLIT, SPLITS
from cargan_tf.errors import UserError

#: A day: no recording is longer, a greater number is a slip.
MAX_SECONDS = 86_400
MAX_MS = 1000 * MAX_SECONDS

#: A million rows are some 100 MB; the text is held in memory.
MAX_BYTES = 256 * 2**20

#: How a split is called in columns and names of files: ``train_data.txt``, ``valSet.txt``.
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


#: Files of images, by their ending.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})

#: ``double_bass01_24700``: how Sub-URMP names a moment, by its recording and the milliseconds.
MOMENT = re.compile(r"(?P<recording>.+)_(?P<start>\d{1,9})", re.ASCII)


class RowError(Exception):
    """Why one row gives no pair."""


def read_text(path: Path) -> str:
    """The text of a table or list.

    Raises:
        UserError: it cannot be read, is larger than :data:`MAX_BYTES`, or is not text in UTF-8.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path} is larger than {MAX_BYTES >> 20} MB: expected a table of text; split it."
            )
        return path.read_text("utf-8-sig")  # spreadsheets put a byte-order mark in front
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: save it as CSV in UTF-8.") from error


def read_rows(
    path: Path, delimiter: str = ",", header: Sequence[str] | None = None
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The names of a table's columns, and line number and stripped values of every row.

    Args:
        path: the table.
        delimiter: between values.
        header: names of the columns, where the file has none in its first line.

    Raises:
        UserError: it cannot be read; while the rows are taken, that one is not valid CSV.
    """
    reader = csv.DictReader(
        io.StringIO(read_text(path), newline=""),
        header,
        restval="",
        strict=True,
        delimiter=delimiter,
        # Only where commas separate are values quoted.
        quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE,
    )
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise _not_csv(path, reader.line_num, error) from error
    reader.fieldnames = names
    return names, _rows(path, reader)


def split_of(text: str) -> str:
    """The split that a word such as ``val`` or ``Training`` means.

    Raises:
        RowError: it means none.
    """
    split = _SPLIT_WORDS.get(text.strip().lower(), NO_SPLIT)
    if split == NO_SPLIT:
        raise RowError(f"split {text!r} is not one of {', '.join(SPLITS)}")
    return split


def split_in_name(path: Path) -> str:
    """The split that a file is named after (``train_data.txt``, ``valSet.txt``), else none."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", path.stem)
    splits = {_SPLIT_WORDS[word.lower()] for word in words if word.lower() in _SPLIT_WORDS}
    return splits.pop() if len(splits) == 1 else NO_SPLIT


def confined_file(text: str, root: Path, where: str) -> Path:
    """The file that ``text`` names within ``root`` (a folder without links), links resolved.

    A data set from elsewhere must not read files outside its own folder into a model.

    Raises:
        UserError: it is absolute or leads out of ``root``; ``where`` names the row of the table.
        RowError: there is no such file.
    """
    named = Path(text)
    if "\0" in text:
        raise RowError(f"{where.rpartition(', ')[2]} holds a null character")
    try:
        path = _resolved(root / named.parent) / named.name
        if named.name in ("", "..") or path.is_symlink():
            path = path.resolve()
        is_file = path.is_file()
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise RowError(f"no file {text}: {getattr(error, 'strerror', None) or error}") from error
    if named.is_absolute() or not path.is_relative_to(root):
        raise UserError(
            f"{where}: {text!r} leads out of {root}; paths must be relative to that"
            " folder and stay in it."
        )
    if not is_file:
        raise RowError(f"no file {text}")
    return path


def relative(path: Path, root: Path) -> str:
    """What messages call a file below ``root``."""
    return path.relative_to(root).as_posix()


def visible(folder: Path) -> list[Path]:
    """What lies in ``folder``, sorted; hidden files such as ``.DS_Store`` are ignored."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


@cache
def _resolved(folder: Path) -> Path:
    """``folder`` without links: resolved once, as tens of thousands of files lie in it."""
    return folder.resolve()


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for row in reader:
            yield (
                reader.line_num,
                {name: value.strip() for name, value in row.items() if isinstance(value, str)},
            )
    except csv.Error as error:
        raise _not_csv(path, reader.line_num, error) from error


def _not_csv(path: Path, line: int, error: csv.Error) -> UserError:
    return UserError(f"{path} line {line + 1} is not valid CSV: {error}.")
