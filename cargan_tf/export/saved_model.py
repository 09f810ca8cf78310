"""Exports a run as a SavedModel with metadata and warm-up requests, as TensorFlow Serving mounts
it."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from filelock import FileLock
from numpy.typing import NDArray
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.decode import to_mono_at_rate
from cargan_tf.errors import UserError
from cargan_tf.evaluation.report import FOLDER, REFINED, REPORT_FILE, Report
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, Storage, read_metadata
from cargan_tf.export.model_registry import existing_model, newest_version, versions_in
from cargan_tf.export.packed_weights import read_packed
from cargan_tf.export.serving_module import ServingModule
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.registry import new_network
from cargan_tf.synthetic.recording import record
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS
from cargan_tf.training.checkpoints import restore_network
from cargan_tf.training.classifiers.train_sound_classifier import load_sound_classifier
from cargan_tf.training.initial_weights import InitialWeights, check_cascade, read_run_weights
from cargan_tf.training.run import Run
from cargan_tf.utils.files import file_hash, write_json

#: Maximum difference of a pixel value in levels of 255; rounding to 8 bits accounts for half of it.
LEVELS = 1
#: Synthesized test sounds: notes per recording, the recording's number, and the seed.
NOTES, RECORDING, SEED = 2, 0, 0
#: Prefix of unfinished versions' folders.
_UNFINISHED = ".export-"
#: TensorFlow Serving's name; a TFRecord of PredictionLog.
WARM_UP_FILE: Final = "assets.extra/tf_serving_warmup_requests"
#: A single sound and a server's largest batch: kernels are selected by size.
BATCHES: Final = (1, 16)


def evaluation_values(run: Path, step: int) -> dict[str, dict[str, float]] | None:
    """The metrics of the refined images, by split and name.

    Args:
        run: directory of the run.
        step: of the exported checkpoint; a report on another one is ignored.

    Raises:
        UserError: the report is damaged.
    """
    file = run / FOLDER / REPORT_FILE
    try:
        report = Report.from_json(json.loads(file.read_text("utf-8")), str(file))
    except FileNotFoundError:
        return None
    except ValueError as error:  # no JSON
        raise UserError(f"{file} is damaged: evaluate the run again, or remove it.") from error
    if report.provenance.step != step:
        return None
    return {
        split.split: {name: result.value for name, result in split.row(REFINED).values.items()}
        for split in report.splits
    }


def check_same_images(model: ServingModule, other: ServingModule, metadata: ModelMetadata) -> None:
    """Check that both models generate the same images, up to ``LEVELS``.

    Raises:
        UserError: a pixel value differs by more than ``LEVELS``.
    """
    sounds, labels = comparison_sounds(metadata), list(metadata.labels)
    images = [module.serve(sounds, labels)["image"].numpy() for module in (model, other)]
    first, second = (image.astype(np.int16) for image in images)
    difference = int(np.abs(first - second).max())
    if difference > LEVELS:
        raise UserError(
            f"with float16 weights a pixel value differs by {difference} of 255; at most"
            f" {LEVELS} is"
            " allowed: export without --float16."
        )


def comparison_sounds(metadata: ModelMetadata) -> NDArray[np.float32]:
    """[K, samples]: the beginning of a synthesized recording per label."""
    audio = metadata.config.audio
    names = [
        list(INSTRUMENTS)[position % len(INSTRUMENTS)] for position in range(len(metadata.labels))
    ]
    recordings = (record(name, RECORDING, NOTES, SEED) for name in names)
    waveforms = [to_mono_at_rate(sound, SAMPLE_RATE, audio.sample_rate) for sound in recordings]
    clips = [
        cut_clip(mono, 0, audio.clip_samples, sample_rate=audio.sample_rate) for mono in waveforms
    ]
    return np.stack([clip.samples for clip in clips])


def serving_module_of_run(
    run: Run, weights: Storage = "float32"
) -> tuple[ServingModule, ModelMetadata]:
    """The serving module of a run's newest checkpoint.

    Args:
        run: the run.
        weights: ``float16`` stores large kernels as float16, if the images stay the same.

    Raises:
        UserError: there is no run or no checkpoint, or float16 changes the images.
    """
    info = run.read_info()
    network = new_network(info.config, len(info.labels))
    step = restore_network(run.checkpoints, network)
    found = load_sound_classifier(run.sound_classifier, info.config, info.labels)
    sound_classifier, recognition = found or (None, None)
    metadata = ModelMetadata(
        config=info.config,
        labels=info.labels,
        statistics=info.statistics,
        step=step,
        data_hash=info.data_hash,
        metrics=evaluation_values(run.path, step),
        recognition_accuracy=None if recognition is None else recognition.accuracy,
        recognition_temperature=None if recognition is None else recognition.temperature,
        players=info.players,
    )
    model = ServingModule(network, metadata, sound_classifier)
    if weights == "float32":
        return model, metadata
    metadata = dataclasses.replace(metadata, weights=weights)
    halved = ServingModule(network, metadata, sound_classifier)
    check_same_images(model, halved, metadata)
    return halved, metadata


def read_initial_weights(path: Path) -> InitialWeights:
    """A trained model for a new run to start from; its graphs are not loaded.

    Args:
        path: the directory of a run, an exported version, a folder of versions, or the name of a
            model in ``saved_models/`` or of a shipped one.

    Raises:
        UserError: there is no model, it is damaged, or a baseline.
    """
    folder = existing_model(path)
    version = newest_version(folder)
    if version is None:
        return read_run_weights(Run(folder))
    metadata = read_metadata(version)
    check_cascade(version, metadata.config)
    cascade = new_cascade(metadata.config, len(metadata.labels))
    read_packed(version, cascade.variables)
    return InitialWeights(
        version, metadata.config, metadata.labels, metadata.statistics, cascade, discriminator=None
    )


def export_run(run: Run, out: Path, weights: Storage = "float32") -> Path:
    """Write ``out/<version>/`` with the next version number; returns that folder.

    It is written to a temporary name and renamed, so readers see a complete version or none.

    Args:
        run: the run.
        out: the model's folder.
        weights: ``float16`` halves the size; see ``serving_module_of_run``.

    Raises:
        UserError: there is nothing to export, float16 changes the images, or ``out`` cannot be
            written.
    """
    keras.backend.clear_session()
    model, metadata = serving_module_of_run(run, weights)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock"):  # concurrent exports to one folder take turns
            return _write(model, metadata, out)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}.") from error


def _write(model: ServingModule, metadata: ModelMetadata, out: Path) -> Path:
    """Write the next version into ``out``; the caller holds its lock."""
    for leftover in out.glob(f"{_UNFINISHED}*"):  # of a killed export
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=out, prefix=_UNFINISHED))
    try:
        tf.saved_model.save(model, str(temporary), signatures=model.signatures)
        write_warm_up(temporary, metadata, model.signatures)
        hashes = {str(file.relative_to(temporary)): file_hash(file) for file in _files(temporary)}
        write_json(temporary / METADATA_FILE, {**metadata.to_json(), "hashes": hashes})
        temporary.chmod(0o755)  # mkdtemp creates private folders; a server runs as another user
        return _take_next_version(temporary, out)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"the export to {out} failed: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _take_next_version(temporary: Path, out: Path) -> Path:
    """Rename ``temporary`` to the next free number; another process may take one meanwhile."""
    number = max(versions_in(out), default=0) + 1
    while True:
        try:
            return temporary.rename(out / str(number))
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            number += 1


def write_warm_up(version: Path, metadata: ModelMetadata, signatures: Collection[str]) -> None:
    """Write a request for each signature that generates images, and each size of ``BATCHES``."""
    file = version / WARM_UP_FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, inputs in _requests(metadata):
            if signature not in signatures:
                continue
            request = PredictRequest()
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = PredictionLog(predict_log=PredictLog(request=request))
            writer.write(log.SerializeToString())


def read_warm_up(version: Path) -> Iterator[PredictRequest]:
    """The warm-up requests of an exported version; none if it has no such file."""
    file = version / WARM_UP_FILE
    if file.is_file():
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            yield PredictionLog.FromString(record).predict_log.request


def _requests(metadata: ModelMetadata) -> Iterator[tuple[str, dict[str, tf.Tensor]]]:
    # One sample is enough: the graph pads it with silence.
    wav = tf.audio.encode_wav(tf.zeros([1, 1]), metadata.config.audio.sample_rate)
    for count in BATCHES:
        label = tf.fill([count], metadata.labels[0])
        waveform = tf.zeros([count, 1])
        yield "serving_default", {"waveform": waveform, "label": label}
        yield "serving_wav", {"wav_bytes": tf.fill([count], wav), "label": label}
        yield "coarse", {"waveform": waveform, "label": label}
        fractions = tf.one_hot(tf.zeros([count], tf.int32), len(metadata.labels))
        player = {"player": tf.zeros([count], tf.int64)} if metadata.players else {}
        yield "soft_labels", {"waveform": waveform, "label_weights": fractions, **player}
        yield "recognize", {"waveform": waveform}
