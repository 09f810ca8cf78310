"""Images from sounds with a trained model: load, decode, select a clip, generate."""

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
from cargan_tf.utils.arrays import FloatArray, ImageArray
from cargan_tf.utils.remote import to_path

#: A sound file, or a stream of its content.
Source: TypeAlias = Path | BinaryIO
#: An instrument; weights of several; or ``None``: recognized from the sound.
Label: TypeAlias = str | Mapping[str, float] | None
#: A clip and its quality.
MeasuredClip: TypeAlias = tuple[Clip, ClipQuality]

#: Clips per call of the model: enough to keep the cores busy, few enough for a laptop's memory.
BATCH_SIZE = 16
#: Seconds between the windows that are compared in search of the loudest one.
LOUDNESS_HOP_SECONDS = 0.01


class Generator:
    """A trained model: load it once, then generate images from sounds."""

    def __init__(self, model: Any, metadata: ModelMetadata) -> None:
        """Use ``Generator.load`` instead; ``serving.Client`` passes a remote model."""
        self._model = model  # variables live only as long as the loaded object
        self._metadata = metadata

    @classmethod
    def load(cls, path: str | Path) -> Generator:
        """Load an exported model or a run.

        Args:
            path: a SavedModel version, a folder of versions (the highest is used), the directory of
                a run (its newest checkpoint is used), or the name of a model in ``saved_models/``
                or of a shipped one.

        Raises:
            UserError: there is no model at ``path``, or it has operations that are not allowed.
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
        """Name of its configuration."""
        return self._metadata.config.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Its instruments."""
        return self._metadata.labels

    @property
    def sample_rate(self) -> int:
        """Sample rate of its clips in Hz; other rates are resampled."""
        return self._audio.sample_rate

    @property
    def clip_seconds(self) -> float:
        """Length of its clips in seconds."""
        return self._audio.clip_seconds

    @property
    def clip_samples(self) -> int:
        """Length of its clips in samples."""
        return self._audio.clip_samples

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
        return self.generate_clips([self.clip(waveform, rate, start)], [label])[0].image

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

        def read(source: Source) -> MeasuredClip:
            return self._measure(self.read_clip(source, start))

        for batch, clips in _read_ahead(sources, read):
            pairs = list(zip(clips, labels[batch], strict=True))
            readable = [(clip, label) for clip, label in pairs if not isinstance(clip, UserError)]
            results = iter(self._generate_batch(readable))
            for source, clip in zip(sources[batch], clips, strict=True):
                yield source, clip if isinstance(clip, UserError) else next(results)

    def clip(self, waveform: NDArray[Any], rate: int, start: float | None = None) -> Clip:
        """Select the clip of a waveform; arguments and errors as in ``generate``."""
        return select_clip(to_mono_at_rate(waveform, rate, self.sample_rate), self._audio, start)

    def read_clip(self, source: Source, start: float | None = None) -> Clip:
        """Decode a sound file and select its clip; ``UserError`` if it cannot be read."""
        return select_clip(read_audio(source, self.sample_rate), self._audio, start)

    def generate_clips(
        self, clips: Sequence[Clip], labels: Sequence[Label]
    ) -> list[GenerationResult]:
        """Generate the images of any number of clips; errors as in ``generate``."""
        self.check_labels(labels)
        results: list[GenerationResult] = []
        for first in range(0, len(clips), BATCH_SIZE):
            batch = slice(first, first + BATCH_SIZE)
            measured = [self._measure(clip) for clip in clips[batch]]
            results += self._generate_batch(list(zip(measured, labels[batch], strict=True)))
        return results

    def recognize(self, clips: Sequence[Clip]) -> list[Recognition]:
        """Recognize the instrument of each clip.

        Raises:
            UserError: the model has no sound classifier.
        """
        if not clips:
            return []
        self.check_labels([None])
        waveforms = np.stack([clip.samples for clip in clips])
        rows = np.asarray(self._model.recognize(waveforms)["label_probabilities"])
        return [Recognition(dict(zip(self.labels, row.tolist(), strict=True))) for row in rows]

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

    @property
    def _audio(self) -> AudioConfig:
        return self._metadata.config.audio

    def _measure(self, clip: Clip) -> MeasuredClip:
        return clip, measure_quality(clip.samples, self._audio)

    def _generate_batch(
        self, batch: Sequence[tuple[MeasuredClip, Label]]
    ) -> list[GenerationResult]:
        """Recognize missing labels, run the model once, and collect the results."""
        if not batch:
            return []
        unlabeled = [clip for (clip, _), label in batch if label is None]
        recognitions = iter(self.recognize(unlabeled))
        weights, confidences = [], []
        for _, label in batch:
            confidence = None
            if label is None:
                recognition = next(recognitions)
                label, confidence = recognition.label, recognition.confidence
            weights.append(label_weights(label, self.labels))
            confidences.append(confidence)
        waveforms = np.stack([clip.samples for (clip, _), _ in batch])
        outputs = self._model.generate_soft_labels(waveforms, np.stack(weights))
        arrays = {name: np.asarray(value) for name, value in outputs.items()}
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
            for index, ((clip, quality), _) in enumerate(batch)
        ]


def select_clip(mono: FloatArray, audio: AudioConfig, start: float | None) -> Clip:
    """The clip of a sound that an image is generated from.

    Args:
        mono: [samples] at the model's sample rate.
        audio: sample rate and length of a clip.
        start: its start in seconds; by default the loudest window.

    Raises:
        UserError: a start that is not a number, or not within the sound.
    """
    samples, rate = audio.clip_samples, audio.sample_rate
    if start is None:
        begin = loudest_start(mono, samples, hop=round(LOUDNESS_HOP_SECONDS * rate))
    elif math.isfinite(start):
        begin = round(start * rate)
    else:
        raise UserError(f"received a start of {start} s: give the start of the clip in seconds.")
    return cut_clip(mono, begin, samples, sample_rate=rate)


def _read_ahead(
    sources: Sequence[Source], read: Callable[[Source], MeasuredClip]
) -> Iterator[tuple[slice, list[MeasuredClip | UserError]]]:
    """Read sounds in batches; the next batch is read in a thread while the caller works.

    Yields:
        The indices of a batch in ``sources``, and its clips, or the errors of ``read``.
    """

    def read_batch(batch: slice) -> list[MeasuredClip | UserError]:
        clips: list[MeasuredClip | UserError] = []
        for source in sources[batch]:
            try:
                clips.append(read(source))
            except UserError as error:
                clips.append(error)
        return clips

    batches = [slice(first, first + BATCH_SIZE) for first in range(0, len(sources), BATCH_SIZE)]
    if not batches:
        return
    with ThreadPoolExecutor(1, "cargan-reading") as reader:
        reading = reader.submit(read_batch, batches[0])
        for index, batch in enumerate(batches):
            clips = reading.result()
            if index + 1 < len(batches):
                reading = reader.submit(read_batch, batches[index + 1])
            yield batch, clips


def _residue(
    labels: Sequence[str], arrays: Mapping[str, NDArray[Any]], index: int
) -> dict[str, float]:
    """The residue of one image by label; empty if the model has none."""
    if "residue" not in arrays:
        return {}
    return dict(zip(labels, arrays["residue"][index].tolist(), strict=True))
