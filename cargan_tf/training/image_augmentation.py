"""Image augmentation: differentiable for D's inputs, and photo augmentation for classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

#: Ranges of Zhao et al.: brightness is added (to images in [-1, 1]), saturation and contrast
#: multiply; the maximum shift and the hole's side are fractions of the image's side.
BRIGHTNESS, SATURATION, CONTRAST = (-0.5, 0.5), (0.0, 2.0), (0.5, 1.5)
SHIFT, HOLE = 1 / 8, 1 / 2
#: Folded into the step's seed, so that these random numbers differ from dropout's.
STREAM = 2020


#: Maximum shift of photos as a fraction of their side, and maximum tint in [-1, 1].
PHOTO_SHIFT, PHOTO_TINT = 1 / 16, 0.2
#: The contrast factor is between 1 - PHOTO_CONTRAST and 1 + PHOTO_CONTRAST.
PHOTO_CONTRAST = 0.3
#: Half of the photos are blurred by shrinking them to a fraction between this and 1.
MIN_BLUR_SCALE = 0.3


def diff_augment(images: tf.Tensor, kinds: Sequence[str], seed: tf.Tensor) -> tf.Tensor:
    """Differentiable augmentation of D's inputs (Zhao et al. 2020, "Differentiable Augmentation for
    Data-Efficient GAN Training").

    Real and generated images at one index of the batch get the same transform, so that D cannot
    tell them apart by it and their features can be compared.

    Args:
        images: [B, S, S, 3] in [-1, 1], of this replica; padding is 0, mid-gray.
        kinds: of ``color``, ``translation`` and ``cutout``; applied in this order.
        seed: int32 [2], of the step. Random numbers depend on it and on the index in the global
            batch only, so that replicas and resumed runs agree.
    """
    random = _random_numbers(tf.shape(images)[0], seed)
    for name, transform in (("color", _color), ("translation", _translate), ("cutout", _cut_out)):
        if name in kinds:
            images = transform(images, random)
    return images


def _random_numbers(batch: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
    """Seven uniform random numbers in [0, 1) for each image of this replica: 7 × [B]."""
    context = tf.distribute.get_replica_context()
    own = tf.random.experimental.stateless_fold_in(seed, STREAM)
    everyone = tf.random.stateless_uniform([batch * context.num_replicas_in_sync, 7], own)
    first = context.replica_id_in_sync_group * batch
    return tf.unstack(everyone[first : first + batch], axis=1)


def _color(images: tf.Tensor, random: list[tf.Tensor]) -> tf.Tensor:
    """Change brightness, then saturation, then contrast."""
    brightness, saturation, contrast = (
        (low + (high - low) * number)[:, None, None, None]
        for (low, high), number in zip((BRIGHTNESS, SATURATION, CONTRAST), random[:3], strict=True)
    )
    images += brightness
    gray = tf.reduce_mean(images, axis=3, keepdims=True)
    images = gray + saturation * (images - gray)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + contrast * (images - mean)


def _translate(images: tf.Tensor, random: list[tf.Tensor]) -> tf.Tensor:
    """Shift by up to an eighth of each side."""
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    for axis, number in ((1, random[3]), (2, random[4])):
        size = images.shape[axis]
        maximum = round(size * SHIFT)
        shift = tf.cast(number * (2 * maximum + 1), tf.int32) - maximum  # [B]
        # Indices into the padded image; those outside are clipped to its border of zeros.
        positions = tf.clip_by_value(tf.range(size)[None] + 1 - shift[:, None], 0, size + 1)
        padded = tf.gather(padded, positions, axis=axis, batch_dims=1)  # the axis loses its padding
    return padded


def _cut_out(images: tf.Tensor, random: list[tf.Tensor]) -> tf.Tensor:
    """Set a part of half the sides to 0; it may extend over the border."""
    inside = []
    for size, number in zip(images.shape[1:3], random[5:], strict=True):
        hole = round(size * HOLE)
        center = tf.cast(number * (size + 1 - hole % 2), tf.int32)
        from_first = tf.range(size)[None] - (center - hole // 2)[:, None]  # [B, S]
        inside.append((from_first >= 0) & (from_first < hole))
    holes = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(holes, tf.zeros_like(images), images)


def augment_photos(photos: tf.Tensor, noise: float, seed: tf.Tensor) -> tf.Tensor:
    """Augment photos [B, S, S, 3] in [-1, 1] for classifiers, so that they learn shape, not grain.

    Random shift, blur (half of the photos), contrast, tint, and noise with a std between 0 and
    ``noise``; a function of ``seed``, int32 [2].
    """
    count, (height, width) = tf.shape(photos)[0], photos.shape[1:3]
    crops, *seeds = tf.unstack(tf.random.split(seed, 7))

    def uniform(shape: list[Any], low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seeds.pop(), low, high)

    each = [count, 1, 1, 1]
    down, across = (max(1, round(PHOTO_SHIFT * side)) for side in (height, width))
    wide = tf.pad(photos, [[0, 0], [down, down], [across, across], [0, 0]], "SYMMETRIC")
    photos = tf.map_fn(
        lambda one: tf.image.stateless_random_crop(one[0], [height, width, 3], one[1]),
        (wide, tf.random.split(crops, count)),
        fn_output_signature=tf.float32,
    )
    small = tf.cast(tf.round(uniform([], MIN_BLUR_SCALE * height, height)), tf.int32)
    narrow = tf.cast(tf.round(tf.cast(small, tf.float32) * (width / height)), tf.int32)
    shrunk = tf.image.resize(photos, [small, narrow], antialias=True)
    blurred = tf.image.resize(shrunk, [height, width])
    photos = tf.where(uniform(each, 0, 1) < 0.5, blurred, photos)
    photos *= uniform(each, 1 - PHOTO_CONTRAST, 1 + PHOTO_CONTRAST)
    photos += uniform([count, 1, 1, 3], -PHOTO_TINT, PHOTO_TINT)
    std = uniform(each, 0, 1) * noise
    photos += tf.random.stateless_normal(tf.shape(photos), seeds.pop()) * std
    return tf.clip_by_value(photos, -1.0, 1.0)
