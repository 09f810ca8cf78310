"""Drawing pictures from sounds with a trained model, from Python."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, cut_clip, loudest_start
from cargan_tf.audio.decode import read_audio, to_mono_at_rate
from cargan_tf.audio.quality import ClipQuality, measure_quality
from cargan_tf.errors import UserError
from cargan_tf.labels import label_index
from cargan_tf.serving.card import ModelCard, read_card
from cargan_tf.serving.catalogue import newest_version

Picture = NDArray[np.uint8]
#: Sounds drawn at once: enough to keep the cores busy, few enough for a laptop's memory.
BATCH = 16
#: Windows compared in search of the loudest half second start this many seconds apart.
LOUDNESS_HOP_SECONDS = 0.01


@dataclass(frozen=True)
class Drawn:
    """A picture and what it was made from."""

    image: Picture  # [H, W, 3]
    label: str
    start_seconds: float  # where in the sound the clip begins
    padded_seconds: float  # silence added because the sound was shorter than a clip
    quality: ClipQuality

    def warnings(self) -> list[str]:
        """What the listener should know of the sound: padded, silent, or more like noise."""
        said = []
        if self.padded_seconds:
            said.append(f"shorter than a clip; {self.padded_seconds:.2f} s of silence were added")
        if self.quality.silent:
            said.append(
                f"silent ({self.quality.rms_db:.0f} dB of full scale); the picture is a guess"
            )
        if self.quality.noise_like:
            said.append(
                f"more like noise than notes (flatness {self.quality.flatness:.2f});"
                " the picture is a guess"
            )
        return said


class Generator:
    """A trained CAR-GAN: load it once, then draw as often as you like."""

    def __init__(self, model: Any, card: ModelCard) -> None:
        """Use ``Generator.load`` instead; ``serving.Client`` puts itself in the model's place."""
        self._model = model  # variables live only as long as what was loaded
        self._card = card

    @classmethod
    def load(cls, path: str | Path) -> Generator:
        """Load an exported model or a run.

        Args:
            path: a SavedModel version, a folder of versions (the highest is taken), or the
                directory of a run (its newest checkpoint is taken).

        Raises:
            UserError: there is nothing of the kind at ``path``.
        """
        import tensorflow as tf

        from cargan_tf.serving.export import picture_model_of_run
        from cargan_tf.training.run import Run

        folder = Path(path)
        version = newest_version(folder)
        if version is not None:
            card = read_card(version)
            try:
                return cls(tf.saved_model.load(str(version)), card)
            except (OSError, ValueError, LookupError, tf.errors.OpError) as error:
                raise UserError(f"the model at {version} is damaged: export it again.") from error
        if Run(folder).exists():
            model, card = picture_model_of_run(Run(folder))
            return cls(model, card)
        raise UserError(
            f"no model at {folder}: expected an exported model (a folder with numbered versions)"
            " or a run made by 'cargan train'."
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The instruments it can draw."""
        return self._card.labels

    @property
    def sample_rate(self) -> int:
        """Hz of the sound it was trained on; other rates are converted."""
        return self._card.config.audio.sample_rate

    @property
    def clip_seconds(self) -> float:
        """Seconds of sound it listens to."""
        return self._card.config.audio.clip_seconds

    def generate(
        self,
        waveform: NDArray[Any],
        rate: int,
        label: str,
        start: float | None = None,
    ) -> Picture:
        """Draw one sound.

        Args:
            waveform: [samples] or [samples, channels], float at full scale ±1, or integers.
            rate: Hz.
            label: an instrument of ``labels``, or a name in common use such as ``vn``.
            start: seconds at which the clip begins; the loudest half second by default.

        Returns:
            The picture, [H, W, 3] uint8.

        Raises:
            UserError: an unknown label, an empty or non-finite sound, a start beyond its end.
        """
        mono = to_mono_at_rate(waveform, rate, self.sample_rate)
        return self.draw([self._clip(mono, start)], [label])[0].image

    def generate_files(
        self, paths: Sequence[Path], labels: Sequence[str], start: float | None = None
    ) -> Iterator[tuple[Path, Drawn | UserError]]:
        """Draw files in batches, in order; a file that cannot be read yields its error.

        Args:
            paths: any sound files.
            labels: one for each path.
            start: as in ``generate``.

        Raises:
            UserError: an unknown label (before anything is drawn).
        """
        for label in labels:
            label_index(label, self.labels)
        for first in range(0, len(paths), BATCH):
            part = slice(first, first + BATCH)
            yield from self._generate_batch(paths[part], labels[part], start)

    def draw(self, clips: Sequence[Clip], labels: Sequence[str]) -> list[Drawn]:
        """Draw clips of the model's rate and length at once; raises ``UserError`` like above."""
        if not clips:
            return []
        names = [self.labels[label_index(label, self.labels)] for label in labels]
        waveforms = np.stack([clip.samples for clip in clips])
        images = np.asarray(self._model.draw(waveforms, np.array(names))["image"])
        return [
            Drawn(
                image,
                name,
                clip.start / self.sample_rate,
                clip.padded / self.sample_rate,
                measure_quality(clip.samples, self._card.config.audio),
            )
            for image, name, clip in zip(images, names, clips, strict=True)
        ]

    def _generate_batch(
        self, paths: Sequence[Path], labels: Sequence[str], start: float | None
    ) -> Iterator[tuple[Path, Drawn | UserError]]:
        clips: dict[int, Clip] = {}
        errors: dict[int, UserError] = {}
        for index, path in enumerate(paths):
            try:
                clips[index] = self._clip(read_audio(path, self.sample_rate), start)
            except UserError as error:
                errors[index] = error
        drawn = self.draw(list(clips.values()), [labels[index] for index in clips])
        pictures = dict(zip(clips, drawn, strict=True))
        for index, path in enumerate(paths):
            yield path, pictures[index] if index in pictures else errors[index]

    def _clip(self, mono: NDArray[np.float32], start: float | None) -> Clip:
        samples, rate = self._card.config.audio.clip_samples, self.sample_rate
        if start is None:
            begin = loudest_start(mono, samples, hop=round(LOUDNESS_HOP_SECONDS * rate))
        elif math.isfinite(start):
            begin = round(start * rate)
        else:
            raise UserError(f"a clip from {start} s was asked for: choose a start in seconds.")
        return cut_clip(mono, begin, samples, sample_rate=rate)
