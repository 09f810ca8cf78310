"""The latent vector that S2IC and CMCGAN put beside the sound's code."""

from __future__ import annotations

import tensorflow as tf

#: Of the one vector that a trained system draws with, so that a sound always gives one picture.
INFERENCE_SEED = (0, 0)


def latent_vectors(batch: tf.Tensor, size: int, seed: tf.Tensor | None) -> tf.Tensor:
    """Gaussian numbers, [B, size].

    Args:
        batch: how many vectors, on this replica.
        size: numbers in each.
        seed: int32 [2] of a training step: each picture gets its own vector, by its place in the
            global batch, so several replicas draw what one would. ``None`` gives all pictures the
            same one.
    """
    if seed is None:
        one = tf.random.stateless_normal([1, size], INFERENCE_SEED)
        return tf.tile(one, [batch, 1])
    context = tf.distribute.get_replica_context()
    everyone = tf.random.stateless_normal([batch * context.num_replicas_in_sync, size], seed)
    first = context.replica_id_in_sync_group * batch
    return everyone[first : first + batch]
