"""What a model hears of a sound: the half second that is drawn of it, and what it is like."""
# MERGED Drawing images from sounds with a trained model, from Python.

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, cut_clip, loudest_start
from cargan_tf.audio.decode import read_audio, to_mono_at_rate
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata, read_metadata
from cargan_tf.export.model_registry import existing_model, newest_version
from cargan_tf.inference.result import GenerationResult, Recognition
from cargan_tf.labels import label_weights, weights_by_label
from cargan_tf.utils.arrays import ImageArray
from cargan_tf.utils.remote import to_path

#: A sound file, or a stream of one's content.
Source: TypeAlias = Path | BinaryIO
#: A clip and what was measured on it.
MeasuredClip: TypeAlias = tuple[Clip, ClipQuality]

#: Windows compared in search of the loudest half second start this many seconds apart.
LOUDNESS_HOP_SECONDS = 0.01


def select_clip(mono: NDArray[np.float32], audio: AudioConfig, start: float | None) -> Clip:
    """The clip that is drawn of a sound.

    Args:
        mono: [samples] at the model's rate.
        audio: rate and length of a clip.
        start: seconds at which it begins; the loudest place by default.

    Raises:
        UserError: a start that is no number, or not within the sound.
    """
    samples, rate = audio.clip_samples, audio.sample_rate
    if start is None:
        begin = loudest_start(mono, samples, hop=round(LOUDNESS_HOP_SECONDS * rate))
    elif math.isfinite(start):
        begin = round(start * rate)
    else:
        raise UserError(f"a clip from {start} s was asked for: choose a start in seconds.")
    return cut_clip(mono, begin, samples, sample_rate=rate)


def measured(clip: Clip, audio: AudioConfig) -> MeasuredClip:
    """The clip, and whether it is silence or noise."""
    return clip, measure_quality(clip.samples, audio)


def read_ahead(
    sources: Sequence[Source], size: int, read: Callable[[Source], MeasuredClip]
) -> Iterator[tuple[slice, list[MeasuredClip | UserError]]]:
    """Sounds in batches, in order; while one batch is worked on, the next is read.

    Args:
        sources: any sound files.
        size: of a batch.
        read: reads one; its ``UserError`` stands in the place of that sound.

    Yields:
        Which of ``sources`` are in a batch, and what was heard of each.
    """

    def read_part(part: slice) -> list[MeasuredClip | UserError]:
        return [_or_error(source, read) for source in sources[part]]

    parts = [slice(first, first + size) for first in range(0, len(sources), size)]
    if not parts:
        return
    with ThreadPoolExecutor(1, "cargan-reading") as reader:
        reading = reader.submit(read_part, parts[0])
        for position, part in enumerate(parts):
            measured = reading.result()
            if position + 1 < len(parts):
                reading = reader.submit(read_part, parts[position + 1])
            yield part, measured


def _or_error(source: Source, read: Callable[[Source], MeasuredClip]) -> MeasuredClip | UserError:
    try:
        return read(source)
    except UserError as error:
        return error


#: An instrument; shares of several; or nothing, and it is recognized from the sound.
Label: TypeAlias = str | Mapping[str, float] | None

#: Sounds drawn at once: enough to keep the cores busy, few enough for a laptop's memory.
BATCH = 16


