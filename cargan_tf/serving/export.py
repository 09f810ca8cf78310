"""From a run to a SavedModel that TensorFlow Serving mounts."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.files import write_json
from cargan_tf.models.kinds import new_network
from cargan_tf.serving.picture_model import ModelCard, PictureModel
from cargan_tf.training.checkpoints import restore_network
from cargan_tf.training.run import Run
from cargan_tf.training.sound_classifier import load_sound_classifier

#: Beside saved_model.pb: labels, configuration and origin of the model.
CARD_FILE = "model.json"


def picture_model_of_run(run: Run) -> tuple[PictureModel, ModelCard]:
    """The networks of a run's newest checkpoint, ready to draw.

    Raises:
        UserError: there is no run or no checkpoint.
    """
    info = run.read_info()
    network = new_network(info.config, len(info.labels))
    step = restore_network(run.checkpoints, network)
    found = load_sound_classifier(run.sound_classifier, info.config, info.labels, info.statistics)
    listener, accuracy = (found[0], found[1].accuracy) if found else (None, None)
    card = ModelCard(info.config, info.labels, info.statistics, step, info.data_hash, accuracy)
    return PictureModel(network, card, listener), card


def export_run(run: Run, out: Path) -> Path:
    """Write ``out/<version>/``, one version above the highest there; returns that folder.

    A reader sees a whole version or none: it is written beside and renamed.

    Raises:
        UserError: there is nothing to export, or ``out`` cannot be written.
    """
    keras.backend.clear_session()
    model, card = picture_model_of_run(run)
    try:
        out.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out, prefix=".export-"))
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}.") from error
    try:
        tf.saved_model.save(model, str(temporary), signatures=_signatures(model))
        write_json(temporary / CARD_FILE, card.to_json())
        temporary.chmod(0o755)  # mkdtemp makes it private; a server runs as somebody else
        version = out / str(max(versions_in(out), default=0) + 1)
        os.rename(temporary, version)
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(f"the export to {out} failed: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def _signatures(model: PictureModel) -> dict[str, Any]:
    """What a server offers, by name."""
    recognise = getattr(model, "recognise", None)
    return {
        "serving_default": model.draw,
        "weighted": model.draw_weighted,
        **({} if recognise is None else {"recognise": recognise}),
    }


def versions_in(folder: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    if not folder.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in folder.iterdir()
        if entry.name.isdecimal() and (entry / "saved_model.pb").is_file()
    )


def read_card(version: Path) -> ModelCard:
    """The card of an exported version.

    Raises:
        UserError: it is missing or damaged.
    """
    file = version / CARD_FILE
    try:
        return ModelCard.from_json(json.loads(file.read_text("utf-8")), str(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is missing or damaged: export the run again.") from error
