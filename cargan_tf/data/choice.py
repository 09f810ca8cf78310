"""An even choice of a split's records, where there are more than one wants to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.records import parse_summaries, read_records

#: Records read at a time: 56 MB of 256×256 pictures.
_BATCH = 256


def even_choice(
    dataset: DatasetInfo, path: Path, split: str, limit: int, seed: int
) -> list[int] | None:
    """Places of at most ``limit`` records, as many of each class as there are, up to a share.

    Args:
        dataset: the description in ``path``.
        path: the data set's folder.
        split: ``train``, ``validation`` or ``test``; it may be absent.
        limit: at most so many records; at least 1.
        seed: of the choice; the same seed and limit choose the same records.

    Returns:
        Ascending places in the order of the shards; ``None`` where all records are within the
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
        for place in random.permutation(len(waiting)):
            if waiting[place] and len(chosen) < limit:
                chosen.append(int(waiting[place].pop()))
    return sorted(chosen)


def _classes(dataset: DatasetInfo, path: Path, split: str) -> NDArray[np.int64]:
    """The class of each record, [N]."""
    records = read_records([str(path / shard.name) for shard in dataset.shards[split]])
    labels = records.batch(_BATCH).map(lambda batch: parse_summaries(batch)["label"])
    return np.concatenate(list(labels.as_numpy_iterator()))
