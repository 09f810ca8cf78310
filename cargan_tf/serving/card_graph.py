"""The model's card in the graph: what a client must know, from whatever server it talks to."""

from __future__ import annotations

import json

import tensorflow as tf

from cargan_tf.graph_checks import checked
from cargan_tf.serving.card import ModelCard


class CardTable(tf.Module):
    """Answers with parts of the card, such as ``labels``."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(name="card_table")
        parts = {key: json.dumps(value) for key, value in card.to_json().items()}
        self._keys = tuple(parts)
        self._parts = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(list(parts), list(parts.values())),
            default_value="",
        )

    def lookup(self, part: tf.Tensor) -> dict[str, tf.Tensor]:
        """Look parts up.

        Args:
            part: [B] keys of ``ModelCard.to_json``.

        Returns:
            ``json``: [B] string, the parts as JSON.

        Raises:
            InvalidArgumentError: when run, an unknown key; the message names the known.
        """
        found = self._parts.lookup(part)
        known = f"an unknown part of the card was asked for; expected {', '.join(self._keys)}"
        return {"json": checked(found, tf.reduce_all(tf.strings.length(found) > 0), known)}
