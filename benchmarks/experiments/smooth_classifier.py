"""A classifier C of a handful of photos that is right on all of them and nowhere steep.

C is fixed while the generators learn, and its cross-entropy pulls at what they draw, which is no
photo for a long time: blurred, and near the mean. A C trained on 26 photos alone is right on all
of them, but its slope there is some 18 times that of the whole L1 term, so that L1 falls the slower
for it. The cure is to hold down the slope of C's logits between the photos, not at them (Gulrajani
et al. 2017 do so to a discriminator).
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from cargan_tf.models.classifier import Classifier
from cargan_tf.utils.arrays import FloatArray

STEPS = 300  # enough for every photo to be named right
LEARNING_RATE = 1e-3
#: Photos are blurred by way of so many pixels a side.
BLURRED_SIDES = (4, 8, 16, 32)


def train_classifier(
    network: Classifier, photos: FloatArray, labels: FloatArray, penalty: float, seed: int
) -> tuple[float, float]:
    """Train C on all photos at once and freeze it.

    Args:
        network: C at its start, with its variables.
        photos: [N, S, S, 3] in [-1, 1].
        labels: one-hot, [N, K].
        penalty: weight of the mean squared slope of one logit (its norm over the pixels).
        seed: of the images between the photos.

    Returns:
        The accuracy of C on the photos, and ``slope_of_loss`` between them.
    """
    network.trainable = True
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    values = [variable.value for variable in network.trainable_variables]
    optimizer.build(network.trainable_variables)

    def squared_slopes(seeds: tf.Tensor) -> tf.Tensor:
        """Of the logits along directions by chance, whose mean is the sum over the logits."""
        images = between(photos, seeds[0])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            logits = network(images, training=True)
            along = tf.reduce_sum(logits * tf.random.stateless_normal(logits.shape, seeds[1]))
        return tf.reduce_sum(tf.square(tape.gradient(along, images)), [1, 2, 3])

    @tf.function
    def step(number: tf.Tensor) -> None:
        seeds = tf.random.split(tf.stack([seed, number]))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            logits = network(photos, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits))
            if penalty:
                loss += penalty * tf.reduce_mean(squared_slopes(seeds)) / labels.shape[1]
        optimizer.apply(tape.gradient(loss, values), network.trainable_variables)

    for number in range(STEPS):
        step(tf.constant(number))
    network.trainable = False
    right = np.argmax(network(photos), 1) == np.argmax(labels, 1)
    images = between(photos, tf.constant([seed, STEPS]))
    return float(right.mean()), slope_of_loss(network, images, labels)


def between(photos: FloatArray, seed: tf.Tensor) -> tf.Tensor:
    """Each photo more or less blurred and more or less near the mean photo, by chance.

    Args:
        photos: [N, S, S, 3].
        seed: [2].
    """
    count, size = len(photos), photos.shape[1]
    blurred = [
        tf.image.resize(
            tf.image.resize(photos, (side, side), "area"),
            (size, size),
            tf.image.ResizeMethod.BICUBIC,
        )
        for side in BLURRED_SIDES
    ]
    seeds = tf.random.split(seed, 3)
    which = tf.random.stateless_uniform([count], seeds[0], 0, len(blurred), tf.int32)
    chosen = tf.gather_nd(tf.stack(blurred), tf.stack([which, tf.range(count)], axis=1))
    sharpness, distance = (
        tf.random.stateless_uniform([count, 1, 1, 1], seeds[position]) for position in (1, 2)
    )
    images = sharpness * photos + (1 - sharpness) * chosen
    return distance * images + (1 - distance) * photos.mean(0)


def slope_of_loss(network: Classifier, images: tf.Tensor, labels: FloatArray) -> float:
    """The mean norm of the cross-entropy's gradient at images; that of all of L1 is some .45."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, network(images))
    squares = tf.reduce_sum(tf.square(tape.gradient(losses, images)), [1, 2, 3])
    return float(tf.reduce_mean(tf.sqrt(squares)))
