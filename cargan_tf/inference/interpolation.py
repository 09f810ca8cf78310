"""What a model makes of a sound when the loudness, the label or the sound itself is changed."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cargan_tf.audio.clips import Clip, louder
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator, Label
from cargan_tf.inference.mixing import blend_label_weights, generate_mixes
from cargan_tf.labels import weights_by_label
from cargan_tf.visualization.grids import labeled_grid

#: Decibels by which the sound is made louder: about what lies between pp and ff, with the sound as
#: it is nearer to loud than to soft, as recordings are.
LOUDNESS_DB = (-24, -18, -12, -6, 0, 6)
#: Images of a walk, both ends included.
INTERPOLATION_STEPS = 9


def loudness_grid(generator: Generator, clip: Clip, name: str) -> Image.Image:
    """All labels, a row each, against loudness.

    Args:
        generator: draws.
        clip: as ``generator.read_clip`` cuts it.
        name: what the sound is called on the sheet.
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
        names[labels.index(measured.label)] += f"\nheard ({measured.confidence:.0%})"
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
    """A walk from one sound to another, by sound and label at once and by each alone.

    Args:
        generator: draws.
        clips: both ends, as ``generator.read_clip`` cuts them; see ``mix_clips`` for what lies
            between.
        names: what they are called on the sheet.
        labels: of both ends; one left out is recognized from its sound.
        steps: images in a row, both ends included.

    Raises:
        UserError: an unknown label, none and a model that cannot recognize instruments, or fewer
            than two steps.
    """
    if steps < 2:
        raise UserError(f"a walk of {steps} steps was asked for; expected 2 or more.")
    first, last, _ = blend_label_weights(generator, clips, labels)
    ends = weights_by_label(first, generator.labels), weights_by_label(last, generator.labels)
    start, end = (" and ".join(fractions).replace("_", " ") for fractions in ends)
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
    """Shares of the second sound on a walk, both ends included."""
    alphas: list[float] = np.linspace(0, 1, steps).tolist()
    return alphas
