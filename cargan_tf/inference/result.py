"""What comes of a sound: the image, its stages, and what the listener should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.utils.arrays import ImageArray

#: A recognized instrument less sure than this is called a guess.
CONFIDENT = 0.5


@dataclass(frozen=True)
class Recognition:
    """The instrument recognized by the sound classifier.

    Attributes:
        probabilities: of each label; they sum to 1.
    """

    probabilities: Mapping[str, float]

    @property
    def label(self) -> str:
        """The most probable."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.probabilities[self.label]


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
        confidence: of the sound classifier; ``None`` where the label was given.
        start_seconds: where in the sound the clip begins.
        padded_seconds: silence added because the sound was shorter than a clip.
        quality: loudness, and whether it is silence or noise.
    """

    image: ImageArray
    coarse: ImageArray
    residue: Mapping[str, float]
    waveform: NDArray[np.float32]
    sample_rate: int
    spectrogram: NDArray[np.float32]
    label_weights: Mapping[str, float]
    confidence: float | None
    start_seconds: float
    padded_seconds: float
    quality: ClipQuality

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
        said = []
        if self.padded_seconds:
            said.append(f"shorter than a clip; {self.padded_seconds:.2f} s of silence were added")
        if self.quality.silent:
            said.append(
                f"silent ({self.quality.rms_db:.0f} dB of full scale); the image is a guess"
            )
        if self.quality.noise_like:
            said.append(
                f"more like noise than notes (flatness {self.quality.flatness:.2f});"
                " the image is a guess"
            )
        return said + low_confidence_warning(self.label_weights, self.confidence)


def low_confidence_warning(
    label_weights: Mapping[str, float], confidence: float | None
) -> list[str]:
    """A warning if the label was recognized with too little confidence to be believed."""
    if confidence is None or confidence >= CONFIDENT:
        return []
    measured = " and ".join(label_weights)
    return [f"the instrument is a guess ({measured}, {confidence:.0%}); name it if it is another"]
