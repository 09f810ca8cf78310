"""Changes by chance of what D sees, through which gradients pass to the generators (Zhao et al.
2020, "Differentiable Augmentation for Data-Efficient GAN Training").

Images of one place in the batch, real or drawn, are changed alike: D cannot tell them apart by
the change, and their features can be compared.
"""
# MERGED Photos changed by chance, for classifiers that shall go by what is shown and not by grain.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

#: Zhao et al.'s ranges: brightness is added (of images in [-1, 1]), saturation and contrast
#: multiply; the greatest shift and the side of the hole are shares of the image's side.
BRIGHTNESS, SATURATION, CONTRAST = (-0.5, 0.5), (0.0, 2.0), (0.5, 1.5)
SHIFT, HOLE = 1 / 8, 1 / 2
#: Folded into the step's seed, so that these draws are not those of dropout.
STREAM = 2020


def diff_augment(images: tf.Tensor, kinds: Sequence[str], seed: tf.Tensor) -> tf.Tensor:
    """``images`` [B, S, S, 3] in [-1, 1], changed in the ways named, each by its own chance.

    Args:
        images: of this replica. What comes from outside an image is 0, its middle gray.
        kinds: of ``color``, ``translation`` and ``cutout``; they are applied in this order.
        seed: int32 [2], of the step. The draws depend on it and on the place in the global batch
            alone, so several replicas change what one would, and a resumed run what the first did.
    """
    generates = _draws(tf.shape(images)[0], seed)
    for name, change in (("color", _colored), ("translation", _shifted), ("cutout", _cut)):
        if name in kinds:
            images = change(images, generates)
    return images


def _draws(batch: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
    """Seven uniform numbers in [0, 1) for each image of this replica, 7 of [B]."""
    context = tf.distribute.get_replica_context()
    own = tf.random.experimental.stateless_fold_in(seed, STREAM)
    everyone = tf.random.stateless_uniform([batch * context.num_replicas_in_sync, 7], own)
    first = context.replica_id_in_sync_group * batch
    return tf.unstack(everyone[first : first + batch], axis=1)


def _colored(images: tf.Tensor, generates: list[tf.Tensor]) -> tf.Tensor:
    """Brighter or darker, then each pixel from its gray, then each image from its mean."""
    brightness, saturation, contrast = (
        (low + (high - low) * draw)[:, None, None, None]
        for (low, high), draw in zip((BRIGHTNESS, SATURATION, CONTRAST), generates[:3], strict=True)
    )
    images += brightness
    gray = tf.reduce_mean(images, axis=3, keepdims=True)
    images = gray + saturation * (images - gray)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + contrast * (images - mean)


def _shifted(images: tf.Tensor, generates: list[tf.Tensor]) -> tf.Tensor:
    """Moved by up to an eighth of the side, down or up and right or left."""
    size = images.shape[1]
    most = round(size * SHIFT)
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    for axis, draw in ((1, generates[3]), (2, generates[4])):
        shift = tf.cast(draw * (2 * most + 1), tf.int32) - most  # [B]
        # In the padded image; what would be further out is the rim of zeros.
        positions = tf.clip_by_value(tf.range(size)[None] + 1 - shift[:, None], 0, size + 1)
        padded = tf.gather(padded, positions, axis=axis, batch_dims=1)  # the axis loses its padding
    return padded


def _cut(images: tf.Tensor, generates: list[tf.Tensor]) -> tf.Tensor:
    """A square of half the side is put to 0; it may reach over the rim."""
    size = images.shape[1]
    hole = round(size * HOLE)
    inside = []
    for draw in generates[5:]:
        center = tf.cast(draw * (size + 1 - hole % 2), tf.int32)
        from_first = tf.range(size)[None] - (center - hole // 2)[:, None]  # [B, S]
        inside.append((from_first >= 0) & (from_first < hole))
    holes = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(holes, tf.zeros_like(images), images)


#: Photos are shifted by up to this share of their side, and tinted by up to this in [-1, 1].
STREWING_SHIFT, TINT = 1 / 16, 0.2
#: Contrast lies between 1 - CONTRAST and 1 + CONTRAST.
STREWING_CONTRAST = 0.3
#: Half of the photos are blurred: shrunk to between this share of their size and all of it.
COARSEST = 0.3


def augment_photos(photos: tf.Tensor, noise: float, seed: tf.Tensor) -> tf.Tensor:
    """Photos [B, S, S, 3] in [-1, 1] changed by chance, each another way.

    Shifted, half of them blurred, contrast and tint changed, noise added with a spread between 0
    and ``noise``. All of it is a function of ``seed``, int32 [2].
    """
    count, size = tf.shape(photos)[0], photos.shape[1]
    crops, *seeds = tf.unstack(tf.random.split(seed, 7))

    def uniform(shape: list[Any], low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seeds.pop(), low, high)

    each = [count, 1, 1, 1]
    edge = max(1, round(STREWING_SHIFT * size))
    wide = tf.pad(photos, [[0, 0], [edge, edge], [edge, edge], [0, 0]], "SYMMETRIC")
    photos = tf.map_fn(
        lambda one: tf.image.stateless_random_crop(one[0], [size, size, 3], one[1]),
        (wide, tf.random.split(crops, count)),
        fn_output_signature=tf.float32,
    )
    small = tf.cast(tf.round(uniform([], COARSEST * size, size)), tf.int32)
    shrunk = tf.image.resize(photos, [small, small], antialias=True)
    photos = tf.where(uniform(each, 0, 1) < 0.5, tf.image.resize(shrunk, [size, size]), photos)
    photos *= uniform(each, 1 - STREWING_CONTRAST, 1 + STREWING_CONTRAST)
    photos += uniform([count, 1, 1, 3], -TINT, TINT)
    std = uniform(each, 0, 1) * noise
    photos += tf.random.stateless_normal(tf.shape(photos), seeds.pop()) * std
    return tf.clip_by_value(photos, -1.0, 1.0)
