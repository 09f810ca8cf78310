"""Sound and label in, picture out, as one TensorFlow module: what is exported and what draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from cargan_tf.audio.log_mel_graph import LogMelGraph
from cargan_tf.audio.spectrogram import sound_picture
from cargan_tf.audio.statistics import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.models.drawing import DrawingNetwork, Pictures


@dataclass(frozen=True)
class ModelCard:
    """What a model must be told about: enough to feed it, and where it is from."""

    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    step: int  # of training
    data_hash: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "labels": list(self.labels),
            "step": self.step,
            "data_hash": self.data_hash,
            "config": self.config.model_dump(mode="json"),
            "statistics": self.statistics.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], origin: str) -> ModelCard:
        """The inverse; ``origin`` names the file in messages.

        Raises:
            UserError: the configuration does not fit this version.
            KeyError: a part is missing.
        """
        return cls(
            config=config_from_json(values["config"], origin),
            labels=tuple(values["labels"]),
            statistics=BandStatistics.from_json(values["statistics"]),
            step=values["step"],
            data_hash=values["data_hash"],
        )


class PictureModel(tf.Module):
    """A trained network with the sound's path before it and 8-bit pictures after it."""

    def __init__(self, network: DrawingNetwork, card: ModelCard) -> None:
        super().__init__(name="picture_model")
        # Not the network itself: TensorFlow would follow it, and Keras then traces a signature of
        # its own for it, with one input only.
        self._stages = lambda spectrogram, label: network(spectrogram, label, training=False)
        self._log_mel = LogMelGraph(card.config.audio)
        self._card = card
        # TensorFlow's C++ loader, which TF Serving runs, finds variables only where the module
        # itself holds them; behind a Keras model they are "not found".
        self._variables = [variable.value for variable in network.variables]
        self._index_of = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                list(card.labels), tf.range(len(card.labels), dtype=tf.int64)
            ),
            default_value=-1,
        )
        self.draw = tf.function(
            self._draw,
            input_signature=[
                tf.TensorSpec([None, None], tf.float32, name="waveform"),
                tf.TensorSpec([None], tf.string, name="label"),
            ],
        )

    def _draw(self, waveform: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """Draw a batch of sounds.

        Args:
            waveform: [B, samples] float32, mono at the model's rate, full scale at ±1. The first
                half second is used; zeros follow a shorter one.
            label: [B] names from the model's vocabulary.

        Returns:
            ``image``: [B, H, W, 3] uint8.
        """
        return {"image": to_pixels(self.stages(waveform, label).refined)}

    def stages(self, waveform: tf.Tensor, label: tf.Tensor) -> Pictures:
        """Everything the network makes of [B, samples] and [B]."""
        card = self._card
        clip = _of_clip_length(waveform, card.config.audio.clip_samples)
        spectrogram = sound_picture(self._log_mel(clip), card.statistics, card.config)
        return self._stages(spectrogram, self._one_hot(label))

    def _one_hot(self, label: tf.Tensor) -> tf.Tensor:
        index = self._index_of.lookup(label)
        known = tf.debugging.Assert(
            tf.reduce_all(index >= 0),
            ["unknown label in", label, f"; known labels: {', '.join(self._card.labels)}"],
        )
        with tf.control_dependencies([known] if known is not None else []):
            return tf.one_hot(index, len(self._card.labels), dtype=tf.float32)


def to_pixels(pictures: tf.Tensor) -> tf.Tensor:
    """[-1, 1] to uint8, rounded."""
    return tf.saturate_cast(tf.round((pictures + 1.0) * 127.5), tf.uint8)


def _of_clip_length(waveform: tf.Tensor, clip_samples: int) -> tf.Tensor:
    missing = tf.maximum(0, clip_samples - tf.shape(waveform)[1])
    clip = tf.pad(waveform[:, :clip_samples], [[0, 0], [0, missing]])
    return tf.ensure_shape(clip, [None, clip_samples])
