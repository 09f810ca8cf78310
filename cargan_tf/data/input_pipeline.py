"""Batches from shards by ``tf.data``: endless and resumable for training, in order for evaluation.

With ``data.shuffle_sounds`` sounds are shuffled within their class, the control of the sensitivity
metrics: photo and sound then have nothing in common but the label, so a generator cannot learn from
the sound which image of the class to generate.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.augmentation import augment, check_masks, mask_stream
from cargan_tf.audio.clips import from_int16
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.log_mel_graph import spectrogram_input
from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo, check_fits
from cargan_tf.data.records import parse, parse_log_mel, parse_sounds, read_records, shard_files
from cargan_tf.data.sampling import shuffled_within_class, training_records
from cargan_tf.errors import UserError


def shuffle_sounds(
    batches: tf.data.Dataset, sounds: dict[str, tf.Tensor], n_mels: int, frames: int, seed: int
) -> tf.data.Dataset:
    """``batches`` with the ``log_mel`` of another record of the class in each record.

    Args:
        batches: parsed records, with ``id`` [B] and ``log_mel`` [B, n_mels, frames].
        sounds: of the whole split, from ``parse_sounds``; they stay in memory.
        n_mels: mel bands of the data set.
        frames: frames of one clip.
        seed: of the permutation.
    """
    ids = sounds["id"].numpy()
    source = shuffled_within_class(ids, sounds["label"].numpy(), seed)
    held = tf.gather(sounds["log_mel"], source)
    position = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(sounds["id"], tf.range(len(ids), dtype=tf.int64)), -1
    )

    def replace_sound(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        log_mels = tf.gather(held, position.lookup(batch["id"]))
        return {**batch, "log_mel": parse_log_mel(log_mels, n_mels, frames)}

    return batches.map(replace_sound, num_parallel_calls=tf.data.AUTOTUNE)


def training_batches(
    dataset: DatasetInfo,
    path: Path,
    config: Config,
    *,
    seed: int,
    start_step: int = 0,
    part: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """An endless stream of batches of the training split, for all devices together.

    Every epoch takes up each record once, in an order of its own, but for the remainder that
    fills no batch. With ``data.balanced_classes`` every class has one record in each run of as many
    records as there are classes, and within a class each record comes up once before any comes up
    again; an epoch is then only a number of steps. With ``data.cache`` the records are held in
    memory and the shuffle is over all of them; without, over ``data.shuffle_buffer`` records at a
    time. With ``data.shuffle_sounds`` each record has the sound of another one of its class, the
    same in every epoch; ``id`` is the photo's. The stream depends on ``seed`` alone (not on
    ``tf.random.set_seed``), and started at step k it equals, bit for bit, the stream from 0
    without its first k batches.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        config: batch size, masks and scale; its sound and image settings must be the data set's.
        seed: of order and masks.
        start_step: batches to skip.
        part: (index, count) of the worker that takes one of ``count`` even parts of each batch.

    Returns:
        Batches of ``spectrogram`` [B, H, W, 1] and ``photo`` [B, H, W, 3] in
        [-1, 1], ``label`` [B, K] one-hot, all float32, ``player_index`` [B] int64, the player's
        among those of the label (-1 if not known, 0 if the label has none), and ``id`` [B] strings;
        with ``model.pose`` also ``midi`` and ``rms_db``, [B] float32.

    Raises:
        UserError: fewer records than one batch, settings that do not fit, or masks too wide.
    """
    check_fits(dataset, config)
    batch_size = config.training.batch_size
    epoch_records = dataset.steps_per_epoch(batch_size) * batch_size
    start = start_step * batch_size
    records = training_records(dataset, path, config.data, epoch_records, seed, start)
    changes_sound = config.augmentation.generator_fraction > 0
    batches = _parsed(_part_of_each(records, batch_size, part), config, changes_sound)
    if changes_sound:
        batches = _augmented(batches, dataset, config, seed, start, part)
    if config.data.shuffle_sounds:
        split = read_records(shard_files(dataset, path, "train"))
        sounds = parse_sounds(split, dataset.records("train"))
        batches = shuffle_sounds(batches, sounds, config.audio.n_mels, config.audio.frames, seed)
    if config.data.freq_mask or config.data.time_mask:
        batches = _masked(batches, dataset, config, seed, start, part)
    pose = ("midi", "rms_db") if config.model.pose else ()
    names = ("spectrogram", "photo", "label", "player_index", "id", *pose)
    return _finished(batches, dataset, config, names)


def evaluation_batches(
    dataset: DatasetInfo,
    path: Path,
    config: Config,
    split: str,
    batch_size: int,
    limit: int | None = None,
    chosen: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """One pass over a split in the order of its shards, in which the classes are mixed.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        config: its sound and image settings must be the data set's.
        split: ``train``, ``validation`` or ``test``.
        batch_size: records a batch; the last may have fewer.
        limit: records at most.
        chosen: indices of the records to read, from :func:`stratified_sample`; all by default.

    Returns:
        As :func:`training_batches`, and ``recording`` and ``player`` [B] strings, ``rms_db``,
        ``flatness`` and ``midi`` [B] float32.

    Raises:
        UserError: no record in ``split``, or settings that do not fit.
    """
    check_fits(dataset, config)
    if not dataset.records(split):
        present = ", ".join(name for name in dataset.shards if dataset.records(name))
        raise UserError(f"the data set in {path} has no pair in split {split!r}; it has {present}.")
    records = read_records(shard_files(dataset, path, split))
    if chosen is not None:
        wanted = tf.scatter_nd(
            tf.constant(chosen, tf.int64)[:, tf.newaxis],
            tf.ones([len(chosen)], tf.bool),
            tf.constant([dataset.records(split)], tf.int64),
        )
        numbered = records.enumerate().filter(lambda position, _: wanted[position])
        records = numbered.map(lambda _, record: record)
    if limit is not None:
        records = records.take(limit)
    names = (
        *("spectrogram", "photo", "label", "id", "recording", "player", "player_index"),
        *("rms_db", "flatness", "midi"),
    )
    return _finished(_parsed(records.batch(batch_size), config), dataset, config, names)


def _augmented(
    batches: tf.data.Dataset,
    dataset: DatasetInfo,
    config: Config,
    seed: int,
    start: int,
    part: tuple[int, int],
) -> tf.data.Dataset:
    """Some of the clips augmented, and the log-mel computed from them.

    What happens to a clip is a function of the seed and its number in the stream of records.
    """
    if not dataset.has_waveforms:
        raise UserError(
            "augmentation.generator_fraction needs waveforms, and the data set was made from"
            " spectrogram images: set it to 0."
        )
    settings, audio = config.augmentation, config.audio
    key = zlib.crc32(b"augmentation")

    def change(waveforms: NDArray[np.int16], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        sounds = from_int16(waveforms)
        for sound, number in zip(sounds, numbers, strict=True):
            random = np.random.default_rng(np.random.SeedSequence([seed, key, int(number)]))
            if random.random() < settings.generator_fraction:
                sound[:] = augment(sound, audio.sample_rate, settings, random)
        return log_mel(sounds, audio)

    def replace(batch: dict[str, tf.Tensor], numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        changed = tf.numpy_function(change, [batch["waveform"], numbers], tf.float32)
        shape = [batch["waveform"].shape[0], audio.n_mels, audio.frames]
        rest = {name: value for name, value in batch.items() if name != "waveform"}
        return {**rest, "log_mel": tf.ensure_shape(changed, shape)}

    numbers = tf.data.Dataset.counter(start, dtype=tf.int64)
    numbers = _part_of_each(numbers, config.training.batch_size, part)
    zipped = tf.data.Dataset.zip(batches, numbers)
    return zipped.map(replace, num_parallel_calls=tf.data.AUTOTUNE)


def _masked(
    batches: tf.data.Dataset,
    dataset: DatasetInfo,
    config: Config,
    seed: int,
    start: int,
    part: tuple[int, int],
) -> tf.data.Dataset:
    """SpecAugment: what is hidden becomes the band's mean, the middle of the spectrogram."""
    data, audio = config.data, config.audio
    check_masks(data.freq_mask, data.time_mask, audio.n_mels, audio.frames)
    masks = mask_stream(
        data.freq_mask, data.time_mask, audio.n_mels, audio.frames, seed=seed, start=start
    )
    masks = _part_of_each(masks, config.training.batch_size, part)
    mean = tf.constant(dataset.statistics.mean, tf.float32)[:, tf.newaxis]  # [n_mels, 1]

    def hide(batch: dict[str, tf.Tensor], mask: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**batch, "log_mel": tf.where(mask > 0, batch["log_mel"], mean)}

    return tf.data.Dataset.zip(batches, masks).map(hide)


