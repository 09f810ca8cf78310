"""Finds out what kind of source a path is, and reads its pairs."""

from __future__ import annotations

from pathlib import Path

from cargan_tf.data.manifest import COLUMNS, MANIFEST_NAME, read_manifest
from cargan_tf.data.pairs import LeftOut, Source
from cargan_tf.data.sub_urmp import find_tree, read_tree
from cargan_tf.errors import UserError

#: So many of the things left out are told in an error message.
_REASONS_SHOWN = 3

_EXPECTED = (
    f"expected a CSV file with the columns {','.join(COLUMNS)}, a folder with such a"
    f" {MANIFEST_NAME}, or a folder with img/ and chunk/ (Sub-URMP)"
)


def find_source(path: Path) -> Source:
    """The pairs at ``path``: a CSV file, a folder with one, or Sub-URMP's folders.

    A ``manifest.csv`` goes before the folders beside it: it also knows the players.

    Raises:
        UserError: nothing is there, nothing that is known, or not one pair.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"no file or folder {path}: {_EXPECTED}.")
    source = _read(path)
    if not source.pairs:
        raise UserError(
            f"{path} holds no pair of sound and picture; left out:"
            f" {len(source.left_out)}{first_reasons(source.left_out)}."
        )
    return source


def first_reasons(left_out: tuple[LeftOut, ...]) -> str:
    """`` (name: reason; name: reason; …)`` for an error message, empty when there is none."""
    shown = [f"{item.what}: {item.why}" for item in left_out[:_REASONS_SHOWN]]
    if len(left_out) > _REASONS_SHOWN:
        shown.append("…")
    return f" ({'; '.join(shown)})" if shown else ""


def _read(path: Path) -> Source:
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise UserError(f"{path} is not a CSV file: {_EXPECTED}.")
        return read_manifest(path)
    if (path / MANIFEST_NAME).is_file():
        return read_manifest(path / MANIFEST_NAME)
    try:
        empty = next(path.iterdir(), None) is None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if empty:
        raise UserError(f"the folder {path} is empty: {_EXPECTED}.")
    tree = find_tree(path)
    if tree is None:
        raise UserError(f"nothing known in {path}: {_EXPECTED}.")
    return read_tree(tree)
