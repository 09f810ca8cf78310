"""Adam (Kingma and Ba 2015) with the paper's betas, by TensorFlow's fused kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.config import Config


class _StepConstants(NamedTuple):
    """What a step has in common for all variables; float32 scalars."""

    learning_rate: tf.Tensor
    beta_1: tf.Tensor
    beta_2: tf.Tensor
    beta_1_power: tf.Tensor
    beta_2_power: tf.Tensor
    epsilon: tf.Tensor


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, each variable updated by one kernel instead of a dozen elementwise ones.

    Attributes:
        slower: factor of the learning rate by path, for variables that have one of their own.
    """

    def __init__(self, *args: Any, slower: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slower = slower or {}
        self._factors: list[float] = []

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the state of ``variables``; Keras calls it before the first step."""
        super().build(variables)
        self._factors = [self.slower.get(variable.path, 1.0) for variable in variables]

    def _backend_update_step(
        self,
        grads: list[tf.Tensor],
        trainable_variables: list[keras.Variable],
        learning_rate: tf.Tensor,
    ) -> None:
        # Once for all variables; computed for each, they are a fifth of the step to be traced.
        step = tf.cast(self.iterations.value + 1, tf.float32)
        shared = _StepConstants(
            learning_rate=tf.cast(learning_rate, tf.float32),
            beta_1=tf.constant(self.beta_1),
            beta_2=tf.constant(self.beta_2),
            beta_1_power=tf.pow(self.beta_1, step),
            beta_2_power=tf.pow(self.beta_2, step),
            epsilon=tf.constant(self.epsilon),
        )
        super()._backend_update_step(grads, trainable_variables, shared)

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, shared: _StepConstants
    ) -> None:
        """Move one variable; called by Keras for each, on each device."""
        index = self._get_variable_index(variable)
        factor = self._factors[index]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=shared.beta_1_power,
            beta2_power=shared.beta_2_power,
            lr=shared.learning_rate if factor == 1.0 else shared.learning_rate * factor,
            beta1=shared.beta_1,
            beta2=shared.beta_2,
            epsilon=shared.epsilon,
            grad=gradient,
        )


class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """``rate`` for the configured first epochs, then down to 0 in equal steps an epoch."""

    def __init__(self, config: Config, steps_per_epoch: int, rate: float) -> None:
        self.rate = rate
        self.constant_epochs = config.training.epochs
        self.decay_epochs = config.training.decay_epochs
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate of ``step``, counted from 0."""
        if self.decay_epochs == 0:
            return tf.constant(self.rate, tf.float32)
        epoch = tf.cast(step, tf.int64) // self.steps_per_epoch
        past = tf.cast(epoch - self.constant_epochs, tf.float32) + 1.0
        return self.rate * (1.0 - tf.clip_by_value(past / (self.decay_epochs + 1), 0.0, 1.0))


class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras' dynamic loss scale, by which float16's small gradients do not become 0.

    A step whose gradients are not finite is skipped and the scale halved; after 2,000 good ones
    it is doubled. All replicas skip the same steps: Keras asks the first one only.
    """

    def apply(
        self, grads: list[tf.Tensor], trainable_variables: list[keras.Variable] | None = None
    ) -> None:
        """Move the variables by this replica's gradients, or skip the step."""
        bad = 1 - tf.cast(self.check_finite(grads), tf.int32)
        context = tf.distribute.get_replica_context()
        anywhere = context.all_reduce(tf.distribute.ReduceOp.SUM, bad) > 0
        first = tf.where(anywhere, tf.fill(tf.shape(grads[0]), np.nan), grads[0])
        super().apply([first, *grads[1:]], trainable_variables)


def make_adam(
    config: Config,
    steps_per_epoch: int,
    rate: float | None = None,
    slower: Iterable[keras.Variable] = (),
    slower_rate: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Adam as configured, at a learning rate that follows ``ConstantThenLinear``.

    Args:
        config: its section ``training``.
        steps_per_epoch: of the schedule.
        rate: the learning rate at the beginning, instead of the configured one.
        slower: variables with a learning rate of their own.
        slower_rate: theirs at the beginning; at 0 they stay as they are.
    """
    rate = rate or config.training.learning_rate
    adam = FusedAdam(
        ConstantThenLinear(config, steps_per_epoch, rate),
        beta_1=config.training.adam_beta_1,
        beta_2=config.training.adam_beta_2,
        epsilon=config.training.adam_epsilon,
        slower={variable.path: slower_rate / rate for variable in slower},
    )
    return LossScale(adam) if config.training.precision == "float16" else adam
