"""Photos changed by chance, for classifiers that shall go by what is shown and not by grain."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

#: Photos are shifted by up to this share of their side, and tinted by up to this in [-1, 1].
SHIFT, TINT = 1 / 16, 0.2
#: Contrast lies between 1 - CONTRAST and 1 + CONTRAST.
CONTRAST = 0.3
#: Half of the photos are blurred: shrunk to between this share of their size and all of it.
COARSEST = 0.3


def strewn(photos: tf.Tensor, noise: float, seed: tf.Tensor) -> tf.Tensor:
    """Photos [B, S, S, 3] in [-1, 1] changed by chance, each another way.

    Shifted, half of them blurred, contrast and tint changed, noise added with a spread between 0
    and ``noise``. All of it is a function of ``seed``, int32 [2].
    """
    count, size = tf.shape(photos)[0], photos.shape[1]
    crops, *seeds = tf.unstack(tf.random.split(seed, 7))

    def uniform(shape: list[Any], low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seeds.pop(), low, high)

    each = [count, 1, 1, 1]
    edge = max(1, round(SHIFT * size))
    wide = tf.pad(photos, [[0, 0], [edge, edge], [edge, edge], [0, 0]], "SYMMETRIC")
    photos = tf.map_fn(
        lambda one: tf.image.stateless_random_crop(one[0], [size, size, 3], one[1]),
        (wide, tf.random.split(crops, count)),
        fn_output_signature=tf.float32,
    )
    small = tf.cast(tf.round(uniform([], COARSEST * size, size)), tf.int32)
    shrunk = tf.image.resize(photos, [small, small], antialias=True)
    photos = tf.where(uniform(each, 0, 1) < 0.5, tf.image.resize(shrunk, [size, size]), photos)
    photos *= uniform(each, 1 - CONTRAST, 1 + CONTRAST)
    photos += uniform([count, 1, 1, 3], -TINT, TINT)
    spread = uniform(each, 0, 1) * noise
    photos += tf.random.stateless_normal(tf.shape(photos), seeds.pop()) * spread
    return tf.clip_by_value(photos, -1.0, 1.0)
