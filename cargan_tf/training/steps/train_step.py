"""The base of all training steps: one compiled step over several replicas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from cargan_tf.config import Config

Batch = dict[str, tf.Tensor]
Losses = dict[str, tf.Tensor]


class TrainStep(ABC):
    """A model's networks, optimizers and compiled training step.

    Create it inside ``strategy.scope()``. Everything random in a step depends on the seed, the step
    and the index in the global batch, so that resuming is exact and replicas agree.

    Attributes:
        step: int64 variable, the number of steps done.
    """

    def __init__(
        self,
        config: Config,
        network: keras.Model,
        discriminator: keras.Model,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.config = config
        self.network = network
        self.discriminator = discriminator
        self.strategy = strategy
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name="step",
        )

    @tf.function(reduce_retracing=True, autograph=False)
    def __call__(self, batch: Batch) -> Losses:
        """Train on one global batch.

        Args:
            batch: ``spectrogram`` [B, S, S, C], ``label`` [B, K] and ``photo`` [B, S, S, 3],
                distributed over the replicas by the strategy.

        Returns:
            Each active loss term, unweighted, as its mean over the global batch. ``coarse_l1`` is
            always among them, and ``refined_l1`` if there are two stages.
        """
        return run_on_replicas(self.strategy, self._replica_step, batch)

    @abstractmethod
    def networks(self) -> dict[str, keras.Model]:
        """All networks, with the discriminator, by their names in the paper."""

    @abstractmethod
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """All optimizers, by name."""

    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the step: networks and optimizers, by name."""
        return {
            self.network.name: self.network,
            "discriminator": self.discriminator,
            **self.optimizers(),
        }

    @abstractmethod
    def _replica_step(self, batch: Batch) -> Losses:
        """Train on this replica's part of the batch; losses are its part of the global means."""

    def _seed(self) -> tf.Tensor:
        """int32 [2]: the seed of everything random in this step."""
        return tf.stack([self.config.training.seed, tf.cast(self.step, tf.int32)])

    def _batch_means(self, losses: Losses) -> Losses:
        """Losses [B] to this replica's part of their means over the global batch."""
        batch_size = self.config.training.batch_size
        return {name: tf.reduce_sum(loss) / batch_size for name, loss in losses.items()}


def run_on_replicas(
    strategy: tf.distribute.Strategy, replica_step: Callable[[Batch], Losses], batch: Batch
) -> Losses:
    """Run ``replica_step`` on each replica's part of the batch and sum the losses."""
    per_replica = strategy.run(replica_step, args=(batch,))
    return {
        name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
        for name, value in per_replica.items()
    }


def mismatched(values: tf.Tensor) -> tf.Tensor:
    """``values`` [B, …] of the next pair in the global batch, which may be on the next replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tf.roll(values, -1, axis=0)
    batch, rank = tf.shape(values)[0], values.shape.rank
    before = context.replica_id_in_sync_group * batch
    after = (context.num_replicas_in_sync - 1) * batch - before
    padded = tf.pad(values, [[before, after], *([[0, 0]] * (rank - 1))])
    global_batch = context.all_reduce("SUM", padded)  # all_gather has no eager mode
    return tf.roll(global_batch, -1, axis=0)[before : before + batch]


def apply_gradients(
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Update ``variables`` by the gradients of ``loss``, summed over the replicas."""
    gradients = tape.gradient(
        loss,
        [variable.value for variable in variables],
        # In float16 the optimizer scales the loss, and undoes it.
        output_gradients=optimizer.scale_loss(tf.ones_like(loss)),
        # A total without any term is a constant, without gradients.
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    optimizer.apply(gradients, variables)
