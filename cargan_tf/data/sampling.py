"""Which records are taken, and in which order: shuffled or balanced for training, a sample of a
split for evaluation, and the sounds of a class in turn.

All of it is a function of seed and records alone, and starts anywhere: training resumes exactly.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.config import DataConfig
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.records import parse_summaries, read_records, shard_files
from cargan_tf.data.splits import hash_order

#: Shards read in turns where records are not held in memory: with the shuffle buffer it mixes
#: records that lie far apart.
_SHARDS_AT_ONCE = 4
#: Set within a graph it concerns this graph's ops alone, and frees them from the caller's
#: ``tf.random.set_seed``; all that varies is in the ops' own seeds. (TensorFlow fails at 0.)
_GRAPH_SEED = 1
_INT64_MAX = 2**63 - 1
#: Sets the random numbers of the balanced order apart from others of the same seed.
_BALANCED_KEY = zlib.crc32(b"balanced")
#: Passes over a class whose order is kept: the one under way and those read ahead.
_PASSES_KEPT = 256
#: Records whose classes are read at a time.
_BATCH = 256


def training_records(
    dataset: DatasetInfo, path: Path, data: DataConfig, epoch_records: int, seed: int, start: int
) -> tf.data.Dataset:
    """The endless stream of the training split's serialized records, from record ``start`` on.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        data: ``balanced_classes``, ``cache`` and ``shuffle_buffer`` choose the kind of order.
        epoch_records: records taken up in each epoch; not of balanced classes, which have none.
        seed: of the order.
        start: records to skip.
    """
    if data.balanced_classes:
        return _balanced_in_memory(dataset, path, seed, start)
    if data.cache:
        return _shuffled_in_memory(dataset, path, epoch_records, seed, start)
    return _shuffled_from_disk(dataset, path, data.shuffle_buffer, epoch_records, seed, start)


def _shuffled_in_memory(
    dataset: DatasetInfo, path: Path, epoch_records: int, seed: int, start: int
) -> tf.data.Dataset:
    """Records from one tensor of strings: indices are shuffled, nothing is read twice."""
    count = dataset.records("train")
    held = _held(dataset, path)

    def epoch_order(epoch: tf.Tensor) -> tf.data.Dataset:
        order = _permutation(count, seed, epoch)[:epoch_records]
        return tf.data.Dataset.from_tensor_slices(order)

    first_epoch, passed = divmod(start, epoch_records)
    order = tf.data.Dataset.range(first_epoch, _INT64_MAX).flat_map(epoch_order).skip(passed)
    return order.map(lambda index: tf.gather(held, index))


def _balanced_in_memory(dataset: DatasetInfo, path: Path, seed: int, start: int) -> tf.data.Dataset:
    """Records from one tensor of strings, a round of one record of each class after the other."""
    held = _held(dataset, path)
    classes = parse_summaries(held)["label"].numpy()
    order = BalancedOrder(classes, seed)

    def round_of(number: tf.Tensor) -> tf.data.Dataset:
        indices = tf.numpy_function(order.round, [number], tf.int64)
        return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(indices, [order.classes]))

    first, passed = divmod(start, order.classes)
    indices = tf.data.Dataset.range(first, _INT64_MAX).flat_map(round_of).skip(passed)
    return indices.map(lambda index: tf.gather(held, index))


class BalancedOrder:
    """An endless order of records in rounds of one of each class.

    In the n-th round each class gives the n-th record of its own endless order, which goes through
    all its records, newly shuffled each time. So a round is a function of its number and the seed.
    """

    def __init__(self, classes: NDArray[np.int64], seed: int) -> None:
        """For records of ``classes`` [N]; classes without records take no part."""
        self._members = [np.flatnonzero(classes == label) for label in np.unique(classes)]
        self._seed = seed
        self._pass = lru_cache(_PASSES_KEPT)(self._shuffled)

    @property
    def classes(self) -> int:
        """How many classes have records: the length of a round."""
        return len(self._members)

    def round(self, number: int) -> NDArray[np.int64]:
        """Indices of the records of round ``number``, from 0, [classes]."""
        found = []
        for position, members in enumerate(self._members):
            times, place = divmod(int(number), len(members))
            found.append(self._pass(position, times)[place])
        return self._random(0, int(number)).permutation(np.asarray(found, np.int64))

    def _shuffled(self, position: int, times: int) -> NDArray[np.int64]:
        return self._random(1 + position, times).permutation(self._members[position])

    def _random(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([self._seed, _BALANCED_KEY, *key]))


def _held(dataset: DatasetInfo, path: Path) -> tf.Tensor:
    """All serialized records of the training split, [N] strings."""
    files = read_records(shard_files(dataset, path, "train"))
    return files.batch(dataset.records("train")).get_single_element()


def _shuffled_from_disk(
    dataset: DatasetInfo,
    path: Path,
    shuffle_buffer: int,
    epoch_records: int,
    seed: int,
    start: int,
) -> tf.data.Dataset:
    """Records read anew each epoch: shards in a new order, then a buffer of records."""
    files = tf.constant(shard_files(dataset, path, "train"))
    buffer = min(shuffle_buffer, dataset.records("train"))

    def epoch_records_of(epoch: tf.Tensor) -> tf.data.Dataset:
        tf.random.set_seed(_GRAPH_SEED)
        order = _permutation(files.shape[0], seed, epoch)
        shards = tf.data.Dataset.from_tensor_slices(tf.gather(files, order))
        records = shards.interleave(read_records, cycle_length=_SHARDS_AT_ONCE)
        mixed = records.shuffle(buffer, seed=_draw([], seed, epoch), reshuffle_each_iteration=False)
        return mixed.take(epoch_records)

    first_epoch, passed = divmod(start, epoch_records)
    epochs = tf.data.Dataset.range(first_epoch, _INT64_MAX)
    return epochs.flat_map(epoch_records_of).skip(passed)


def _permutation(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """An even permutation of 0 … count - 1 that is a function of seed and epoch alone."""
    return tf.argsort(_draw([count], seed, epoch), stable=True)


def _draw(shape: list[int], seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Whole numbers over all of int64, a function of seed and epoch alone."""
    key = [tf.constant(seed, tf.int64), epoch]
    return tf.random.stateless_uniform(shape, key, None, None, tf.int64, alg="philox")


