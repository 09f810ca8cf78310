"""What a model makes of a sound when the loudness, the label or the sound itself is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from cargan_tf.audio.clips import Clip
from cargan_tf.audio.mixing import mix_clips
from cargan_tf.drawn import Picture
from cargan_tf.errors import UserError
from cargan_tf.inference import BATCH, Generator, Label
from cargan_tf.labels import label_weights, shares_of
from cargan_tf.sheets import labelled_sheet

#: Decibels by which the sound is made louder: about what lies between pp and ff, with the sound as
#: it is nearer to loud than to soft, as recordings are.
LOUDNESS_DB = (-24, -18, -12, -6, 0, 6)
#: Pictures of a walk, both ends included.
WALK_STEPS = 9


def loudness_sheet(generator: Generator, clip: Clip, name: str) -> Image.Image:
    """All labels, a row each, against loudness.

    Args:
        generator: draws.
        clip: as ``generator.read_clip`` cuts it.
        name: what the sound is called on the sheet.
    """
    labels = generator.labels
    louder = [_louder(clip, decibels) for decibels in LOUDNESS_DB]
    rows = [_draw(generator, louder, [label] * len(louder)) for label in labels]
    names = [label.replace("_", " ") for label in labels]
    if generator.recognises:
        (heard,) = generator.recognise([clip])
        names[labels.index(heard.label)] += f"\nheard ({heard.confidence:.0%})"
    columns = [
        f"{decibels:+d} dB".replace("-", "−") if decibels else "as it is"
        for decibels in LOUDNESS_DB
    ]
    return labelled_sheet(f"{name} as every instrument, softer and louder", names, columns, rows)


def walk_sheet(
    generator: Generator,
    clips: tuple[Clip, Clip],
    names: tuple[str, str],
    labels: tuple[Label, Label] = (None, None),
    steps: int = WALK_STEPS,
) -> Image.Image:
    """A walk from one sound to another, by sound and label at once and by each alone.

    Args:
        generator: draws.
        clips: both ends, as ``generator.read_clip`` cuts them; see ``mix_clips`` for what lies
            between.
        names: what they are called on the sheet.
        labels: of both ends; one left out is recognised from its sound.
        steps: pictures in a row, both ends included.

    Raises:
        UserError: an unknown label, none and a model that cannot recognise instruments, or fewer
            than two steps.
    """
    if steps < 2:
        raise UserError(f"a walk of {steps} steps was asked for; expected 2 or more.")
    generator.check_labels(labels)
    first, last = (
        label_weights(label or generator.recognise([clip])[0].label, generator.labels)
        for clip, label in zip(clips, labels, strict=True)
    )
    alphas = [float(alpha) for alpha in np.linspace(0, 1, steps)]
    sounds = [mix_clips(*clips, alpha) for alpha in alphas]
    between = [_shares(generator, (1 - alpha) * first + alpha * last) for alpha in alphas]
    start, end = between[0], between[-1]
    rows = {"sound and label": _draw(generator, sounds, between)}
    if start != end:
        rows |= {
            f"sound alone\nas {_words(start)}": _draw(generator, sounds, [start] * steps),
            f"sound alone\nas {_words(end)}": _draw(generator, sounds, [end] * steps),
            f"label alone\nsound of {_words(start)}": _draw(generator, sounds[:1] * steps, between),
        }
    columns = [names[0], *(f"{alpha:.3g}" for alpha in alphas[1:-1]), names[1]]
    title = f"From {names[0]} ({_words(start)}) to {names[1]} ({_words(end)})"
    return labelled_sheet(title, list(rows), columns, list(rows.values()))


def _draw(generator: Generator, clips: list[Clip], labels: list[Label]) -> list[Picture]:
    pictures: list[Picture] = []
    for start in range(0, len(clips), BATCH):
        part = slice(start, start + BATCH)
        pictures += [drawn.image for drawn in generator.draw(clips[part], labels[part])]
    return pictures


def _louder(clip: Clip, decibels: float) -> Clip:
    return replace(clip, samples=(clip.samples * 10 ** (decibels / 20)).astype(np.float32))


def _shares(generator: Generator, weights: np.ndarray) -> Label:
    return shares_of(weights, generator.labels)


def _words(label: Label) -> str:
    return " and ".join(name.replace("_", " ") for name in label or ())
