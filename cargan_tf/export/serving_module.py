"""The exported ``tf.Module``: waveform or WAV and label in, image out, with its lookup tables."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

import tensorflow as tf

from cargan_tf.audio.log_mel_graph import LogMelGraph, spectrogram_input
from cargan_tf.audio.wav_graph import assert_in_graph, clips_of_wavs
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.packed_weights import PackedWeights
from cargan_tf.labels import ALIASES, canonical_label, fold, label_index
from cargan_tf.models.base import GeneratorOutput, ImageGenerator, to_pixels
from cargan_tf.models.cargan import CascadeOutput
from cargan_tf.models.sound_classifier import SoundClassifier, sound_classifier_audio

#: Maximum characters of an unknown label in a message.
_MAX_SHOWN: Final = 60
#: Samples beyond are integers, not full scale ±1 (which decoded MP3 may exceed by a little).
_MAX_SAMPLE: Final = 16.0
#: Letters whose accents labels may be written without: Latin ones, and those of full width.
_LETTERS: Final = (*range(0x80, 0x250), *range(0x1E00, 0x1F00), *range(0xFF21, 0xFF5B))


class ServingModule(tf.Module):
    """A trained model with audio features before it and 8-bit images after it.

    Servers offer ``signatures``; the Python API uses ``generate_soft_labels``, and ``recognize`` if
    the model has a sound classifier. Invalid input raises ``InvalidArgumentError`` with a message
    that says what was expected.
    """

    def __init__(
        self,
        network: ImageGenerator,
        metadata: ModelMetadata,
        sound_classifier: SoundClassifier | None = None,
    ) -> None:
        """Weights are stored as ``metadata.weights`` says; see ``PackedWeights``."""
        super().__init__(name="serving_module")
        sound_variables = [] if sound_classifier is None else sound_classifier.variables
        self._weights = PackedWeights([*network.variables, *sound_variables], metadata.weights)
        # Not the networks themselves: TensorFlow would track them, and Keras then traces a
        # signature with a single input for each.
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
        player = tf.TensorSpec([None], tf.int64, name="player")
        # Traced once and called by the others, so that the file contains the networks once.
        function = partial(tf.function, autograph=False)  # nothing in them needs it
        self._stages = function(self._stages_of, input_signature=[clip, weights, player])
        self.serve = function(self._serve, input_signature=[waveform, label])
        self.serve_wav = function(self._serve_wav, input_signature=[wav_bytes, label])
        soft_inputs = [waveform, weights, player] if metadata.players else [waveform, weights]
        self.generate_soft_labels = function(
            self._generate_soft_labels, input_signature=soft_inputs
        )
        self.describe = function(self._parts.lookup, input_signature=[part])
        # Only if they can be traced: every function attribute is saved.
        if network.classifier is not None:
            self.generate_stages = function(
                self._generate_stages, input_signature=[waveform, label]
            )
        if sound_classifier is not None:
            self._label_logits = self._weights.reading(sound_classifier)
            self._sound_log_mel = LogMelGraph(sound_classifier_audio(metadata.config))
            self.recognize = function(self._recognize, input_signature=[waveform])

    @property
    def signatures(self) -> dict[str, Any]:
        """The signatures of the SavedModel, by name.

        ``coarse`` exists for models with two stages, ``recognize`` for those with a sound
        classifier.
        """
        signatures = {
            "serving_default": self.serve,
            "serving_wav": self.serve_wav,
            "soft_labels": self.generate_soft_labels,
            "metadata": self.describe,
        }
        if hasattr(self, "generate_stages"):
            signatures["coarse"] = self.generate_stages
        if hasattr(self, "recognize"):
            signatures["recognize"] = self.recognize
        return signatures

    def restore(self, variables: str, *networks: Any) -> None:
        """Read weights, also into the networks that the module was made of.

        Args:
            variables: prefix of the variables' files of an export of equal networks.
            networks: those to assign them to.

        Raises:
            Exception: TensorFlow's; they are of other networks, or cannot be read.
        """
        tf.train.Checkpoint(self).read(variables).assert_consumed()
        for network in networks:
            self._weights.unpack(network)

    def stages(self, waveform: tf.Tensor, label: tf.Tensor) -> GeneratorOutput:
        """All outputs of the network for [B, samples] and [B]."""
        return self._stages(
            self._clip(waveform), self._labels.one_hot(label), _first_players(label)
        )

    def spectrogram(self, clip: tf.Tensor) -> tf.Tensor:
        """The networks' input for [B, samples] of the clip's length: [B, S, S, C] in [-1, 1]."""
        return spectrogram_input(
            self._log_mel(clip), self._metadata.statistics, self._metadata.config
        )

    def _serve(self, waveform: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """Generate images for a batch of waveforms.

        Args:
            waveform: [B, samples] float32, mono at the model's sample rate, full scale at ±1. The
                first half second is used; a shorter one is padded with zeros.
            label: [B] names from the model's vocabulary.

        Returns:
            ``image``: [B, H, W, 3] uint8.
            ``png_bytes``: [B], the same as PNG files. TF Serving's REST interface encodes bytes as
            base64 only if a name ends in ``_bytes``.
            ``label_scores``: [B, K], C's softmax on the image; absent if the model has no C.
        """
        return self._served(self._clip(waveform), label)

    def _serve_wav(self, wav_bytes: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """As ``_serve``, from WAV files, see ``clips_of_wavs``; their beginning is used."""
        return self._served(clips_of_wavs(wav_bytes, self._metadata.config.audio), label)

    def _generate_stages(self, waveform: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        """As ``_serve``, with the intermediate results.

        Returns:
            ``coarse``, ``refined``: [B, H, W, 3] uint8, the images of both stages.
            ``residue``: [B, K], the label minus C's softmax on ``coarse``.
        """
        stages = cast(CascadeOutput, self.stages(waveform, label))  # for the cascade only
        return {
            "coarse": to_pixels(stages.coarse),
            "refined": to_pixels(stages.refined),
            "residue": stages.residue,
        }

    def _generate_soft_labels(
        self, waveform: tf.Tensor, label_weights: tf.Tensor, player: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Generate images for a batch of waveforms, each with a mixture of labels.

        Args:
            waveform: as for ``_serve``.
            label_weights: [B, K] in the order of the metadata's labels; one-hot equals ``_serve``.
                Rows should sum to 1, as in training.
            player: [B] int64, indices into the metadata's players of the label; an input of models
                with players only.

        Returns:
            ``image`` and ``coarse``: [B, H, W, 3] uint8.
            ``residue``: [B, K] in [-1, 1]; of the cascade only.
            ``spectrogram``: [B, S, S, C] in [-1, 1], the networks' input.
        """
        valid = tf.reduce_all(tf.math.is_finite(label_weights) & (label_weights >= 0))
        message = "received label_weights that are NaN, infinite or negative; expected 0 or more"
        clip = self._clip(waveform)
        label_weights = assert_in_graph(label_weights, valid, message)
        player = _first_players(label_weights) if player is None else self._known(player)
        stages = self._stages(clip, label_weights, player)
        return generation_outputs(stages, self.spectrogram(clip))

    def _recognize(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        """Recognize the instrument.

        Args:
            waveform: as for ``_serve``.

        Returns:
            ``label_probabilities``: [B, K] in the order of the metadata's labels.
            ``none_probability``: [B], that it is none of them; with the others it sums to 1.
        """
        logits = self._label_logits(self._sound_log_mel(self._clip(waveform)))
        return recognition_outputs(logits, self._metadata)

    def _served(self, clip: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        refined = self._stages(clip, self._labels.one_hot(label), _first_players(label)).refined
        image = to_pixels(refined)
        served = {"image": image, "png_bytes": tf.io.encode_png(image)}
        if self._score_logits:
            served["label_scores"] = tf.nn.softmax(self._score_logits(refined))
        return served

    def _clip(self, waveform: tf.Tensor) -> tf.Tensor:
        message = "received a waveform without samples; expected a sound at full scale ±1"
        waveform = assert_in_graph(waveform, tf.shape(waveform)[1] > 0, message)
        finite = tf.reduce_all(tf.math.is_finite(waveform))
        message = "received a waveform with NaN or infinite samples; expected finite ones"
        waveform = assert_in_graph(waveform, finite, message)
        loudest = tf.reduce_max(tf.abs(waveform))
        message = tf.strings.format(
            "received a waveform with samples up to {}; expected full scale at ±1: divide 16-bit"
            " samples by 32768",
            loudest,
        )
        waveform = assert_in_graph(waveform, loudest <= _MAX_SAMPLE, message)
        return _of_clip_length(waveform, self._metadata.config.audio.clip_samples)

    def _known(self, player: tf.Tensor) -> tf.Tensor:
        count = self._metadata.config.model.players
        message = f"received an unknown player; expected indices from 0 to {count - 1}"
        return assert_in_graph(player, tf.reduce_all((player >= 0) & (player < count)), message)

    def _stages_of(
        self, clip: tf.Tensor, label_weights: tf.Tensor, player: tf.Tensor
    ) -> GeneratorOutput:
        sounds, labels = tf.shape(clip)[0], tf.shape(label_weights)[0]
        message = tf.strings.format(
            "received {} sounds and {} labels; expected as many of each, at least one",
            [sounds, labels],
        )
        clip = assert_in_graph(clip, (sounds == labels) & (sounds > 0), message)
        players = tf.shape(player)[0]
        message = tf.strings.format(
            "received {} sounds and {} players; expected as many of each", [sounds, players]
        )
        player = assert_in_graph(player, sounds == players, message)
        return self._network(self.spectrogram(clip), label_weights, player)


def _first_players(rows: tf.Tensor) -> tf.Tensor:
    """The index of the first player for each of the rows, [B]."""
    return tf.zeros(tf.shape(rows)[:1], tf.int64)


def generation_outputs(stages: GeneratorOutput, spectrogram: tf.Tensor) -> dict[str, tf.Tensor]:
    """The outputs of ``soft_labels``, in every format that a model is exported to."""
    generated = {
        "image": to_pixels(stages.refined),
        "coarse": to_pixels(stages.coarse),
        "spectrogram": spectrogram,
    }
    return generated | ({"residue": stages.residue} if hasattr(stages, "residue") else {})


def recognition_outputs(logits: tf.Tensor, metadata: ModelMetadata) -> dict[str, tf.Tensor]:
    """The outputs of ``recognize``, likewise; from [B, K + 1]."""
    probabilities = tf.nn.softmax(logits / (metadata.recognition_temperature or 1.0))
    return {
        "label_probabilities": probabilities[:, :-1],
        "none_probability": probabilities[:, -1],
    }


def _of_clip_length(waveform: tf.Tensor, clip_samples: int) -> tf.Tensor:
    missing = tf.maximum(0, clip_samples - tf.shape(waveform)[1])
    clip = tf.pad(waveform[:, :clip_samples], [[0, 0], [0, missing]])
    return tf.ensure_shape(clip, [None, clip_samples])


class MetadataTable(tf.Module):
    """Looks up parts of the metadata, such as ``labels``, in the graph.

    A server reveals neither sample rate nor labels otherwise.
    """

    def __init__(self, metadata: ModelMetadata) -> None:
        super().__init__(name="metadata_table")
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
            InvalidArgumentError: at run time, for an unknown key; the message lists all keys.
        """
        found = self._parts.lookup(part)
        known = f"received an unknown part of the metadata; expected {', '.join(self._keys)}"
        return {"json": assert_in_graph(found, tf.reduce_all(tf.strings.length(found) > 0), known)}


class LabelTable(tf.Module):
    """Looks labels up in the graph as ``labels.label_index`` does: as written, then by any common
    name, whatever its case, accents and plural ending.

    Accents of other than Latin letters must be those of the label, composed or decomposed.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(name="label_table")
        self._labels = tuple(labels)
        self._as_written = _table({label: position for position, label in enumerate(labels)})
        self._in_common_use = _table(_common_names(labels))

    def one_hot(self, label: tf.Tensor) -> tf.Tensor:
        """[B] string -> [B, K] float32.

        Raises:
            InvalidArgumentError: at run time, for an unknown label; the message lists all labels.
        """
        # What is no text must not be in a message, which servers and Python hold for text.
        label = tf.strings.unicode_transcode(label, "UTF-8", "UTF-8", errors="replace")
        position = self._as_written.lookup(label)
        plain = tf.strings.lower(label, encoding="utf-8")
        plain = tf.strings.strip(tf.strings.regex_replace(plain, r"[-_\s\x{a0}]+", " "))
        plain = tf.strings.regex_replace(plain, " ", "_")
        position = tf.where(position < 0, self._in_common_use.lookup(plain), position)
        plain = _without_accents(plain)
        position = tf.where(position < 0, self._in_common_use.lookup(plain), position)
        shown = tf.strings.substr(label, 0, _MAX_SHOWN, unit="UTF8_CHAR")
        unknown = tf.strings.reduce_join(tf.boolean_mask(shown, position < 0), separator=", ")
        known = f". Known labels: {', '.join(self._labels)}."
        message = tf.strings.join(["unknown label: ", unknown, known])
        position = assert_in_graph(position, tf.reduce_all(position >= 0), message)
        return tf.one_hot(position, len(self._labels), dtype=tf.float32)


def _common_names(labels: Sequence[str]) -> dict[str, int]:
    """What a label is called in lower case, words joined by underscores -> its index."""
    names = [*ALIASES, *map(canonical_label, labels), *map(fold, labels)]
    for form in ("NFC", "NFD"):  # as people type accents, and as macOS stores them
        names += [
            "_".join(unicodedata.normalize(form, label.lower()).replace("-", "_").split())
            for label in labels
        ]
    found: dict[str, int] = {}
    for name in [*names, *(name + ending for name in names for ending in ("s", "es"))]:
        try:
            found.setdefault(name, label_index(name, labels))
        except UserError:
            continue  # not a label of this model
    return found


def _without_accents(text: tf.Tensor) -> tf.Tensor:
    """[B] string in lower case -> the same without the accents of Latin letters, as ``fold``."""
    plain = tf.strings.regex_replace(text, r"\p{Mn}", "")
    written_as: dict[str, list[str]] = {}
    for code in _LETTERS:
        letter = chr(code)
        folded = fold(letter)
        if folded.isascii() and folded.isalpha():
            written_as.setdefault(folded, []).append(letter)
    for folded, letters in written_as.items():
        plain = tf.strings.regex_replace(plain, f"[{''.join(letters)}]", folded)
    return plain


def _table(positions: dict[str, int]) -> tf.lookup.StaticHashTable:
    values = tf.constant(list(positions.values()), tf.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(list(positions)), values), default_value=-1
    )
