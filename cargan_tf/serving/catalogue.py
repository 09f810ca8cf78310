"""Finding an exported model without naming it."""

from __future__ import annotations

from pathlib import Path

from cargan_tf.errors import UserError

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
