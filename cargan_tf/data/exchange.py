"""Sounds exchanged within their class: the control that a listening metric must not be fooled by.

A generator trained so knows what each class looks like, and cannot know from the sound which of its
pictures to draw: photo and sound have nothing in common but the label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.data.order import place_in_order
from cargan_tf.data.records import parse_log_mel


def donors(ids: Sequence[bytes], labels: Sequence[int], seed: int) -> NDArray[np.int64]:
    """For each record the place of the one whose sound it gets, [N].

    A permutation in which every record gets another's of its class, if the class has two. It is
    a function of the seed and the records alone, not of the shards that they are in.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        members[int(label)].append(place)
    donor = np.empty(len(ids), np.int64)
    for places in members.values():
        ring = sorted(places, key=lambda place: place_in_order(ids[place].decode(), seed))
        donor[ring] = np.roll(ring, 1)
    return donor


def exchange_sounds(
    batches: tf.data.Dataset, sounds: dict[str, tf.Tensor], n_mels: int, frames: int, seed: int
) -> tf.data.Dataset:
    """``batches`` with the ``log_mel`` of each record's donor instead of its own.

    Args:
        batches: parsed records, with ``id`` [B] and ``log_mel`` [B, n_mels, frames].
        sounds: of the whole split, from ``parse_sounds``; they stay in memory.
        n_mels: mel bands of the data set.
        frames: frames of one clip.
        seed: of the permutation.
    """
    ids = sounds["id"].numpy()
    donor = donors(ids, sounds["label"].numpy(), seed)
    held = tf.gather(sounds["log_mel"], donor)
    place = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(sounds["id"], tf.range(len(ids), dtype=tf.int64)), -1
    )

    def exchange(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        heard = tf.gather(held, place.lookup(batch["id"]))
        return {**batch, "log_mel": parse_log_mel(heard, n_mels, frames)}

    return batches.map(exchange, num_parallel_calls=tf.data.AUTOTUNE)