class Generator:
    """A trained CAR-GAN: load it once, then draw as often as you like."""

    def __init__(self, model: Any, metadata: ModelMetadata) -> None:
        """Use ``Generator.load`` instead; ``serving.Client`` puts itself in the model's place."""
        self._model = model  # variables live only as long as what was loaded
        self._metadata = metadata

    @classmethod
    def load(cls, path: str | Path) -> Generator:
        """Load an exported model or a run.

        Args:
            path: a SavedModel version, a folder of versions (the highest is taken), the
                directory of a run (its newest checkpoint is taken), or the name of a model in
                ``saved_models/`` or of one that came with the package.

        Raises:
            UserError: there is nothing of the kind at ``path``, or it would do more than draw.
        """
        folder = existing_model(to_path(path))
        version = newest_version(folder)
        if version is None:
            from cargan_tf.export.saved_model import serving_module_of_run
            from cargan_tf.training.run import Run

            model, metadata = serving_module_of_run(Run(folder))
            return cls(model, metadata)
        from cargan_tf.export.op_allowlist import load_exported

        metadata = read_metadata(version)
        model, _ = load_exported(version)
        return cls(model, metadata)

    @property
    def name(self) -> str:
        """Of the configuration it was trained with."""
        return self._metadata.config.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The instruments it can draw."""
        return self._metadata.labels

    @property
    def sample_rate(self) -> int:
        """Hz of the sound it was trained on; other rates are converted."""
        return self._audio.sample_rate

    @property
    def clip_seconds(self) -> float:
        """Seconds of sound it listens to."""
        return self._audio.clip_seconds

    @property
    def clip_samples(self) -> int:
        """The same in samples."""
        return self._audio.clip_samples

    @property
    def recognizes(self) -> bool:
        """Whether it can do without a label."""
        return self._metadata.recognition_accuracy is not None

    def generate(
        self,
        waveform: NDArray[Any],
        rate: int,
        label: Label = None,
        start: float | None = None,
    ) -> ImageArray:
        """Draw one sound.

        Args:
            waveform: [samples] or [samples, channels], float at full scale ±1, or integers.
            rate: Hz.
            label: an instrument of ``labels``, or a name in common use such as ``vn``; or shares
                of several, such as ``{"violin": 0.5, "cello": 0.5}``. Without it the instrument
                is recognized from the sound.
            start: seconds at which the clip begins; the loudest half second by default.

        Returns:
            The image, [H, W, 3] uint8.

        Raises:
            UserError: an unknown label, an empty or non-finite sound, a start beyond its end, or
                no label and a model that cannot recognize instruments.
        """
        return self.draw([self.clip(waveform, rate, start)], [label])[0].image

    def generate_files(
        self, sources: Sequence[Source], labels: Sequence[Label], start: float | None = None
    ) -> Iterator[tuple[Source, GenerationResult | UserError]]:
        """Draw files in batches, in order; a file that cannot be read yields its error.

        Args:
            sources: any sound files.
            labels: one for each of them.
            start: as in ``generate``.

        Raises:
            UserError: an unknown label, or none and a model that cannot recognize instruments
                (before anything is drawn).
        """
        self.check_labels(labels)
        for part, measured in read_ahead(sources, BATCH, lambda one: self._heard(one, start)):
            yield from self._draw_read(sources[part], measured, labels[part])

    def clip(self, waveform: NDArray[Any], rate: int, start: float | None = None) -> Clip:
        """The half second that is drawn of a waveform; arguments and errors of ``generate``."""
        return select_clip(to_mono_at_rate(waveform, rate, self.sample_rate), self._audio, start)

    def read_clip(self, source: Source, start: float | None = None) -> Clip:
        """The half second that is drawn of a sound file; ``UserError`` if it cannot be read."""
        return select_clip(read_audio(source, self.sample_rate), self._audio, start)

    def draw(self, clips: Sequence[Clip], labels: Sequence[Label]) -> list[GenerationResult]:
        """Draw clips of the model's rate and length, however many; errors as above."""
        self.check_labels(labels)
        generated: list[GenerationResult] = []
        for first in range(0, len(clips), BATCH):
            part = slice(first, first + BATCH)
            measured = [measured(clip, self._audio) for clip in clips[part]]
            generated += self._draw_at_once(measured, labels[part])
        return generated

    def recognize(self, clips: Sequence[Clip]) -> list[Recognition]:
        """Which instrument is heard in each clip.

        Raises:
            UserError: the model cannot tell.
        """
        if not clips:
            return []
        self.check_labels([None])
        waveforms = np.stack([clip.samples for clip in clips])
        rows = np.asarray(self._model.recognize(waveforms)["label_probabilities"])
        return [Recognition(dict(zip(self.labels, row.tolist(), strict=True))) for row in rows]

    def check_labels(self, labels: Sequence[Label]) -> None:
        """That the model can draw each of them; ``UserError`` says why not."""
        for label in labels:
            if label is not None:
                label_weights(label, self.labels)
            elif not self.recognizes:
                raise UserError(
                    "this model has no sound classifier to recognize the instrument by: name it,"
                    f" one of {', '.join(self.labels)}."
                )

    @property
    def _audio(self) -> AudioConfig:
        return self._metadata.config.audio

    def _heard(self, source: Source, start: float | None) -> MeasuredClip:
        return measured(self.read_clip(source, start), self._audio)

    def _draw_at_once(
        self, measured: Sequence[MeasuredClip], labels: Sequence[Label]
    ) -> list[GenerationResult]:
        unnamed = [clip for (clip, _), label in zip(measured, labels, strict=True) if label is None]
        recognized = iter(self.recognize(unnamed))
        weights, confidences = [], []
        for label in labels:
            confidence = None
            if label is None:
                recognition = next(recognized)
                label, confidence = recognition.label, recognition.confidence
            weights.append(label_weights(label, self.labels))
            confidences.append(confidence)
        return self._draw_weighted(measured, weights, confidences)

    def _draw_weighted(
        self,
        measured: Sequence[MeasuredClip],
        weights: Sequence[NDArray[np.float32]],
        confidences: Sequence[float | None],
    ) -> list[GenerationResult]:
        """Draw [B] clips with [B, K] shares of labels."""
        waveforms = np.stack([clip.samples for clip, _ in measured])
        made = self._model.generate_soft_labels(waveforms, np.stack(weights))
        arrays = {name: np.asarray(value) for name, value in made.items()}
        return [
            GenerationResult(
                image=arrays["image"][index],
                coarse=arrays["coarse"][index],
                residue=_residue(self.labels, arrays, index),
                waveform=clip.samples,
                sample_rate=self.sample_rate,
                spectrogram=arrays["spectrogram"][index],
                label_weights=weights_by_label(weights[index], self.labels),
                confidence=confidences[index],
                start_seconds=clip.start / self.sample_rate,
                padded_seconds=clip.padded / self.sample_rate,
                quality=quality,
            )
            for index, (clip, quality) in enumerate(measured)
        ]

    def _draw_read(
        self,
        sources: Sequence[Source],
        read: Sequence[MeasuredClip | UserError],
        labels: Sequence[Label],
    ) -> Iterator[tuple[Source, GenerationResult | UserError]]:
        measured, named = [], []
        for one, label in zip(read, labels, strict=True):
            if not isinstance(one, UserError):
                measured.append(one)
                named.append(label)
        generated = iter(self._draw_at_once(measured, named) if measured else [])
        for source, one in zip(sources, read, strict=True):
            yield source, one if isinstance(one, UserError) else next(generated)


def _residue(
    labels: Sequence[str], arrays: Mapping[str, NDArray[Any]], index: int
) -> dict[str, float]:
    """Of one image by label; empty if the network knows none."""
    if "residue" not in arrays:
        return {}
    return dict(zip(labels, arrays["residue"][index].tolist(), strict=True))
