"""The losses of the paper (Eq. 2 to 6) and of later ones, each as one number an image.

All return [B], so that the step can divide the sum by the global batch: gradients are summed over
replicas, and only then is the sum the mean that a single device would have taken.
"""
# MERGED Which losses of the generators count, and how much: the products of the weights λ.
# MERGED R1: D's slope at real images is held down (Mescheder et al. 2018, "Which Training Methods for

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
    """The same of C's softmax taken for logits, as the authors do: 1.689 to 2.689 at K = 13."""
    return classification_loss(tf.nn.softmax(logits), label)


def l1_loss(photo: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Mean distance of two images [B, H, W, 3] in [-1, 1] (Eq. 6, L_L1)."""
    return _distance(photo, image)


def gan_real_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log D over the patches [B, h, w, 1]: what D wants of real pairs, G of its own (Eq. 3, 4)."""
    return _patch_loss(logits, tf.ones_like(logits))


def gan_fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """-log(1 - D) over the patches [B, h, w, 1]: what D wants of generated pairs (Eq. 3, 4)."""
    return _patch_loss(logits, tf.zeros_like(logits))


def hinge_real_loss(logits: tf.Tensor) -> tf.Tensor:
    """What D wants of real pairs: logits [B, h, w, 1] of 1 or more (Lim and Ye 2017, Eq. 10)."""
    return tf.reduce_mean(tf.nn.relu(1.0 - logits), axis=[1, 2, 3])


def hinge_fake_loss(logits: tf.Tensor) -> tf.Tensor:
    """What D wants of generated pairs: logits [B, h, w, 1] of -1 or less."""
    return tf.reduce_mean(tf.nn.relu(1.0 + logits), axis=[1, 2, 3])


def hinge_generator_loss(logits: tf.Tensor) -> tf.Tensor:
    """What G wants of its own: logits [B, h, w, 1] as high as can be, without a margin."""
    return -tf.reduce_mean(logits, axis=[1, 2, 3])


class GANLosses(NamedTuple):
    """One form of the game between D and the generators: logits [B, h, w, 1] to [B]."""

    real: Callable[[tf.Tensor], tf.Tensor]  # D's, of real pairs
    fake: Callable[[tf.Tensor], tf.Tensor]  # D's, of generated pairs
    fooled: Callable[[tf.Tensor], tf.Tensor]  # the generators', of generated pairs


#: By ``loss.gan_loss``.
GAN_LOSSES: Final = {
    "cross-entropy": GANLosses(gan_real_loss, gan_fake_loss, gan_real_loss),
    "hinge": GANLosses(hinge_real_loss, hinge_fake_loss, hinge_generator_loss),
}


def feature_matching_loss(maps: Sequence[tf.Tensor], real: Sequence[tf.Tensor]) -> tf.Tensor:
    """Mean distance of D's features of generated and of real pairs, summed over D's blocks.

    Each map is [B, H, W, C]. Salimans et al. 2016, in the L1 form of pix2pixHD (Wang et al. 2018).
    """
    distances = [_distance(*pair) for pair in zip(maps, real, strict=True)]
    return tf.add_n(distances)


def perceptual_loss(maps: Sequence[tf.Tensor], photo: Sequence[tf.Tensor]) -> tf.Tensor:
    """Mean distance of C's features of an image and its photo, as a mean over C's blocks.

    Each map is [B, H, W, C]. Johnson et al. 2016, Eq. 2, with L1 as in pix2pixHD; and each block's
    distance is a share of the photo's mean feature, so that no block counts more for its scale.
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
    """λ of each term of the generators' loss (Eq. 2, 5, 6; options), without those that are 0."""
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
    }
    stages = ("coarse", "refined")[: config.model.stages]
    return {name: weight for name, weight in products.items() if weight and name.startswith(stages)}


def gradient_penalty(discriminate: Callable[[tf.Tensor], tf.Tensor], photo: tf.Tensor) -> tf.Tensor:
    """``½ ‖∂D/∂I‖²`` of each real image, [B]; D is the mean of its patches, as in its loss.

    Where D has batch norm the slope is that of all images' scores together, on all replicas.

    Args:
        discriminate: images to D's logits [B, h, w, 1].
        photo: real images, [B, S, S, 3].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(photo)
        scores = tf.reduce_mean(discriminate(photo), axis=[1, 2, 3])
        total = tf.reduce_sum(scores)
    slope = tape.gradient(total, photo)
    return tf.reduce_sum(tf.square(slope), axis=[1, 2, 3]) / 2.0
