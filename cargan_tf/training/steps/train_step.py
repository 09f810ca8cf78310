"""What the training steps of all systems share: one step over several replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from cargan_tf.config import Config

Batch = dict[str, tf.Tensor]
Losses = dict[str, tf.Tensor]


class TrainStep(Protocol):
    """The training step of a system: what the trainer calls and the checkpoints hold.

    Attributes:
        step: int64 variable, the steps done.
    """

    step: tf.Variable

    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch.

        Args:
            batch: ``spectrogram`` [B, S, S, C], ``label`` [B, K] and ``photo`` [B, S, S, 3], spread
                over the replicas by the strategy.

        Returns:
            Each loss term that counts, unweighted, as the mean over the global batch; among them
            ``coarse_l1``, by which a run is watched, and of two stages ``refined_l1``.
        """

    def networks(self) -> dict[str, keras.Model]:
        """All networks, the discriminator too, by the names of the paper they are from."""

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds beside the step's number: networks and optimizers, by name."""


def new_step_counter() -> tf.Variable:
    """The number of steps done, the same on every replica."""
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        name="step",
    )


def step_seed(config: Config, step: tf.Variable) -> tf.Tensor:
    """int32 [2]: the source of all that is random in this step."""
    return tf.stack([config.training.seed, tf.cast(step, tf.int32)])


def run_on_replicas(
    strategy: tf.distribute.Strategy, replica_step: Callable[[Batch], Losses], batch: Batch
) -> Losses:
    """Run a step on every replica's part of the batch and add up the losses."""
    per_replica = strategy.run(replica_step, args=(batch,))
    return {
        name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
        for name, value in per_replica.items()
    }


def batch_means(losses: Losses, config: Config) -> Losses:
    """Losses [B] to this replica's part of each one's mean over the global batch."""
    batch_size = config.training.batch_size
    return {name: tf.reduce_sum(loss) / batch_size for name, loss in losses.items()}


def mismatched(values: tf.Tensor) -> tf.Tensor:
    """``values`` [B, …] of the next pair in the global batch: another pair's, so a wrong one.

    The next pair may be on the next replica.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tf.roll(values, -1, axis=0)
    batch, rank = tf.shape(values)[0], values.shape.rank
    first = context.replica_id_in_sync_group * batch
    after = (context.num_replicas_in_sync - 1) * batch - first
    own_place = tf.pad(values, [[first, after], *([[0, 0]] * (rank - 1))])
    everyone = context.all_reduce("SUM", own_place)  # all_gather has no eager mode
    return tf.roll(everyone, -1, axis=0)[first : first + batch]


def apply_gradients(
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """One step of ``optimizer`` along the gradients of ``loss``, summed over the replicas."""
    optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
