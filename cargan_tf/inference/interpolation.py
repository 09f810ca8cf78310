"""Images of two sounds mixed, and grids of how an image changes with loudness, label and sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.audio.clips import Clip, louder, mix_clips
from cargan_tf.errors import UserError, counted
from cargan_tf.inference.generator import Generator, Label, Source
from cargan_tf.inference.result import GenerationResult, Recognition
from cargan_tf.labels import label_weights, weights_by_label
from cargan_tf.visualization.grids import labeled_grid

#: Default weight of the second sound.
DEFAULT_ALPHA = 0.5


def mix_files(
    generator: Generator,
    sources: Sequence[Source],
    other: Source,
    alpha: float,
    label: Label = None,
    start: float | None = None,
) -> Iterator[tuple[Source, GenerationResult | UserError]]:
    """Generate each file mixed with another; a file that cannot be read yields its error.

    Args:
        generator: the model.
        sources: any sound files.
        other: the sound mixed into each; its loudest half second.
        alpha: weight of ``other``, 0 to 1; see ``cargan_tf.audio.clips.mix_clips``.
        label: of the mix. Without it both sounds are recognized, and their labels get the weights
            of the sounds.
        start: seconds at which the clip of each source begins; its loudest half second by default.

    Raises:
        UserError: an unknown label, ``other`` cannot be read, or ``alpha`` is out of bounds.
    """
    generator.check_labels([label])
    second = generator.read_clip(other)
    second = replace(second, notes=tuple(f"the sound mixed in: {note}" for note in second.notes))
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
    """Generate images of two clips mixed with several weights.

    Args:
        generator: the model.
        clips: as ``generator.read_clip`` cuts them.
        labels: of both; they get the weights of the sounds. ``None`` is recognized from the sound,
            and the result has the less certain recognition.
        alphas: weights of the second clip, 0 to 1 each; see ``mix_clips``.

    Raises:
        UserError: an unknown label, none and a model that cannot recognize instruments, or a weight
            out of bounds.
    """
    first, last, recognition = blend_label_weights(generator, clips, labels)
    sounds = [mix_clips(*clips, alpha) for alpha in alphas]
    weights = [
        weights_by_label((1 - alpha) * first + alpha * last, generator.labels) for alpha in alphas
    ]
    return [
        replace(one, recognition=recognition) for one in generator.generate_clips(sounds, weights)
    ]


def blend_label_weights(
    generator: Generator, clips: tuple[Clip, Clip], labels: tuple[Label, Label]
) -> tuple[NDArray[np.float32], NDArray[np.float32], Recognition | None]:
    """The label weights of two clips, [K] each, and the less certain recognition, if any."""
    generator.check_labels(labels)
    weights: list[NDArray[np.float32]] = []
    recognitions: list[Recognition] = []
    for clip, label in zip(clips, labels, strict=True):
        if label is None:
            (recognition,) = generator.recognize([clip])
            label = recognition.label
            recognitions.append(recognition)
        weights.append(label_weights(label, generator.labels))
    least = min(recognitions, key=lambda one: one.confidence or 0.0, default=None)
    return weights[0], weights[1], least


#: Gains in decibels: about the range from pp to ff, with more room below, since recordings are
#: nearer to loud than to soft.
LOUDNESS_DB = (-24, -18, -12, -6, 0, 6)
#: Images in a row, both ends included.
INTERPOLATION_STEPS = 9


def loudness_grid(generator: Generator, clip: Clip, name: str) -> Image.Image:
    """A row of images per label, a column per loudness.

    Args:
        generator: the model.
        clip: as ``generator.read_clip`` cuts it.
        name: of the sound, in the title.
    """
    labels = generator.labels
    sounds = [louder(clip, decibels) for decibels in LOUDNESS_DB]
    rows = [
        [generated.image for generated in generator.generate_clips(sounds, [label] * len(sounds))]
        for label in labels
    ]
    names = [label.replace("_", " ") for label in labels]
    if generator.recognizes:
        (measured,) = generator.recognize([clip])
        if measured.confidence is not None:
            names[labels.index(measured.label)] += f"\nrecognized ({measured.confidence:.0%})"
    columns = [
        f"{decibels:+d} dB".replace("-", "−") if decibels else "as it is"
        for decibels in LOUDNESS_DB
    ]
    return labeled_grid(f"{name} as every instrument, softer and louder", names, columns, rows)


def interpolation_grid(
    generator: Generator,
    clips: tuple[Clip, Clip],
    names: tuple[str, str],
    labels: tuple[Label, Label] = (None, None),
    steps: int = INTERPOLATION_STEPS,
) -> Image.Image:
    """Interpolate from one sound to another: sound and label together, and each alone.

    Args:
        generator: the model.
        clips: both ends, as ``generator.read_clip`` cuts them; see ``mix_clips`` for the mix.
        names: of the sounds, in the title.
        labels: of both ends; ``None`` is recognized from the sound.
        steps: images in a row, both ends included.

    Raises:
        UserError: an unknown label, none and a model that cannot recognize instruments, or fewer
            than two steps.
    """
    if steps < 2:
        raise UserError(f"{counted(steps, 'step')} asked for; expected 2 or more.")
    first, last, _ = blend_label_weights(generator, clips, labels)
    ends = weights_by_label(first, generator.labels), weights_by_label(last, generator.labels)
    start, end = (" and ".join(weights).replace("_", " ") for weights in ends)
    alphas = interpolation_weights(steps)
    rows = {"sound and label": generate_mixes(generator, clips, ends, alphas)}
    if ends[0] != ends[1]:
        same_sound = (clips[0], clips[0])
        rows |= {
            f"sound alone\nas {start}": generate_mixes(generator, clips, (ends[0],) * 2, alphas),
            f"sound alone\nas {end}": generate_mixes(generator, clips, (ends[1],) * 2, alphas),
            f"label alone\nsound of {start}": generate_mixes(generator, same_sound, ends, alphas),
        }
    columns = [names[0], *(f"{alpha:.3g}" for alpha in alphas[1:-1]), names[1]]
    title = f"From {names[0]} ({start}) to {names[1]} ({end})"
    images = [[generated.image for generated in row] for row in rows.values()]
    return labeled_grid(title, list(rows), columns, images)


def interpolation_weights(steps: int) -> list[float]:
    """Evenly spaced weights of the second sound, 0 and 1 included."""
    alphas: list[float] = np.linspace(0, 1, steps).tolist()
    return alphas
