"""CAR-GAN, the cascade (paper Fig. 1): G1, then C and the residue label, then G2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from cargan_tf.config import Config, ModelConfig
from cargan_tf.models.base import FLOAT32_LAYER, CompositeLayer
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.unet import UNet
from cargan_tf.models.warp import warp
from cargan_tf.utils.arrays import height_width


class CascadeOutput(NamedTuple):
    """The outputs of both stages."""

    coarse: tf.Tensor  # I', [B, S, S, 3] in [-1, 1]
    coarse_logits: tf.Tensor  # C(I') before the softmax, [B, K]
    residue: tf.Tensor  # L_r = L_a - softmax(C(I')), [B, K] in [-1, 1]
    refined: tf.Tensor  # I'', [B, S, S, 3] in [-1, 1]; I' if there is no second stage
    read_pose: tf.Tensor | None  # by G1, with ``model.pose``: [B, 2]


class Cascade(CompositeLayer, keras.Model):
    """Coarse to fine in two stages (Eq. 1): ``I'' = G2(I', L_a - C(I'))`` with ``I' = G1(A, L_a)``.

    C is frozen and always in inference mode; gradients pass through it to the images. The ablations
    of Table 1 omit G2's residue input, or G2.
    """

    def __init__(self, config: Config, label_count: int, **kwargs: Any) -> None:
        super().__init__(**FLOAT32_LAYER, **kwargs)
        size = config.data.image_size
        self.model_config = config.model
        self.coarse_generator = UNet(  # G1
            size,
            config.model,
            config.model.coarse_dropped_skips,
            reads_pose=config.model.pose,
            name="coarse_generator",
        )
        self.refined_generator = (  # G2
            UNet(size, refined_config(config.model), name="refined_generator")
            if config.model.stages == 2
            else None
        )
        self.classifier = Classifier(config.classifier, label_count, name="classifier")  # C
        self.classifier.trainable = False
        self.players = config.model.players
        # Of each label's players, [K * players, H, W, 3], 0 to 255.
        self.player_photos: keras.Variable | None = None
        if config.model.player_photo:
            self.player_photos = self.add_weight(
                shape=(label_count * self.players, *height_width(size), 3),
                initializer="zeros",
                dtype="uint8",
                trainable=False,
                name="player_photos",
            )

    def call(
        self,
        spectrogram: tf.Tensor,
        label: tf.Tensor,
        player: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
        pose: tf.Tensor | None = None,
    ) -> CascadeOutput:
        """Generate images.

        Args:
            spectrogram: A, [B, S, S, 1] in [-1, 1]; 3 channels with ``model.spectrogram: jet``.
            label: L_a, [B, K], one-hot.
            player: [B], the index of who plays among the players of the label, -1 if not known;
                by default the first. Only used with ``model.players``.
            seed: int32 [2], of this step's dropout; required if ``training``.
            training: batch statistics and dropout in the generators.
            pose: what to draw (``true_pose``), [B, 2]; where it is NaN or not given, what G1 reads.
                Only used with ``model.pose``.
        """
        seed_coarse, seed_refined = (
            (None, None) if seed is None else tf.unstack(tf.random.split(seed, 2))
        )
        players = self._one_hot_players(label, player) if self.players else None
        photo = None
        if self.player_photos is not None:
            photo = _photo_of(self.player_photos, label, players)
        who = None
        if self.model_config.pose:
            who = label if players is None else tf.concat([label, players], axis=1)
        first = self.coarse_generator(
            _inputs([spectrogram, photo], [label, players]),
            seed=seed_coarse,
            training=training,
            pose=pose,
            who=who,
        )
        coarse = first.image
        if photo is not None:
            base = photo if first.flow is None else warp(photo, first.flow)
            coarse = _added(base, first.image)
        coarse_logits = self.classifier(coarse, training=False)
        residue = label - tf.nn.softmax(coarse_logits)
        if self.refined_generator is None:
            return CascadeOutput(coarse, coarse_logits, residue, coarse, first.read_pose)
        second = self.refined_generator(
            _inputs(
                [coarse, spectrogram if self.model_config.refine_sees_audio else None, photo],
                [residue if self.model_config.residue else None, players],
            ),
            seed=seed_refined,
            training=training,
            pose=first.pose,
            who=who,
        )
        refined = second.image
        if first.flow is not None:
            # G2 corrects both what G1 moved and what it added.
            base = warp(photo, first.flow + second.flow) + 2.0 * first.image
            refined = _added(base, second.image)
        elif photo is not None:
            refined = _added(photo, second.image)
        return CascadeOutput(coarse, coarse_logits, residue, refined, first.read_pose)

    def _one_hot_players(self, label: tf.Tensor, player: tf.Tensor | None) -> tf.Tensor:
        """[B, players]; zeros for a player who is not known."""
        if player is None:
            player = tf.zeros(tf.shape(label)[:1], tf.int64)
        # One-hot by comparison: ONNX's OneHot could be made to allocate any size, so exports that
        # hold it are refused.
        one_hot = tf.equal(player[:, None], tf.range(self.players, dtype=player.dtype))
        return tf.cast(one_hot, label.dtype)

    @property
    def generators(self) -> list[UNet]:
        """G1, and G2 if there is one."""
        stages = (self.coarse_generator, self.refined_generator)
        return [generator for generator in stages if generator is not None]

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """The trainable weights of G1 and G2, without C's."""
        return [
            variable for generator in self.generators for variable in generator.trainable_variables
        ]


