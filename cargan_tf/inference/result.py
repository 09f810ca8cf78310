"""The result of generating: image, stages and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.utils.arrays import ImageArray

#: A recognized instrument less probable than this is called a guess.
CONFIDENT = 0.5
#: With less, the three most probable instruments are named.
SURE = 0.8
#: Of these, only those that are at least so probable.
MENTIONED = 0.01


@dataclass(frozen=True)
class Recognition:
    """The instrument recognized by the sound classifier.

    Attributes:
        probabilities: of each label.
        none: probability that it is none of them; with the others it sums to 1.
        silent: whether there was nothing to hear; the probabilities then mean nothing.
    """

    probabilities: Mapping[str, float]
    none: float = 0.0
    silent: bool = False

    @property
    def label(self) -> str:
        """The most probable label, even if none of them is more probable."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float | None:
        """Its probability; ``None`` for silence."""
        return None if self.silent else self.probabilities[self.label]

    @property
    def is_none(self) -> bool:
        """Whether the sound is more probably none of the labels than any single one."""
        return not self.silent and self.none > self.probabilities[self.label]

    def best(self, count: int = 3) -> list[tuple[str, float]]:
        """The most probable labels with their probabilities; empty for silence."""
        if self.silent:
            return []
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        return ranked[:count]

    def describe(self) -> str:
        """In words, such as ``violin (52%), viola (31%) or cello (9%)``; three if not sure."""
        if self.silent:
            return "silence"
        count = 1 if (self.confidence or 0.0) >= SURE else 3
        names = [
            f"{label.replace('_', ' ')} ({probability:.0%})"
            for label, probability in self.best(count)
            if probability >= MENTIONED
        ]
        if self.is_none:
            return "; ".join([f"none of the instruments ({self.none:.0%})", *names[:1]])
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"

    def warnings(self) -> list[str]:
        """What the listener should know, in plain words."""
        label = self.label.replace("_", " ")
        if self.silent:
            return [f"silent: no instrument can be recognized; '{label}' is a guess: set the label"]
        if self.is_none:
            return [
                f"it sounds like none of the {len(self.probabilities)} instruments; the image shows"
                f" '{label}'; set the label if that is wrong"
            ]
        if (self.confidence or 0.0) < CONFIDENT:
            return [
                f"the instrument is a guess ({self.describe()}); set the label if that is wrong"
            ]
        return []


@dataclass(frozen=True)
class GenerationResult:
    """An image and what it was made from.

    Attributes:
        image: the refined image, [H, W, 3].
        coarse: the image of the first stage, [H, W, 3].
        residue: of each label, what the coarse image lacks or has too much of, -1 to 1.
        waveform: the clip, [samples] at ``sample_rate``.
        sample_rate: Hz.
        spectrogram: what the networks saw of it, [S, S, C] in [-1, 1].
        label_weights: the weight of each label, where it is not 0.
        recognition: of the sound classifier; ``None`` if the label was given.
        start_seconds: where in the sound the clip begins.
        padded_seconds: silence added because the sound was shorter than a clip.
        quality: loudness, and whether it is silence or noise.
        notes: what was put right in the sound before it was heard.
    """

    image: ImageArray
    coarse: ImageArray
    residue: Mapping[str, float]
    waveform: NDArray[np.float32]
    sample_rate: int
    spectrogram: NDArray[np.float32]
    label_weights: Mapping[str, float]
    recognition: Recognition | None
    start_seconds: float
    padded_seconds: float
    quality: ClipQuality
    notes: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Probability of the recognized label; ``None`` if it was given, or for silence."""
        return None if self.recognition is None else self.recognition.confidence

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return len(self.waveform) / self.sample_rate

    @property
    def label(self) -> str:
        """The label with the largest weight."""
        return max(self.label_weights, key=self.label_weights.__getitem__)

    def warnings(self) -> list[str]:
        """What the listener should know: a sound padded, silent or like noise, a label guessed."""
        said = list(self.notes)
        if self.padded_seconds:
            said.append(f"shorter than a clip; {self.padded_seconds:.2f} s of silence were added")
        guessed = [] if self.recognition is None else self.recognition.warnings()
        if self.quality.silent and not (self.recognition and self.recognition.silent):
            said.append(
                f"silent ({self.quality.rms_db:.0f} dB of full scale); the image is a guess"
            )
        if self.quality.noise_like:
            said.append(
                f"more like noise than notes (flatness {self.quality.flatness:.2f});"
                " the image is a guess"
            )
        return said + guessed
