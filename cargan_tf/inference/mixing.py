"""Images of two sounds mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, mix_clips
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator, Label, Source
from cargan_tf.inference.result import GenerationResult
from cargan_tf.labels import label_weights, weights_by_label

#: Share of the second sound where none is named.
HALF = 0.5


def mix_files(
    generator: Generator,
    sources: Sequence[Source],
    other: Source,
    alpha: float,
    label: Label = None,
    start: float | None = None,
) -> Iterator[tuple[Source, GenerationResult | UserError]]:
    """Draw each file mixed with another; a file that cannot be read yields its error.

    Args:
        generator: draws.
        sources: any sound files.
        other: what each is mixed with; its loudest half second.
        alpha: share of ``other``, 0 to 1; see ``cargan_tf.audio.clips.mix_clips``.
        label: of the mix. Without it both sounds are recognized, and their labels get the shares
            of the sounds.
        start: seconds at which the clip of each source begins; its loudest half second by default.

    Raises:
        UserError: an unknown label, ``other`` cannot be read, or ``alpha`` is out of bounds.
    """
    generator.check_labels([label])
    second = generator.read_clip(other)
    for source in sources:
        try:
            first = generator.read_clip(source, start)
        except UserError as error:
            yield source, error
        else:
            yield source, generate_mixes(generator, (first, second), (label, label), [alpha])[0]


def generate_mixes(
    generator: Generator,
    clips: tuple[Clip, Clip],
    labels: tuple[Label, Label],
    alphas: Sequence[float],
) -> list[GenerationResult]:
    """Draw two clips as one sound, in several shares.

    Args:
        generator: draws.
        clips: as ``generator.read_clip`` cuts them.
        labels: of both; they get the shares of the sounds. One left out is recognized, and the
            confidence told is that of the less certain.
        alphas: shares of the second, 0 to 1 each; see ``mix_clips``.

    Raises:
        UserError: an unknown label, none and a model that cannot recognize instruments, or a share
            out of bounds.
    """
    first, last, confidence = blend_label_weights(generator, clips, labels)
    sounds = [mix_clips(*clips, alpha) for alpha in alphas]
    fractions = [
        weights_by_label((1 - alpha) * first + alpha * last, generator.labels) for alpha in alphas
    ]
    return [
        replace(one, confidence=confidence) for one in generator.generate_clips(sounds, fractions)
    ]


def blend_label_weights(
    generator: Generator, clips: tuple[Clip, Clip], labels: tuple[Label, Label]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float | None]:
    """The label weights of two clips, [K] each, and the confidence of what was recognized."""
    generator.check_labels(labels)
    weights, confidences = [], []
    for clip, label in zip(clips, labels, strict=True):
        if label is None:
            (recognition,) = generator.recognize([clip])
            label = recognition.label
            confidences.append(recognition.confidence)
        weights.append(label_weights(label, generator.labels))
    return weights[0], weights[1], min(confidences, default=None)
