"""Networks and blocks that are made of layers, and have no weights but theirs."""

from __future__ import annotations

from typing import Any

import keras


class Composite(keras.layers.Layer):
    """A layer whose parts make their weights themselves, at its first call, which must be eager.

    Keras would trace it beforehand to find them, and its parts within that trace again: what lies
    three blocks deep is then traced three times before it is called.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True