def _part_of_each(rows: tf.data.Dataset, batch_size: int, part: tuple[int, int]) -> tf.data.Dataset:
    """Batches of ``batch_size`` rows, of each of which the ``part`` is kept."""
    batches = rows.batch(batch_size, drop_remainder=True)
    index, count = part
    if count == 1:
        return batches
    size = batch_size // count
    return batches.map(lambda batch: batch[index * size : (index + 1) * size])


def _parsed(batches: tf.data.Dataset, config: Config, waveforms: bool = False) -> tf.data.Dataset:
    audio = config.audio
    samples = audio.clip_samples if waveforms else None
    return batches.map(
        lambda serialized: parse(
            serialized, audio.n_mels, audio.frames, config.data.image_size, samples
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _finished(
    batches: tf.data.Dataset, dataset: DatasetInfo, config: Config, names: tuple[str, ...]
) -> tf.data.Dataset:
    """Parsed batches to what networks take, with the options every stream has."""
    player_indices = _player_table(dataset)
    # Where nobody has a name all are the first player, who is also shown by default.
    has_names = tf.constant([bool(dataset.players.get(label)) for label in dataset.labels])

    def finish(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        spectrogram = spectrogram_input(batch["log_mel"], dataset.statistics, config)
        player = tf.strings.join([tf.strings.as_string(batch["label"]), batch["player"]], "/")
        index = player_indices.lookup(player)
        finished = {
            **batch,
            "spectrogram": spectrogram,
            "photo": tf.cast(batch["photo"], tf.float32) / 127.5 - 1.0,
            "label": tf.one_hot(batch["label"], len(dataset.labels)),
            "player_index": tf.where(
                tf.gather(has_names, batch["label"]), index, tf.zeros_like(index)
            ),
        }
        return {name: finished[name] for name in names}

    options = tf.data.Options()
    options.deterministic = True
    # A worker takes its part of each batch (``part``): sharded by file, batches would be others.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    finished = batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    return finished.prefetch(tf.data.AUTOTUNE).with_options(options)


def _player_table(dataset: DatasetInfo) -> tf.lookup.StaticHashTable:
    """Looks up ``<class index>/<player>``."""
    indices = {"": -1}  # nobody: TensorFlow takes no empty table
    indices |= {
        f"{dataset.labels.index(label)}/{name}": index
        for label, names in dataset.players.items()
        if label in dataset.labels
        for index, name in enumerate(names)
    }
    keys, values = tf.constant(list(indices), tf.string), tf.constant([*indices.values()], tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
