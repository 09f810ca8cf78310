"""Names of labels to their places, in the graph: the vocabulary that a served model carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.graph_checks import checked
from cargan_tf.labels import ALIASES, label_index

#: Characters of an unknown label that a message repeats.
_SHOWN: Final = 60


class LabelTable(tf.Module):
    """Looks labels up as written, then without regard to case, hyphens and spaces, aliases too.

    Aliases with accents and plurals are for ``labels.label_index``, which clients ask first.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(name="label_table")
        self._labels = tuple(labels)
        self._as_written = _table({label: place for place, label in enumerate(labels)})
        self._in_common_use = _table(_names_in_common_use(labels))

    def one_hot(self, label: tf.Tensor) -> tf.Tensor:
        """[B] string -> [B, K] float32.

        Raises:
            InvalidArgumentError: when run, an unknown label; the message names it and the known.
        """
        # What is no text must not be in a message, which servers and Python hold for text.
        label = tf.strings.unicode_transcode(label, "UTF-8", "UTF-8", errors="replace")
        place = self._as_written.lookup(label)
        plain = tf.strings.lower(label, encoding="utf-8")
        plain = tf.strings.strip(tf.strings.regex_replace(plain, r"[-_\s]+", " "))
        plain = tf.strings.regex_replace(plain, " ", "_")
        place = tf.where(place < 0, self._in_common_use.lookup(plain), place)
        shown = tf.strings.substr(label, 0, _SHOWN, unit="UTF8_CHAR")
        unknown = tf.strings.reduce_join(tf.boolean_mask(shown, place < 0), separator=", ")
        known = f". Known labels: {', '.join(self._labels)}."
        message = tf.strings.join(["unknown label: ", unknown, known])
        place = checked(place, tf.reduce_all(place >= 0), message)
        return tf.one_hot(place, len(self._labels), dtype=tf.float32)


def _names_in_common_use(labels: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in [*ALIASES, *("_".join(label.lower().split()) for label in labels)]:
        try:
            found[name] = label_index(name, labels)
        except UserError:
            continue  # an instrument that this model was not trained on
    return found


def _table(places: dict[str, int]) -> tf.lookup.StaticHashTable:
    values = tf.constant(list(places.values()), tf.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(list(places)), values), default_value=-1
    )
