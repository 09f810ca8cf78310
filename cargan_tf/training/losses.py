"""The losses of the paper (Eq. 2 to 6) and of later work, per example, and their weights.

All return [B], so that the step can divide the sum by the global batch size: gradients are summed
over replicas, and the result equals the mean on a single device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.models.base import to_float32


def classification_loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of C's logits [B, K] against the one-hot label [B, K] (Eq. 2)."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=label, logits=logits)


def double_softmax_loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy that takes C's softmax for logits, as the authors' code does; 1.689 to 2.689
    for K = 13."""
    return classification_loss(tf.nn.softmax(logits), label)


def l2_loss(photo: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of each image from its photo: [B, S, S, 3] to [B]."""
    return tf.reduce_mean(tf.square(photo - image), axis=[1, 2, 3])


def l1_loss(photo: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of two images [B, H, W, 3] in [-1, 1] (Eq. 6, L_L1)."""
    return _distance(photo, image)


def gan_real_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log D, mean over the patches [B, h, w, 1]: D's loss on real pairs, G's on its own (Eq. 3,
    4)."""
    return _patch_loss(logits, tf.ones_like(logits))


def gan_fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log(1 - D), mean over the patches [B, h, w, 1]: D's loss on generated pairs (Eq. 3, 4)."""
    return _patch_loss(logits, tf.zeros_like(logits))


def hinge_real_loss(logits: tf.Tensor) -> tf.Tensor:
    """D's hinge loss on real pairs, for logits [B, h, w, 1] (Lim and Ye 2017, Eq. 10)."""
    return tf.reduce_mean(tf.nn.relu(1.0 - logits), axis=[1, 2, 3])


def hinge_fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """D's hinge loss on generated pairs, for logits [B, h, w, 1]."""
    return tf.reduce_mean(tf.nn.relu(1.0 + logits), axis=[1, 2, 3])


def hinge_generator_loss(logits: tf.Tensor) -> tf.Tensor:
    """The generator's hinge loss, for logits [B, h, w, 1]: the negative mean logit."""
    return -tf.reduce_mean(logits, axis=[1, 2, 3])


class GANLosses(NamedTuple):
    """One form of the adversarial loss; each maps logits [B, h, w, 1] to [B]."""

    real: Callable[[tf.Tensor], tf.Tensor]  # D's, on real pairs
    fake: Callable[[tf.Tensor], tf.Tensor]  # D's, on generated pairs
    generator: Callable[[tf.Tensor], tf.Tensor]  # the generators', on generated pairs


#: By ``loss.gan_loss``.
GAN_LOSSES: Final = {
    "cross-entropy": GANLosses(gan_real_loss, gan_fake_loss, gan_real_loss),
    "hinge": GANLosses(hinge_real_loss, hinge_fake_loss, hinge_generator_loss),
}


def pose_loss(read: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Mean squared error of the pose that G1 reads, [B, 2], from ``true_pose``; what is NaN there
    has none.
    """
    known = tf.math.is_finite(truth)
    # Zeros where it is not known: the gradient of a NaN that is masked afterwards is NaN.
    errors = tf.where(known, read - tf.where(known, truth, tf.zeros_like(truth)), 0.0)
    return tf.reduce_mean(tf.square(errors), axis=1)


def feature_matching_loss(maps: Sequence[tf.Tensor], real: Sequence[tf.Tensor]) -> tf.Tensor:
    """L1 between D's features of generated and real pairs, summed over D's blocks.

    Each map is [B, H, W, C]. Salimans et al. 2016, in the L1 form of pix2pixHD (Wang et al. 2018).
    """
    distances = [_distance(*pair) for pair in zip(maps, real, strict=True)]
    return tf.add_n(distances)


def perceptual_loss(maps: Sequence[tf.Tensor], photo: Sequence[tf.Tensor]) -> tf.Tensor:
    """L1 between C's features of an image and its photo, mean over C's blocks.

    Each map is [B, H, W, C]. Johnson et al. 2016, Eq. 2, with L1 as in pix2pixHD. Each block's
    distance is divided by the photo's mean feature, so that no block dominates by its scale.
    """
    fractions = [
        _distance(generated, real)
        / (tf.reduce_mean(tf.abs(to_float32(real)), axis=[1, 2, 3]) + 1e-6)
        for generated, real in zip(maps, photo, strict=True)
    ]
    return tf.add_n(fractions) / len(fractions)


def _distance(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(to_float32(left) - to_float32(right)), axis=[1, 2, 3])


def _patch_loss(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.reduce_mean(loss, axis=[1, 2, 3])


def active_loss_weights(config: Config) -> dict[str, float]:
    """λ of each term of the generators' loss (Eq. 2, 5, 6; options), without zeros."""
    loss = config.loss
    coarse_adversarial = loss.adversarial * loss.coarse_adversarial
    refined_adversarial = loss.adversarial * loss.refined_adversarial
    products = {
        "coarse_classification": loss.classification * loss.coarse_classification,
        "refined_classification": loss.classification * loss.refined_classification,
        "coarse_adversarial": coarse_adversarial,
        "refined_adversarial": refined_adversarial,
        "coarse_feature_matching": coarse_adversarial * loss.feature_matching,
        "refined_feature_matching": refined_adversarial * loss.feature_matching,
        "coarse_perceptual": loss.perceptual,
        "refined_perceptual": loss.perceptual,
        "coarse_l1": loss.l1,
        "refined_l1": loss.l1,
        "coarse_l2": loss.l2,
        "refined_l2": loss.l2,
    }
    stages = ("coarse", "refined")[: config.model.stages]
    weights = {name: one for name, one in products.items() if one and name.startswith(stages)}
    return weights | ({"pose": loss.pose} if config.model.pose else {})


def gradient_penalty(discriminate: Callable[[tf.Tensor], tf.Tensor], photo: tf.Tensor) -> tf.Tensor:
    """R1: ``½ ‖∂D/∂I‖²`` of each real image, [B], with D's mean over patches as in its loss.

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?". With batch norm
    in D, a score depends on the whole global batch, and so does its gradient.

    Args:
        discriminate: images to D's logits [B, h, w, 1].
        photo: real images, [B, S, S, 3].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(photo)
        scores = tf.reduce_mean(discriminate(photo), axis=[1, 2, 3])
        total = tf.reduce_sum(scores)
    gradient = tape.gradient(total, photo)
    return tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]) / 2.0