def stratified_sample(
    dataset: DatasetInfo, path: Path, split: str, limit: int, seed: int
) -> list[int] | None:
    """Indices of at most ``limit`` records, equally many of each class as far as there are.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        split: ``train``, ``validation`` or ``test``; it may be absent.
        limit: at most so many records; at least 1.
        seed: of the choice; the same seed and limit choose the same records.

    Returns:
        Ascending indices in the order of the shards; ``None`` if all records are within the
        limit.

    Raises:
        ValueError: ``limit`` is less than 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, received {limit}")
    if dataset.records(split) <= limit:
        return None
    classes = _classes(dataset, path, split)
    random = np.random.default_rng(seed)
    waiting = [
        list(random.permutation(np.flatnonzero(classes == label))) for label in np.unique(classes)
    ]
    chosen: list[int] = []
    while len(chosen) < min(limit, len(classes)):  # one of each class in turns, in a new order
        for position in random.permutation(len(waiting)):
            if waiting[position] and len(chosen) < limit:
                chosen.append(int(waiting[position].pop()))
    return sorted(chosen)


def _classes(dataset: DatasetInfo, path: Path, split: str) -> NDArray[np.int64]:
    """The class of each record, [N]."""
    records = read_records(shard_files(dataset, path, split))
    labels = records.batch(_BATCH).map(lambda batch: parse_summaries(batch)["label"])
    return np.concatenate(list(labels.as_numpy_iterator()))


def shuffled_within_class(
    ids: Sequence[bytes], labels: Sequence[int], seed: int
) -> NDArray[np.int64]:
    """For each record the index of the one whose sound it gets, [N].

    A permutation in which every record gets another's of its class, if the class has two. It is
    a function of the seed and the records alone, not of the shards that they are in.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        members[int(label)].append(position)
    source = np.empty(len(ids), np.int64)
    for positions in members.values():
        ring = sorted(positions, key=lambda position: hash_order(ids[position].decode(), seed))
        source[ring] = np.roll(ring, 1)
    return source
