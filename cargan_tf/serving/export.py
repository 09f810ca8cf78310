"""From a run to a SavedModel that TensorFlow Serving mounts."""

from __future__ import annotations

import dataclasses
import errno
import shutil
import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from filelock import FileLock

from cargan_tf.errors import UserError
from cargan_tf.files import file_hash, write_json
from cargan_tf.models.kinds import new_network
from cargan_tf.serving.card import CARD_FILE, ModelCard, Storage
from cargan_tf.serving.catalogue import versions_in
from cargan_tf.serving.evaluated import figures_of
from cargan_tf.serving.picture_model import PictureModel
from cargan_tf.serving.storage_check import check_same_pictures
from cargan_tf.serving.warm_up import write_warm_up
from cargan_tf.training.checkpoints import restore_network
from cargan_tf.training.run import Run
from cargan_tf.training.sound_classifier import load_sound_classifier

#: How the names of folders begin that are no version yet.
_UNFINISHED = ".export-"


def picture_model_of_run(run: Run, weights: Storage = "float32") -> tuple[PictureModel, ModelCard]:
    """The networks of a run's newest checkpoint, ready to draw.

    Args:
        run: the run.
        weights: ``float16`` stores large kernels so, if the pictures stay the same.

    Raises:
        UserError: there is no run or no checkpoint, or float16 changes the pictures.
    """
    info = run.read_info()
    network = new_network(info.config, len(info.labels))
    step = restore_network(run.checkpoints, network)
    found = load_sound_classifier(run.sound_classifier, info.config, info.labels, info.statistics)
    listener, accuracy = (found[0], found[1].accuracy) if found else (None, None)
    card = ModelCard(
        config=info.config,
        labels=info.labels,
        statistics=info.statistics,
        step=step,
        data_hash=info.data_hash,
        metrics=figures_of(run.path, step),
        recognition_accuracy=accuracy,
    )
    model = PictureModel(network, card, listener)
    if weights == "float32":
        return model, card
    card = dataclasses.replace(card, weights=weights)
    halved = PictureModel(network, card, listener)
    check_same_pictures(model, halved, card)
    return halved, card


def export_run(run: Run, out: Path, weights: Storage = "float32") -> Path:
    """Write ``out/<version>/``, one version above the highest there; returns that folder.

    A reader sees a whole version or none: it is written beside and renamed.

    Args:
        run: the run.
        out: the model's folder.
        weights: ``float16`` halves the size; see ``picture_model_of_run``.

    Raises:
        UserError: there is nothing to export, float16 changes the pictures, or ``out`` cannot be
            written.
    """
    keras.backend.clear_session()
    model, card = picture_model_of_run(run, weights)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock"):  # another export of this folder takes seconds
            return _written(model, card, out)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}.") from error


def _written(model: PictureModel, card: ModelCard, out: Path) -> Path:
    """Write the next version into ``out``, which no other export does meanwhile."""
    for left in out.glob(f"{_UNFINISHED}*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=out, prefix=_UNFINISHED))
    try:
        tf.saved_model.save(model, str(temporary), signatures=model.signatures)
        write_warm_up(temporary, card, model.signatures)
        hashes = {str(file.relative_to(temporary)): file_hash(file) for file in _files(temporary)}
        write_json(temporary / CARD_FILE, {**card.to_json(), "hashes": hashes})
        temporary.chmod(0o755)  # mkdtemp makes it private; a server runs as somebody else
        return _take_next_version(temporary, out)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"the export to {out} failed: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _take_next_version(temporary: Path, out: Path) -> Path:
    """Rename ``temporary`` to the first free number; another export may take one meanwhile."""
    number = max(versions_in(out), default=0) + 1
    while True:
        try:
            return temporary.rename(out / str(number))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            number += 1