def refined_config(config: ModelConfig) -> ModelConfig:
    """The configuration of G2, which may have a width of its own."""
    width = config.refined_generator_width or config.generator_width
    return config.model_copy(update={"generator_width": width})


def new_cascade(config: Config, label_count: int) -> Cascade:
    """A cascade with built weights."""
    height, width = height_width(config.data.image_size)
    cascade = Cascade(config, label_count, name="cascade")
    sound = tf.zeros([1, height, width, config.model.spectrogram_channels])
    cascade(sound, tf.zeros([1, label_count]))
    return cascade


def _photo_of(photos: keras.Variable, label: tf.Tensor, players: tf.Tensor) -> tf.Tensor:
    """The photo of who plays, [B, H, W, 3]; the mean of the label's where that is not known.

    Args:
        photos: of each label's players, [K * P, H, W, 3], 0 to 255.
        label: [B, K]; several labels give the weighted sum of their photos.
        players: one-hot, [B, P].
    """
    known = tf.reduce_sum(players, axis=1, keepdims=True)
    players += (1.0 - known) / players.shape[1]
    weights = tf.reshape(label[:, :, None] * players[:, None, :], [-1, photos.shape[0]])
    levels = tf.cast(tf.convert_to_tensor(photos), weights.dtype)
    flat = tf.reshape(levels / 127.5 - 1.0, [photos.shape[0], -1])
    return tf.reshape(tf.matmul(weights, flat), [-1, *photos.shape[1:]])


def _added(photo: tf.Tensor, generated: tf.Tensor) -> tf.Tensor:
    """``photo`` and the generated difference from it, which may be from black to white.

    The sum is clipped to [-1, 1], its gradient is not: a pixel that left the range can come back.
    """
    image = photo + 2.0 * generated
    return image + tf.stop_gradient(tf.clip_by_value(image, -1.0, 1.0) - image)


def _inputs(images: Sequence[tf.Tensor | None], one_hots: Sequence[tf.Tensor | None]) -> tf.Tensor:
    """What a generator sees: images, and label and player as channels, where there are any."""
    seen = tf.concat([image for image in images if image is not None], axis=-1)
    for values in one_hots:
        if values is not None:
            seen = concat_label_channels(seen, values)
    return seen


def concat_label_channels(image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """``image`` [B, H, W, C] ⊕ ``label`` [B, K] repeated over space: [B, H, W, C + K]."""
    height, width = image.shape[1:3]
    planes = tf.tile(label[:, None, None, :], [1, height, width, 1])
    return tf.concat([image, planes], axis=-1)
