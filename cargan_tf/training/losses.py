"""The losses of the paper (Eq. 2 to 6), each as one number a picture.

All return [B], so that the step can divide the sum by the global batch: gradients are summed over
replicas, and only then is the sum the mean that a single device would have taken.
"""

from __future__ import annotations

import tensorflow as tf


def classification_loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of C's logits [B, K] against the one-hot label [B, K] (Eq. 2)."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=label, logits=logits)


def double_softmax_loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """The same of C's softmax taken for logits, as the authors do: 1.689 to 2.689 at K = 13."""
    return classification_loss(tf.nn.softmax(logits), label)


def l1_loss(photo: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
    """Mean distance of two pictures [B, H, W, 3] in [-1, 1] (Eq. 6, L_L1)."""
    return tf.reduce_mean(tf.abs(photo - picture), axis=[1, 2, 3])


def judged_real_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log D over the patches [B, h, w, 1]: what D wants of real pairs, G of its own (Eq. 3, 4)."""
    return _patch_loss(logits, tf.ones_like(logits))


def judged_fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log(1 - D) over the patches [B, h, w, 1]: what D wants of generated pairs (Eq. 3, 4)."""
    return _patch_loss(logits, tf.zeros_like(logits))


def _patch_loss(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.reduce_mean(loss, axis=[1, 2, 3])
