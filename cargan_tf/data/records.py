"""One pair as a TFRecord example: fields, encoding, parsing, and an even selection of records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.pairs import Pair
from cargan_tf.utils.arrays import ImageSize, height_width
from cargan_tf.utils.files import to_path

#: Little-endian on every machine.
_LOG_MEL_TYPE, _WAVEFORM_TYPE = np.dtype("<f4"), np.dtype("<i2")

#: Read from a file at a time: some dozen records.
_BUFFER_BYTES = 1 << 20

_FEATURES = {
    "log_mel": tf.io.FixedLenFeature([], tf.string),
    "photo": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "id": tf.io.FixedLenFeature([], tf.string),
    "recording": tf.io.FixedLenFeature([], tf.string),
    "player": tf.io.FixedLenFeature([], tf.string),
    "source": tf.io.FixedLenFeature([], tf.string),
    "waveform": tf.io.FixedLenFeature([], tf.string),
    "start_ms": tf.io.FixedLenFeature([], tf.int64),
    "rms_db": tf.io.FixedLenFeature([], tf.float32),
    "flatness": tf.io.FixedLenFeature([], tf.float32),
    "midi": tf.io.FixedLenFeature([], tf.float32),
}


#: Records read at a time: 56 MB of 256×256 images.
_BATCH = 256


def serialize(
    pair: Pair,
    log_mel: NDArray[np.float32],
    waveform: NDArray[np.int16],
    photo: NDArray[np.uint8],
    label: int,
    quality: ClipQuality,
) -> bytes:
    """The record of one pair; the same input gives the same bytes.

    Args:
        pair: names the record.
        log_mel: [n_mels, frames] in dB, as measured: standardizing is left to the reader.
        waveform: [samples], for augmentation; empty where the source has spectrograms only.
        photo: [H, W, 3], RGB.
        label: index of the pair's label in the data set's list.
        quality: of the clip.
    """
    example = tf.train.Example()
    values = example.features.feature  # filled in place: made of parts, it copies the photo twice
    texts = {
        "log_mel": log_mel.astype(_LOG_MEL_TYPE, copy=False).tobytes(),
        "waveform": waveform.astype(_WAVEFORM_TYPE, copy=False).tobytes(),
        "photo": photo.astype(np.uint8, copy=False).tobytes(),
        "id": pair.id.encode(),
        "recording": pair.recording.encode(),
        "player": pair.player.encode(),
        "source": pair.source.encode(),
    }
    for name, text in texts.items():
        values[name].bytes_list.value.append(text)
    for name, whole in (("label", label), ("start_ms", pair.start_ms)):
        values[name].int64_list.value.append(whole)
    midi = math.nan if pair.midi is None else pair.midi
    numbers = (("rms_db", quality.rms_db), ("flatness", quality.flatness), ("midi", midi))
    for name, number in numbers:
        values[name].float_list.value.append(number)
    # A protocol buffer's map has no order of its own; without this, bytes vary between runs.
    content: bytes = example.SerializeToString(deterministic=True)
    return content


def shard_files(dataset: DatasetInfo, path: Path, split: str) -> list[str]:
    """Paths of a split's shards, in order."""
    return [str(to_path(path) / shard.name) for shard in dataset.shards[split]]


def read_records(files: Any) -> tf.data.Dataset:
    """The serialized records of TFRecord files, in order: strings."""
    return tf.data.TFRecordDataset(files, buffer_size=_BUFFER_BYTES)


def parse(
    serialized: tf.Tensor, n_mels: int, frames: int, size: ImageSize, samples: int | None = None
) -> dict[str, tf.Tensor]:
    """Records back to tensors, for use within ``tf.data``.

    Args:
        serialized: [B] strings from :func:`serialize`.
        n_mels: mel bands of the data set.
        frames: frames of one clip.
        size: of the photos in pixels.
        samples: samples of one clip, to have the waveforms as well.

    Returns:
        ``log_mel`` [B, n_mels, frames] float32 in dB, ``photo`` [B, H, W, 3] uint8,
        ``label`` and ``start_ms`` [B] int64, ``id``, ``recording``, ``player`` and ``source`` [B]
        strings, ``rms_db``, ``flatness`` and ``midi`` [B] float32, the last NaN where it is not
        known; ``waveform`` [B, samples] int16 if asked
        for.
    """
    values = tf.io.parse_example(serialized, _FEATURES)
    values["log_mel"] = parse_log_mel(values["log_mel"], n_mels, frames)
    pixels = tf.io.decode_raw(values["photo"], tf.uint8)
    values["photo"] = tf.reshape(pixels, [_batch(serialized), *height_width(size), 3])
    waveform = values.pop("waveform")
    if samples is not None:
        decoded = tf.io.decode_raw(waveform, tf.int16, little_endian=True)
        values["waveform"] = tf.reshape(decoded, [_batch(serialized), samples])
    return dict(values)


def parse_sounds(records: tf.data.Dataset, count: int) -> dict[str, tf.Tensor]:
    """``id``, ``label`` and the unparsed ``log_mel`` of ``count`` records, [N] each, in memory."""
    features = {name: _FEATURES[name] for name in ("id", "label", "log_mel")}
    sounds = records.map(lambda record: tf.io.parse_single_example(record, features))
    return dict(sounds.batch(count).get_single_element())


def read_sounds(
    dataset: DatasetInfo, path: Path, split: str, chosen: Sequence[int] | None = None
) -> dict[str, list[Any]]:
    """The sounds of a split in memory, without photos.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        split: ``train``, ``validation`` or ``test``.
        chosen: indices of the records to read; all by default.

    Returns:
        Lists of ``label`` (class index), and of bytes: ``waveform`` (int16), ``log_mel`` (float32;
        empty where there is a waveform), ``source`` and ``recording``.
    """
    names = ("label", "waveform", "log_mel", "source", "recording")
    kinds = {name: _FEATURES[name] for name in names}
    files = shard_files(dataset, path, split)
    wanted = None if chosen is None else set(chosen)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for batch_index, serialized in enumerate(read_records(files).batch(_BATCH)):
        values = {key: v.numpy() for key, v in tf.io.parse_example(serialized, kinds).items()}
        for row in range(len(values["label"])):
            if wanted is not None and batch_index * _BATCH + row not in wanted:
                continue
            for name in names:
                spare = name == "log_mel" and values["waveform"][row]
                columns[name].append(b"" if spare else values[name][row])
    return columns


def parse_summaries(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """[B] records to all that is small in them: no log-mel, waveform or photo."""
    large = ("log_mel", "waveform", "photo")
    small = {name: kind for name, kind in _FEATURES.items() if name not in large}
    return dict(tf.io.parse_example(serialized, small))


def parse_log_mel(content: tf.Tensor, n_mels: int, frames: int) -> tf.Tensor:
    """[B] strings of little-endian float32 to [B, n_mels, frames]."""
    values = tf.io.decode_raw(content, tf.float32, little_endian=True)
    return tf.reshape(values, [_batch(content), n_mels, frames])


def _batch(strings: tf.Tensor) -> int:
    """The number of records where the graph knows it; it must reach the networks."""
    return strings.shape[0] or -1
