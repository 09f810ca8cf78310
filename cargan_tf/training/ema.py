"""An averaged copy of the weights, which draws in their place.

At a constant rate the weights circle round where they are going; their mean over the last steps is
nearer to it (Polyak and Juditsky 1992; Karras et al. 2018 for generators).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from cargan_tf.models.base import ImageGenerator

#: Updates in the time over which is averaged: more cost time and change the mean by little.
UPDATES = 10
#: Of tf.train.ExponentialMovingAverage: how soon the mean forgets the first weights.
WARM_UP = 10.0


class EMA:
    """The exponential mean of a network's weights and moving statistics; C's never move.

    Make it inside ``strategy.scope()``.

    Attributes:
        variables: the mean, in the order of ``ema_variables``.
    """

    def __init__(
        self, network: ImageGenerator, steps: int, strategy: tf.distribute.Strategy
    ) -> None:
        """Begin with the weights as they are.

        Args:
            network: with its weights made.
            steps: the mean's time constant.
            strategy: under which ``network`` was made.
        """
        self._live = ema_variables(network)
        self._strategy = strategy
        self._interval = max(1, steps // UPDATES)
        self._decay = math.exp(-self._interval / steps)
        self.variables = [
            tf.Variable(
                live.read_value(),
                trainable=False,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                name="average",
            )
            for live in self._live
        ]

    def update(self, step: int) -> None:
        """Take in the weights after ``step``, where it is time to."""
        if step % self._interval == 0:
            updates = step // self._interval
            kept = min(self._decay, (1.0 + updates) / (WARM_UP + updates))
            self._take_in(tf.constant(kept, tf.float32))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network draws by the mean within the block, and goes on from its own weights."""
        own = [live.read_value() for live in self._live]
        _assign(self._live, [mean.read_value() for mean in self.variables])
        try:
            yield
        finally:
            _assign(self._live, own)

    @tf.function
    def _take_in(self, kept: tf.Tensor) -> None:
        self._strategy.run(self._replica_take_in, args=(kept,))

    def _replica_take_in(self, kept: tf.Tensor) -> None:
        for mean, live in zip(self.variables, self._live, strict=True):
            mean.assign(kept * mean + (1.0 - kept) * live)


def ema_variables(network: ImageGenerator) -> list[tf.Variable]:
    """What of a network moves in training: all but C."""
    frozen = network.classifier.variables if network.classifier is not None else []
    fixed = {id(variable) for variable in frozen}
    return [variable.value for variable in network.variables if id(variable) not in fixed]


def _assign(variables: list[tf.Variable], values: list[tf.Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
