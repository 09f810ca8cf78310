"""Finding exported models and their versions. Without TensorFlow."""

from __future__ import annotations

from pathlib import Path

from cargan_tf.errors import UserError
from cargan_tf.training.run import Run

#: Where `cargan export` is told to put models, below the folder one works in.
FOLDER = Path("saved_models")


def default_model(folder: Path = FOLDER) -> Path:
    """The model exported last below ``folder``.

    Raises:
        UserError: there is none.
    """
    exported = sorted(folder.glob("*/[0-9]*/saved_model.pb"), key=lambda file: file.stat().st_mtime)
    if not exported:
        raise UserError(
            f"no trained model in {folder.resolve()}. Make one with 'cargan quickstart', or name"
            " one with --model (an exported model or a run)."
        )
    return exported[-1].parent


def versions_in(folder: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    if not folder.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in folder.iterdir()
        if entry.name.isdecimal() and (entry / "saved_model.pb").is_file()
    )


def existing_model(folder: Path) -> Path:
    """``folder``, where it is an exported model or a run.

    Raises:
        UserError: it is neither.
    """
    if newest_version(folder) is None and not Run(folder).exists():
        raise UserError(
            f"no model at {folder}: expected an exported model (a folder with numbered versions)"
            " or a run made by 'cargan train'."
        )
    return folder


def exported_version(folder: Path) -> Path:
    """As ``newest_version``, where there must be one.

    Raises:
        UserError: there is none.
    """
    version = newest_version(folder)
    if version is None:
        raise UserError(
            f"no exported model at {folder}: name a folder with numbered versions, as"
            " 'cargan export' writes it."
        )
    return version


def newest_version(folder: Path) -> Path | None:
    """``folder`` if it is an exported version, else the highest version in it, if there is one."""
    versions = versions_in(folder)
    if versions:
        folder = folder / str(versions[-1])
    return folder if (folder / "saved_model.pb").is_file() else None
