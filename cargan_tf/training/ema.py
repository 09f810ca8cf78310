"""EMA: an exponential moving average of the weights, used to generate images.

At a constant learning rate the weights oscillate around the optimum; their average is closer to it
(Polyak and Juditsky 1992; Karras et al. 2018 for generators).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import tensorflow as tf

from cargan_tf.models.base import ImageGenerator

#: Updates per time constant: more cost time and hardly change the average.
UPDATES = 10
#: Warm-up of the decay, as in tf.train.ExponentialMovingAverage.
WARM_UP = 10.0


class EMA:
    """Average of a network's weights and moving statistics, without C's, which are frozen.

    Create it inside ``strategy.scope()``.

    Attributes:
        variables: the average, in the order of ``ema_variables``.
    """

    def __init__(
        self, network: ImageGenerator, steps: int, strategy: tf.distribute.Strategy
    ) -> None:
        """Start from the current weights.

        Args:
            network: with built weights.
            steps: the time constant.
            strategy: under which ``network`` was built.
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

    def reset(self) -> None:
        """Start again from the current weights."""
        _assign(self.variables, [live.read_value() for live in self._live])

    def update(self, step: int) -> None:
        """Include the weights after ``step``, if an update is due."""
        if step % self._interval == 0:
            updates = step // self._interval
            kept = min(self._decay, (1.0 + updates) / (WARM_UP + updates))
            self._blend(tf.constant(kept, tf.float32))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the network has the averaged weights; then its own again."""
        own = [live.read_value() for live in self._live]
        _assign(self._live, [mean.read_value() for mean in self.variables])
        try:
            yield
        finally:
            _assign(self._live, own)

    @tf.function(autograph=False)
    def _blend(self, kept: tf.Tensor) -> None:
        self._strategy.run(self._replica_blend, args=(kept,))

    def _replica_blend(self, kept: tf.Tensor) -> None:
        for mean, live in zip(self.variables, self._live, strict=True):
            mean.assign(kept * mean + (1.0 - kept) * live)


def ema_weights(ema: EMA | None) -> AbstractContextManager[None]:
    """Within the block the network has the EMA weights, if there is an EMA."""
    return nullcontext() if ema is None else ema.in_place()


def ema_variables(network: ImageGenerator) -> list[tf.Variable]:
    """The variables that training changes: all but C's, and photos."""
    frozen = network.classifier.variables if network.classifier is not None else []
    fixed = {id(variable) for variable in frozen}
    return [
        variable.value
        for variable in network.variables
        if id(variable) not in fixed and variable.value.dtype.is_floating
    ]


def _assign(variables: list[tf.Variable], values: list[tf.Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
