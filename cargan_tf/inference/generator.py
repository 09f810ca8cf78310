"""Images from sounds with a trained model: load, decode, select a clip, generate."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, recognition_windows, root_mean_square, select_clip
from cargan_tf.audio.decode import decode_file
from cargan_tf.audio.mixdown import DecodedSound, decode_waveform
from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config import AudioConfig, Config
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.model_registry import existing_model, name_and_version
from cargan_tf.inference.backend import Backend, LocalBackend, open_model
from cargan_tf.inference.result import GenerationResult, Recognition
from cargan_tf.labels import label_weights, weights_by_label
from cargan_tf.utils.arrays import FloatArray, ImageArray
from cargan_tf.utils.files import to_path

#: A sound file, or a stream of its content.
Source: TypeAlias = Path | BinaryIO
#: An instrument; weights of several; or ``None``: recognized from the sound.
Label: TypeAlias = str | Mapping[str, float] | None


@dataclass(frozen=True)
class LoadedSound:
    """The clip of a sound, and what its instrument is recognized from.

    Attributes:
        clip: what the image is generated from.
        quality: of the clip.
        windows: half seconds all over the sound, [W, samples]; ``None`` if a label is given.
    """

    clip: Clip
    quality: ClipQuality
    windows: FloatArray | None = None


#: Clips per call of the model: enough to keep the cores busy, few enough for a laptop's memory.
BATCH_SIZE = 16


class Generator:
    """A trained model: load it once, then generate images from sounds."""

    def __init__(
        self, model: Any, metadata: ModelMetadata, backend: Backend, origin: str = ""
    ) -> None:
        """Use ``Generator.load`` instead; ``serving.Client`` passes a remote model."""
        self._origin = origin
        self._model = model  # variables live only as long as the loaded object
        self._metadata = metadata
        self._backend = backend
        self._player = 0

    @classmethod
    def load(cls, path: str | Path, backend: LocalBackend | None = None) -> Generator:
        """Load an exported model or a run.

        Args:
            path: a SavedModel version, a folder of versions (the highest is used), the directory of
                a run (its newest checkpoint is used), or the name of a model in ``saved_models/``
                or of a shipped one.
            backend: what runs the model. By default the environment variable ``CARGAN_BACKEND``;
                without it ONNX Runtime, which starts faster and takes less memory, or TensorFlow
                for runs and for models that were exported without ``model.onnx``.

        Raises:
            UserError: there is no model at ``path``, it has operations that are not allowed, or it
                cannot be run by ``backend``.
        """
        folder = existing_model(to_path(path))
        return cls(*open_model(folder, backend), origin=name_and_version(folder))

    @property
    def backend(self) -> Backend:
        """What runs the model."""
        return self._backend

    @property
    def origin(self) -> str:
        """Where it is from, for people and logs: ``players-128/1``, a run's folder, a server."""
        return self._origin

    @property
    def name(self) -> str:
        """Name of its configuration."""
        return self._metadata.config.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Its instruments."""
        return self._metadata.labels

    @property
    def players(self) -> int:
        """How many players it can show of each instrument; 0 if they cannot be chosen."""
        return self._metadata.config.model.players

    @property
    def player(self) -> int:
        """Who is shown in all images, 1 to ``players``; set it to choose another.

        Where a label has fewer players, they are counted through again.
        """
        return self._player + 1

    @player.setter
    def player(self, number: int) -> None:
        if not self.players:
            raise UserError(
                f"the players of the model {self.name} cannot be chosen: it was trained without"
                " model.players."
            )
        if not 1 <= number <= self.players:
            raise UserError(f"received player {number}; expected 1 to {self.players}.")
        self._player = number - 1

    def with_player(self, number: int) -> Generator:
        """The same model with another player chosen; this one keeps its own."""
        other = copy.copy(self)
        other.player = number
        return other

    @property
    def config(self) -> Config:
        """All settings that it was trained with."""
        return self._metadata.config

    @property
    def audio(self) -> AudioConfig:
        """Settings of its clips and log-mels."""
        return self._metadata.config.audio

    @property
    def statistics(self) -> BandStatistics:
        """Of the log-mels that it was trained on."""
        return self._metadata.statistics

    @property
    def sample_rate(self) -> int:
        """Sample rate of its clips in Hz; other rates are resampled."""
        return self.audio.sample_rate

    @property
    def clip_seconds(self) -> float:
        """Length of its clips in seconds."""
        return self.audio.clip_seconds

    @property
    def clip_samples(self) -> int:
        """Length of its clips in samples."""
        return self.audio.clip_samples

    @property
    def recognizes(self) -> bool:
        """Whether it has a sound classifier, so that labels are optional."""
        return self._metadata.recognition_accuracy is not None

    def generate(
        self,
        waveform: NDArray[Any],
        rate: int,
        label: Label = None,
        start: float | None = None,
    ) -> ImageArray:
        """Generate the image of one sound.

        Args:
            waveform: [samples] or [samples, channels], float at full scale ±1, or integers.
            rate: sample rate in Hz.
            label: an instrument of ``labels`` or a common name such as ``vn``; or weights of
                several, such as ``{"violin": 0.5, "cello": 0.5}``. Without it the instrument is
                recognized.
            start: start of the clip in seconds; by default the loudest half second.

        Returns:
            The image, [H, W, 3] uint8.

        Raises:
            UserError: an unknown label, an empty or non-finite sound, a start beyond its end, or no
                label and a model without a sound classifier.
        """
        self.check_labels([label])
        sound = decode_waveform(waveform, rate, self.sample_rate)
        for note in sound.notes:
            warnings.warn(f"the waveform: {note}", stacklevel=2)
        return self._generate_batch([(self._load(sound, start, label), label)])[0].image

    def generate_files(
        self, sources: Sequence[Source], labels: Sequence[Label], start: float | None = None
    ) -> Iterator[tuple[Source, GenerationResult | UserError]]:
        """Generate the images of files, in order; a file that cannot be read yields its error.

        While one batch is generated, the next is decoded.

        Args:
            sources: any sound files.
            labels: one for each of them.
            start: as in ``generate``.

        Raises:
            UserError: an unknown label, or none and a model without a sound classifier (before
                anything is generated).
        """
        self.check_labels(labels)

        def read(index: int) -> LoadedSound:
            return self._load(decode_file(sources[index], self.sample_rate), start, labels[index])

        for batch, sounds in _read_ahead(len(sources), read):
            pairs = list(zip(sounds, labels[batch], strict=True))
            readable = [
                (sound, label) for sound, label in pairs if not isinstance(sound, UserError)
            ]
            results = iter(self._generate_batch(readable))
            for source, sound in zip(sources[batch], sounds, strict=True):
                yield source, sound if isinstance(sound, UserError) else next(results)

    def clip(self, waveform: NDArray[Any], rate: int, start: float | None = None) -> Clip:
        """Select the clip of a waveform; arguments and errors as in ``generate``."""
        return self.cut(decode_waveform(waveform, rate, self.sample_rate), start)

    def read_clip(self, source: Source, start: float | None = None) -> Clip:
        """Decode a sound file and select its clip; ``UserError`` if it cannot be read."""
        return self.cut(decode_file(source, self.sample_rate), start)

    def cut(self, sound: DecodedSound, start: float | None = None) -> Clip:
        """Select the clip of a sound that is decoded at the model's rate, with its notes."""
        return replace(select_clip(sound.samples, self.audio, start), notes=sound.notes)

    def generate_clips(
        self,
        clips: Sequence[Clip],
        labels: Sequence[Label],
        recognition: Recognition | None = None,
    ) -> list[GenerationResult]:
        """Generate the images of any number of clips; errors as in ``generate``.

        Args:
            clips: of the model's length and sample rate.
            labels: one for each; ``None`` is recognized from the clip.
            recognition: of the whole recording, used instead for missing labels.
        """
        self.check_labels(labels)
        results: list[GenerationResult] = []
        for first in range(0, len(clips), BATCH_SIZE):
            batch = slice(first, first + BATCH_SIZE)
            sounds = [
                LoadedSound(clip, measure_quality(clip.samples, self.audio), clip.samples[None])
                for clip in clips[batch]
            ]
            pairs = list(zip(sounds, labels[batch], strict=True))
            results += self._generate_batch(pairs, recognition)
        return results

    def recognize(self, clips: Sequence[Clip]) -> list[Recognition]:
        """Recognize the instrument of each clip.

        Raises:
            UserError: the model has no sound classifier.
        """
        return [self._recognize(clip.samples[None]) for clip in clips]

    def recognize_recording(self, waveform: FloatArray) -> Recognition:
        """Recognize the instrument of a whole recording.

        The probabilities are averaged over half seconds all over it that are not silent.

        Args:
            waveform: [samples] at the model's sample rate.

        Raises:
            UserError: the model has no sound classifier.
        """
        return self._recognize(recognition_windows(waveform, self.clip_samples, self.sample_rate))

    def check_labels(self, labels: Sequence[Label]) -> None:
        """Raise ``UserError`` if a label is unknown, or missing without a sound classifier."""
        for label in labels:
            if label is not None:
                label_weights(label, self.labels)
            elif not self.recognizes:
                raise UserError(
                    "this model has no sound classifier to recognize the instrument: give a label,"
                    f" one of {', '.join(self.labels)}."
                )

    def _load(self, sound: DecodedSound, start: float | None, label: Label) -> LoadedSound:
        clip = self.cut(sound, start)
        windows = None
        if label is None:
            windows = recognition_windows(sound.samples, self.clip_samples, self.sample_rate)
        quality = measure_quality(clip.samples, self.audio)
        return LoadedSound(clip, quality, windows)

    def _recognize(self, windows: FloatArray) -> Recognition:
        """The mean of the probabilities of [W, samples]."""
        self.check_labels([None])
        outputs = [
            self._model.recognize(windows[first : first + BATCH_SIZE])
            for first in range(0, len(windows), BATCH_SIZE)
        ]
        rows = np.concatenate([np.asarray(one["label_probabilities"]) for one in outputs])
        none = [np.asarray(one["none_probability"]) for one in outputs]
        loudness = max(map(root_mean_square, windows))
        return Recognition(
            dict(zip(self.labels, rows.mean(axis=0).tolist(), strict=True)),
            none=float(np.concatenate(none).mean()),
            silent=loudness < 10 ** (self.audio.silence_rms_db / 20),
        )

    def _generate_batch(
        self,
        batch: Sequence[tuple[LoadedSound, Label]],
        recognition: Recognition | None = None,
    ) -> list[GenerationResult]:
        """Recognize missing labels, run the model once, and collect the results."""
        if not batch:
            return []
        weights, recognitions = [], []
        for sound, label in batch:
            recognized = None
            if label is None:
                recognized = recognition
                if recognized is None:
                    assert sound.windows is not None  # loaded for a missing label
                    recognized = self._recognize(sound.windows)
                label = recognized.label
            weights.append(label_weights(label, self.labels))
            recognitions.append(recognized)
        waveforms = np.stack([sound.clip.samples for sound, _ in batch])
        inputs = [waveforms, np.stack(weights)]
        if self.players:
            inputs.append(np.array([self._player_of(one) for one in weights], np.int64))
        outputs = self._model.generate_soft_labels(*inputs)
        arrays = {name: np.asarray(value) for name, value in outputs.items()}
        return [
            GenerationResult(
                image=arrays["image"][index],
                coarse=arrays["coarse"][index],
                residue=_residue(self.labels, arrays, index),
                waveform=sound.clip.samples,
                sample_rate=self.sample_rate,
                spectrogram=arrays["spectrogram"][index],
                label_weights=weights_by_label(weights[index], self.labels),
                recognition=recognitions[index],
                start_seconds=sound.clip.start / self.sample_rate,
                padded_seconds=sound.clip.padded / self.sample_rate,
                quality=sound.quality,
                notes=sound.clip.notes,
            )
            for index, (sound, _) in enumerate(batch)
        ]

    def _player_of(self, label_weights: FloatArray) -> int:
        """The index of the chosen player among those of the label with the largest weight."""
        label = self.labels[int(np.argmax(label_weights))]
        return self._player % max(1, len(self._metadata.players.get(label, ())))


