"""Sound and label in, image out, as one TensorFlow module: what is exported and what draws."""
# MERGED The model's card in the graph: what a client must know, from whatever server it talks to.
# MERGED Names of labels to their places, in the graph: the vocabulary that a served model carries.

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, cast

import tensorflow as tf

from cargan_tf.audio.log_mel_graph import LogMelGraph, spectrogram_input
from cargan_tf.audio.wav_graph import clips_of_wavs
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.packed_weights import PackedWeights
from cargan_tf.labels import ALIASES, label_index
from cargan_tf.models.base import GeneratorOutput, ImageGenerator
from cargan_tf.models.cargan import CascadeOutput
from cargan_tf.models.sound_classifier import SoundClassifier
from cargan_tf.utils.graph_asserts import assert_in_graph


class ServingModule(tf.Module):
    """A trained network with the sound's path before it and 8-bit images after it.

    ``signatures`` are what a server offers; Python draws by ``generate_soft_labels`` and, where the
    model has a sound classifier, tells labels by ``recognize``. Each refuses what it cannot draw
    with an ``InvalidArgumentError`` that says what was expected.
    """

    def __init__(
        self,
        network: ImageGenerator,
        metadata: ModelMetadata,
        sound_classifier: SoundClassifier | None = None,
    ) -> None:
        """Weights are stored as ``metadata.weights`` says, see ``PackedWeights``."""
        super().__init__(name="picture_model")
        heard = [] if sound_classifier is None else sound_classifier.variables
        self._weights = PackedWeights([*network.variables, *heard], metadata.weights)
        # Not the networks themselves: TensorFlow would follow them, and Keras then traces a
        # signature of its own for each, with one input only.
        self._network = self._weights.reading(network)
        self._score_logits = network.classifier and self._weights.reading(network.classifier)
        self._log_mel = LogMelGraph(metadata.config.audio)
        self._metadata = metadata
        self._labels = LabelTable(metadata.labels)
        self._parts = MetadataTable(metadata)
        waveform = tf.TensorSpec([None, None], tf.float32, name="waveform")
        wav_bytes = tf.TensorSpec([None], tf.string, name="wav_bytes")
        label = tf.TensorSpec([None], tf.string, name="label")
        weights = tf.TensorSpec([None, len(metadata.labels)], tf.float32, name="label_weights")
        part = tf.TensorSpec([None], tf.string, name="part")
        clip = tf.TensorSpec([None, metadata.config.audio.clip_samples], tf.float32, name="clip")
        # Traced once and called by the others, so that the networks are in the file once.
        self._stages = tf.function(self._stages_of, input_signature=[clip, weights])
        self.serve = tf.function(self._serve, input_signature=[waveform, label])
        self.serve_wav = tf.function(self._serve_wav, input_signature=[wav_bytes, label])
        self.generate_soft_labels = tf.function(
            self._draw_weighted, input_signature=[waveform, weights]
        )
        self.describe = tf.function(self._parts.lookup, input_signature=[part])
        # Only where they can be traced: whatever stands here is saved.
        if network.classifier is not None:
            self.generate_stages = tf.function(self._draw_stages, input_signature=[waveform, label])
        if sound_classifier is not None:
            self._label_logits = self._weights.reading(sound_classifier)
            self.recognize = tf.function(self._recognize, input_signature=[waveform])

    @property
    def signatures(self) -> dict[str, Any]:
        """What a server offers, by the signatures' names.

        ``coarse`` is there where two stages have a residue between them, ``recognize`` where the
        model has a sound classifier.
        """
        offered = {
            "serving_default": self.serve,
            "serving_wav": self.serve_wav,
            "weighted": self.generate_soft_labels,
            "card": self.describe,
        }
        if hasattr(self, "generate_stages"):
            offered["coarse"] = self.generate_stages
        if hasattr(self, "recognize"):
            offered["recognize"] = self.recognize
        return offered

    def stages(self, waveform: tf.Tensor, label: tf.Tensor) -> GeneratorOutput:
        """Everything the network makes of [B, samples] and [B]."""
        return self._stages(self._clip(waveform), self._labels.one_hot(label))

    def spectrogram(self, clip: tf.Tensor) -> tf.Tensor:
        """What the networks see of [B, samples] of the clip's length: [B, S, S, C] in [-1, 1]."""
        return spectrogram_input(
            self._log_mel(clip), self._metadata.statistics, self._metadata.config
        )

    def _serve(self, waveform: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """Draw a batch of sounds.

        Args:
            waveform: [B, samples] float32, mono at the model's rate, full scale at ±1. The first
                half second is used; zeros follow a shorter one.
            label: [B] names from the model's vocabulary.

        Returns:
            ``image``: [B, H, W, 3] uint8.
            ``png_bytes``: [B], the same as PNG files. TF Serving's REST interface encodes bytes
            as base64 where, and only where, a name ends so.
            ``label_scores``: [B, K], how much C takes the image for each label; they sum to 1.
            Absent where the network has no C.
        """
        return self._served(self._clip(waveform), label)

    def _serve_wav(self, wav_bytes: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """As ``_serve``, from whole WAV files, see ``clips_of_wavs``; their beginning is used."""
        return self._served(clips_of_wavs(wav_bytes, self._metadata.config.audio), label)

    def _draw_stages(self, waveform: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """As ``_serve``, but what leads to the image.

        Returns:
            ``coarse``, ``refined``: [B, H, W, 3] uint8, the images of both stages.
            ``residue``: [B, K], the label less what C saw in ``coarse``.
        """
        stages = cast(CascadeOutput, self.stages(waveform, label))  # offered for the cascade alone
        return {
            "coarse": to_pixels(stages.coarse),
            "refined": to_pixels(stages.refined),
            "residue": stages.residue,
        }

    def _draw_weighted(self, waveform: tf.Tensor, label_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        """Draw a batch of sounds, each with shares of several labels.

        Args:
            waveform: as ``_serve`` takes it.
            label_weights: [B, K] in the order of the card's labels; one-hot gives what ``_serve``
                gives. Rows should sum to 1, as the networks were trained.

        Returns:
            ``image`` and ``coarse``: [B, H, W, 3] uint8.
            ``residue``: [B, K] in [-1, 1]; only the cascade has one.
            ``spectrogram``: [B, S, S, C] in [-1, 1], what the networks see of the sound.
        """
        sensible = tf.reduce_all(tf.math.is_finite(label_weights) & (label_weights >= 0))
        message = "label_weights that are NaN, infinite or below 0 were received"
        clip = self._clip(waveform)
        stages = self._stages(clip, assert_in_graph(label_weights, sensible, message))
        generated = {
            "image": to_pixels(stages.refined),
            "coarse": to_pixels(stages.coarse),
            "spectrogram": self.spectrogram(clip),
        }
        return generated | ({"residue": stages.residue} if hasattr(stages, "residue") else {})

    def _recognize(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        """Which instrument is heard.

        Args:
            waveform: as ``_serve`` takes it.

        Returns:
            ``label_probabilities``: [B, K] in the order of the card's labels.
        """
        logits = self._label_logits(self.spectrogram(self._clip(waveform)))
        return {"label_probabilities": tf.nn.softmax(logits)}

    def _served(self, clip: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        refined = self._stages(clip, self._labels.one_hot(label)).refined
        image = to_pixels(refined)
        served = {"image": image, "png_bytes": tf.io.encode_png(image)}
        if self._score_logits:
            served["label_scores"] = tf.nn.softmax(self._score_logits(refined))
        return served

    def _clip(self, waveform: tf.Tensor) -> tf.Tensor:
        finite = tf.reduce_all(tf.math.is_finite(waveform))
        message = "a waveform with NaN or infinite samples was received; expected finite ones"
        waveform = assert_in_graph(waveform, finite, message)
        return _of_clip_length(waveform, self._metadata.config.audio.clip_samples)

    def _stages_of(self, clip: tf.Tensor, label_weights: tf.Tensor) -> GeneratorOutput:
        sounds, labels = tf.shape(clip)[0], tf.shape(label_weights)[0]
        message = tf.strings.format(
            "{} sounds and {} labels were received; expected as many of each, at least one",
            [sounds, labels],
        )
        clip = assert_in_graph(clip, (sounds == labels) & (sounds > 0), message)
        return self._network(self.spectrogram(clip), label_weights)


def to_pixels(images: tf.Tensor) -> tf.Tensor:
    """[-1, 1] to uint8, rounded."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), tf.uint8)


def _of_clip_length(waveform: tf.Tensor, clip_samples: int) -> tf.Tensor:
    missing = tf.maximum(0, clip_samples - tf.shape(waveform)[1])
    clip = tf.pad(waveform[:, :clip_samples], [[0, 0], [0, missing]])
    return tf.ensure_shape(clip, [None, clip_samples])


class MetadataTable(tf.Module):
    """Answers with parts of the card, such as ``labels``."""

    def __init__(self, metadata: ModelMetadata) -> None:
        super().__init__(name="card_table")
        parts = {key: json.dumps(value) for key, value in metadata.to_json().items()}
        self._keys = tuple(parts)
        self._parts = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(list(parts), list(parts.values())),
            default_value="",
        )

    def lookup(self, part: tf.Tensor) -> dict[str, tf.Tensor]:
        """Look parts up.

        Args:
            part: [B] keys of ``ModelMetadata.to_json``.

        Returns:
            ``json``: [B] string, the parts as JSON.

        Raises:
            InvalidArgumentError: when run, an unknown key; the message names the known.
        """
        found = self._parts.lookup(part)
        known = f"an unknown part of the card was asked for; expected {', '.join(self._keys)}"
        return {"json": assert_in_graph(found, tf.reduce_all(tf.strings.length(found) > 0), known)}


#: Characters of an unknown label that a message repeats.
_SHOWN: Final = 60


class LabelTable(tf.Module):
    """Looks labels up as written, then without regard to case, hyphens and spaces, aliases too.

    Aliases with accents and plurals are for ``labels.label_index``, which clients ask first.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(name="label_table")
        self._labels = tuple(labels)
        self._as_written = _table({label: position for position, label in enumerate(labels)})
        self._in_common_use = _table(_names_in_common_use(labels))

    def one_hot(self, label: tf.Tensor) -> tf.Tensor:
        """[B] string -> [B, K] float32.

        Raises:
            InvalidArgumentError: when run, an unknown label; the message names it and the known.
        """
        # What is no text must not be in a message, which servers and Python hold for text.
        label = tf.strings.unicode_transcode(label, "UTF-8", "UTF-8", errors="replace")
        position = self._as_written.lookup(label)
        plain = tf.strings.lower(label, encoding="utf-8")
        plain = tf.strings.strip(tf.strings.regex_replace(plain, r"[-_\s]+", " "))
        plain = tf.strings.regex_replace(plain, " ", "_")
        position = tf.where(position < 0, self._in_common_use.lookup(plain), position)
        shown = tf.strings.substr(label, 0, _SHOWN, unit="UTF8_CHAR")
        unknown = tf.strings.reduce_join(tf.boolean_mask(shown, position < 0), separator=", ")
        known = f". Known labels: {', '.join(self._labels)}."
        message = tf.strings.join(["unknown label: ", unknown, known])
        position = assert_in_graph(position, tf.reduce_all(position >= 0), message)
        return tf.one_hot(position, len(self._labels), dtype=tf.float32)


def _names_in_common_use(labels: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in [*ALIASES, *("_".join(label.lower().split()) for label in labels)]:
        try:
            found[name] = label_index(name, labels)
        except UserError:
            continue  # an instrument that this model was not trained on
    return found


def _table(positions: dict[str, int]) -> tf.lookup.StaticHashTable:
    values = tf.constant(list(positions.values()), tf.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(list(positions)), values), default_value=-1
    )
