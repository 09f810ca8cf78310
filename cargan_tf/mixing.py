"""Pictures of two sounds mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cargan_tf.audio.clips import Clip
from cargan_tf.audio.mixing import mix_clips
from cargan_tf.drawn import Drawn
from cargan_tf.errors import UserError
from cargan_tf.inference import Generator, Label, Source

#: Share of the second sound where none is named.
HALF = 0.5


def mix_files(
    generator: Generator,
    sources: Sequence[Source],
    other: Source,
    alpha: float,
    label: Label = None,
    start: float | None = None,
) -> Iterator[tuple[Source, Drawn | UserError]]:
    """Draw each file mixed with another; a file that cannot be read yields its error.

    Args:
        generator: draws.
        sources: any sound files.
        other: what each is mixed with; its loudest half second.
        alpha: share of ``other``, 0 to 1; see ``mix_clips``.
        label: of the mix; as in ``draw_mix``.
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
            yield source, draw_mix(generator, first, second, alpha, label)


def draw_mix(
    generator: Generator, first: Clip, second: Clip, alpha: float, label: Label = None
) -> Drawn:
    """Draw two clips as one sound.

    Args:
        generator: draws.
        first: as ``generator.read_clip`` cuts it.
        second: likewise.
        alpha: share of the second, 0 to 1; see ``mix_clips``.
        label: of the mix. Without it both clips are recognised, and their labels get the shares of
            the sounds; the confidence is that of the less certain.

    Raises:
        UserError: an unknown label, or ``alpha`` is out of bounds.
    """
    mix = mix_clips(first, second, alpha)
    if label is not None:
        return generator.draw([mix], [label])[0]
    heard = generator.recognise([first, second])
    shares: dict[str, float] = {}
    for recognition, share in zip(heard, (1 - alpha, alpha), strict=True):
        shares[recognition.label] = shares.get(recognition.label, 0.0) + share
    confidence = min(recognition.confidence for recognition in heard)
    return replace(generator.draw([mix], [shares])[0], confidence=confidence)
