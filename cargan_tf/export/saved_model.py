"""Exports a run: a SavedModel with metadata and warm-up requests, as TensorFlow Serving mounts it,
and ONNX files of the same networks."""

from __future__ import annotations

import dataclasses
import errno
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from filelock import FileLock
from numpy.typing import NDArray
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.mixdown import to_mono_at_rate
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, Storage, read_metadata
from cargan_tf.export.model_registry import (
    check_same_labels,
    versions_in,
)
from cargan_tf.export.onnx_model import OnnxModel
from cargan_tf.export.serving_module import ServingModule
from cargan_tf.export.trained_networks import (
    TrainedNetworks,
    networks_of_run,
    networks_of_version,
)
from cargan_tf.synthetic.recording import record
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS
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


def check_same_images(model: ServingModule, other: ServingModule, metadata: ModelMetadata) -> None:
    """Check that both models generate the same images, up to ``LEVELS``.

    Raises:
        UserError: a pixel value differs by more than ``LEVELS``.
    """
    sounds, labels = comparison_sounds(metadata), list(metadata.labels)
    first, second = (module.serve(sounds, labels)["image"].numpy() for module in (model, other))
    difference = largest_difference(first, second)
    if difference > LEVELS:
        raise UserError(
            f"with float16 weights a pixel value differs by {difference} of 255; at most"
            f" {LEVELS} is"
            " allowed: export without --float16."
        )


def largest_difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    """Of two batches of images, in levels of 255."""
    return int(np.abs(first.astype(np.int16) - second.astype(np.int16)).max())


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
    return _stored_as(networks_of_run(run), weights)


def _stored_as(networks: TrainedNetworks, weights: Storage) -> tuple[ServingModule, ModelMetadata]:
    metadata = networks.metadata
    model = networks.serving_module(metadata)
    if weights == metadata.weights:
        return model, metadata
    metadata = dataclasses.replace(metadata, weights=weights)
    halved = networks.serving_module(metadata)
    check_same_images(model, halved, metadata)
    return halved, metadata


def export_model(
    source: Run | Path,
    out: Path,
    weights: Storage = "float32",
    license: str | None = None,
    onnx: bool = True,
    other_labels: bool = False,
) -> Path:
    """Write ``out/<version>/`` with the next version number; returns that folder.

    It is written to a temporary name and renamed, so readers see a complete version or none.

    Args:
        source: a run; or the folder of an exported version, to export it again without its run.
        out: the model's folder.
        weights: ``float16`` halves the size; see ``serving_module_of_run``. What is stored so
            already stays so.
        license: of the weights, for the metadata; by default that of the exported version.
        onnx: also write the networks as ONNX files.
        other_labels: allow a version whose labels differ from those of the one before.

    Raises:
        UserError: there is nothing to export, the labels differ, float16 or ONNX changes the
            images, or ``out`` cannot be written.
    """
    if not other_labels:
        known = source.read_info() if isinstance(source, Run) else read_metadata(source)
        check_same_labels(out, known.labels)
    keras.backend.clear_session()
    networks = networks_of_run(source) if isinstance(source, Run) else networks_of_version(source)
    stored = networks.metadata
    metadata = dataclasses.replace(stored, license=license or stored.license)
    networks = dataclasses.replace(networks, metadata=metadata)
    model, metadata = _stored_as(networks, "float16" if stored.weights == "float16" else weights)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock"):  # concurrent exports to one folder take turns
            return _write(model, metadata, out, networks if onnx else None)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}.") from error


def _write(
    model: ServingModule, metadata: ModelMetadata, out: Path, networks: TrainedNetworks | None
) -> Path:
    """Write the next version into ``out``; the caller holds its lock.

    Args:
        model: what is written.
        metadata: its own.
        out: the model's folder.
        networks: those of ``model``, to be written as ONNX as well.
    """
    for leftover in out.glob(f"{_UNFINISHED}*"):  # of a killed export
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=out, prefix=_UNFINISHED))
    try:
        tf.saved_model.save(model, str(temporary), signatures=model.signatures)
        write_warm_up(temporary, metadata, model.signatures)
        _write_metadata(temporary, metadata)
        if networks is not None:
            _write_onnx(temporary, networks, model, metadata)
        temporary.chmod(0o755)  # mkdtemp creates private folders; a server runs as another user
        return _take_next_version(temporary, out)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"the export to {out} failed: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_metadata(version: Path, metadata: ModelMetadata) -> None:
    """With the hash of every other file."""
    files = [file for file in _files(version) if file.name != METADATA_FILE]
    hashes = {str(file.relative_to(version)): file_hash(file) for file in files}
    write_json(version / METADATA_FILE, {**metadata.to_json(), "hashes": hashes})


def _write_onnx(
    version: Path, networks: TrainedNetworks, model: ServingModule, metadata: ModelMetadata
) -> None:
    """Write the ONNX files, with float16 kernels if the images stay equal to those of ``model``.

    Raises:
        UserError: they do not, with float32 kernels either.
    """
    from cargan_tf.export.onnx_conversion import write_models  # imports tf2onnx

    difference = 0
    storages: tuple[Storage, ...] = ("float16", "float32")
    for storage in storages:
        write_models(version, networks.network, networks.sound_classifier, metadata, storage)
        _write_metadata(version, metadata)
        difference = onnx_difference(model, OnnxModel(version, metadata), metadata)
        if difference <= LEVELS:
            return
    raise UserError(
        f"in ONNX a pixel value differs by {difference} of 255; at most {LEVELS} is allowed: export"
        " with --no-onnx."
    )


def onnx_difference(model: ServingModule, onnx: OnnxModel, metadata: ModelMetadata) -> int:
    """The largest difference of a pixel value, in levels of 255, of a sound for each label."""
    sounds = comparison_sounds(metadata)
    inputs: list[NDArray[Any]] = [sounds, np.eye(len(metadata.labels), dtype=np.float32)]
    if metadata.players:
        # Every player is compared, as far as there are as many labels.
        inputs.append(np.arange(len(sounds), dtype=np.int64) % metadata.config.model.players)
    # The traced function itself: TensorFlow would warn of the calls of several models' functions.
    traced = model.generate_soft_labels.get_concrete_function()
    expected = traced(*map(tf.constant, inputs))
    found = onnx.generate_soft_labels(*inputs)
    return max(
        largest_difference(expected[name].numpy(), found[name]) for name in ("image", "coarse")
    )


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
        weights = tf.one_hot(tf.zeros([count], tf.int32), len(metadata.labels))
        player = {"player": tf.zeros([count], tf.int64)} if metadata.players else {}
        yield "soft_labels", {"waveform": waveform, "label_weights": weights, **player}
        yield "recognize", {"waveform": waveform}