def _read_ahead(
    count: int, read: Callable[[int], LoadedSound]
) -> Iterator[tuple[slice, list[LoadedSound | UserError]]]:
    """Read sounds in batches; the next batch is read in a thread while the caller works.

    Yields:
        The indices of a batch, and its sounds, or the errors of ``read``.
    """

    def read_batch(batch: range) -> list[LoadedSound | UserError]:
        sounds: list[LoadedSound | UserError] = []
        for index in batch:
            try:
                sounds.append(read(index))
            except UserError as error:
                sounds.append(error)
        return sounds

    batches = [
        range(first, min(first + BATCH_SIZE, count)) for first in range(0, count, BATCH_SIZE)
    ]
    if not batches:
        return
    with ThreadPoolExecutor(1, "cargan-reading") as reader:
        reading = reader.submit(read_batch, batches[0])
        for index, batch in enumerate(batches):
            sounds = reading.result()
            if index + 1 < len(batches):
                reading = reader.submit(read_batch, batches[index + 1])
            yield slice(batch.start, batch.stop), sounds


def _residue(
    labels: Sequence[str], arrays: Mapping[str, NDArray[Any]], index: int
) -> dict[str, float]:
    """The residue of one image by label; empty if the model has none."""
    if "residue" not in arrays:
        return {}
    return dict(zip(labels, arrays["residue"][index].tolist(), strict=True))
