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
from cargan_tf.models.sound_classifier import SoundClassifier


@dataclass(frozen=True)
class ModelCard:
    """What a model must be told about: enough to feed it, and where it is from."""

    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    step: int  # of training
    data_hash: str
    recognition_accuracy: float | None = None  # of the sound classifier, if the model has one

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "labels": list(self.labels),
            "step": self.step,
            "data_hash": self.data_hash,
            "recognition_accuracy": self.recognition_accuracy,
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
            recognition_accuracy=values["recognition_accuracy"],
        )


class PictureModel(tf.Module):
    """A trained network with the sound's path before it and 8-bit pictures after it.

    ``draw`` takes a label by name, ``draw_weighted`` shares of several; ``recognise`` tells the
    label from the sound and is there only if the model has a sound classifier.
    """

    def __init__(
        self,
        network: DrawingNetwork,
        card: ModelCard,
        sound_classifier: SoundClassifier | None = None,
    ) -> None:
        super().__init__(name="picture_model")
        # Not the networks themselves: TensorFlow would follow them, and Keras then traces a
        # signature of its own for each, with one input only.
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
        waveform = tf.TensorSpec([None, None], tf.float32, name="waveform")
        label = tf.TensorSpec([None], tf.string, name="label")
        weights = tf.TensorSpec([None, len(card.labels)], tf.float32, name="label_weights")
        self.draw = tf.function(self._draw, input_signature=[waveform, label])
        self.draw_weighted = tf.function(self._draw_weighted, input_signature=[waveform, weights])
        if sound_classifier is not None:
            self._label_logits = lambda spectrogram: sound_classifier(spectrogram, training=False)
            self._variables += [variable.value for variable in sound_classifier.weights]
            self.recognise = tf.function(self._recognise, input_signature=[waveform])

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

    def _draw_weighted(self, waveform: tf.Tensor, label_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        """Draw a batch of sounds, each with shares of several labels.

        Args:
            waveform: as ``draw`` takes it.
            label_weights: [B, K] in the order of the card's labels; one-hot gives what ``draw``
                gives. Rows should sum to 1, as the networks were trained.

        Returns:
            ``image`` and ``coarse``: [B, H, W, 3] uint8. ``residue``: [B, K] in [-1, 1]; only the
            cascade has one.
            ``spectrogram``: [B, S, S, C] in [-1, 1], what the networks see of the sound.
        """
        sensible = tf.reduce_all(tf.math.is_finite(label_weights) & (label_weights >= 0))
        checked = tf.debugging.Assert(
            sensible, ["label_weights must be finite and 0 or more; received", label_weights]
        )
        with tf.control_dependencies([checked] if checked is not None else []):
            spectrogram = self.spectrogram(waveform)
            stages = self._stages(spectrogram, label_weights)
        made = {
            "image": to_pixels(stages.refined),
            "coarse": to_pixels(stages.coarse),
            "spectrogram": spectrogram,
        }
        # Only the cascade has one.
        return {**made, "residue": stages.residue} if hasattr(stages, "residue") else made

    def _recognise(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        """Which instrument is heard.

        Args:
            waveform: as ``draw`` takes it.

        Returns:
            ``label_probabilities``: [B, K] in the order of the card's labels.
        """
        logits = self._label_logits(self.spectrogram(waveform))
        return {"label_probabilities": tf.nn.softmax(logits)}

    def stages(self, waveform: tf.Tensor, label: tf.Tensor) -> Pictures:
        """Everything the network makes of [B, samples] and [B]."""
        return self._stages(self.spectrogram(waveform), self._one_hot(label))

    def spectrogram(self, waveform: tf.Tensor) -> tf.Tensor:
        """What the networks see of [B, samples]."""
        card = self._card
        clip = _of_clip_length(waveform, card.config.audio.clip_samples)
        return sound_picture(self._log_mel(clip), card.statistics, card.config)

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
