"""What the page does with a sound; nothing here knows of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import louder
from cargan_tf.audio.decode import read_audio
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.mixing import generate_mixes
from cargan_tf.inference.result import GenerationResult
from cargan_tf.synthetic.recording import record
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS

#: Recordings held decoded, so that a moved slider does not read its file again.
HELD = 8
#: The synthesized samples: a recording that no data set made with defaults holds, by the players of
#: seed 0, whom the quickstart's model knows.
SAMPLE_RECORDING, SAMPLE_NOTES, SAMPLE_SEED = 100, 6, 0


@dataclass(frozen=True)
class Extent:
    """How far the slider for the start goes, and where it stands at first; seconds."""

    last: float
    loudest: float


class DemoSession:
    """A generator and the recordings heard last."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._read = lru_cache(HELD)(lambda file: read_audio(file, generator.sample_rate))

    @property
    def samples(self) -> list[str]:
        """Labels of which there is a sample to listen to."""
        return [label for label in self.generator.labels if label in INSTRUMENTS]

    def sample(self, label: str) -> tuple[int, NDArray[np.int16]]:
        """Rate and [samples] of an instrument, synthesized."""
        sound = record(label, SAMPLE_RECORDING, SAMPLE_NOTES, SAMPLE_SEED)
        return SAMPLE_RATE, np.round(sound * 32767).astype(np.int16)

    def waveform(self, file: str) -> NDArray[np.float32]:
        """[samples] of a sound file at the generator's rate.

        Raises:
            UserError: it cannot be read; the message names no path of this machine.
        """
        try:
            waveform: NDArray[np.float32] = self._read(file)
        except UserError as error:
            raise UserError(str(error).replace(file, Path(file).name)) from error
        return waveform

    def extent(self, file: str) -> Extent:
        """Where clips of a sound file may begin."""
        waveform, rate = self.waveform(file), self.generator.sample_rate
        loudest = self.generator.clip(waveform, rate).start
        return Extent(self._last(waveform), loudest / rate)

    def generate(
        self, file: str, label: str | None, start: float, decibels: float
    ) -> GenerationResult:
        """Generate from a clip of a sound file; ``start`` is limited to the last clip."""
        waveform, rate = self.waveform(file), self.generator.sample_rate
        start = min(start, self._last(waveform))
        clip = louder(self.generator.clip(waveform, rate, start), decibels)
        return self.generator.generate_clips([clip], [label])[0]

    def interpolate(
        self, files: tuple[str, str], labels: tuple[str | None, str | None], alphas: list[float]
    ) -> list[GenerationResult]:
        """Mix the loudest half seconds of two sound files, with each weight in ``alphas``."""
        rate = self.generator.sample_rate
        first, second = (self.generator.clip(self.waveform(file), rate) for file in files)
        return generate_mixes(self.generator, (first, second), labels, alphas)

    def _last(self, waveform: NDArray[np.float32]) -> float:
        """Seconds at which the last clip of a waveform begins."""
        samples = max(0, len(waveform) - self.generator.clip_samples)
        return samples / self.generator.sample_rate
