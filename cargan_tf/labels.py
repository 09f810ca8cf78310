"""The instruments' names, in the order that the one-hot label follows."""

from __future__ import annotations

from collections.abc import Sequence

from cargan_tf.errors import UserError, did_you_mean

#: The 13 classes of Sub-URMP, in the alphabetical order of its folders.
SUB_URMP_LABELS: tuple[str, ...] = (
    "bassoon",
    "cello",
    "clarinet",
    "double_bass",
    "flute",
    "horn",
    "oboe",
    "sax",
    "trombone",
    "trumpet",
    "tuba",
    "viola",
    "violin",
)

#: URMP's two- and three-letter codes, and names in common use, for the classes above.
ALIASES: dict[str, str] = {
    "bn": "bassoon",
    "vc": "cello",
    "violoncello": "cello",
    "cl": "clarinet",
    "db": "double_bass",
    "bass": "double_bass",
    "contrabass": "double_bass",
    "upright_bass": "double_bass",
    "fl": "flute",
    "hn": "horn",
    "french_horn": "horn",
    "ob": "oboe",
    "saxophone": "sax",
    "tbn": "trombone",
    "tpt": "trumpet",
    "tba": "tuba",
    "va": "viola",
    "vn": "violin",
    "fiddle": "violin",
}


def canonical(name: str) -> str:
    """``name`` in lower case, words joined by underscores, aliases resolved."""
    plain = "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
    return ALIASES.get(plain, plain)


def label_index(name: str, labels: Sequence[str]) -> int:
    """The place of ``name`` in ``labels``; aliases such as ``vn`` or ``French horn`` count.

    Raises:
        UserError: ``name`` is none of them; the message names the nearest and all the known.
    """
    for candidate in (name, canonical(name)):
        if candidate in labels:
            return list(labels).index(candidate)
    raise UserError(
        f"unknown label {name!r}.{did_you_mean(canonical(name), labels)}"
        f" Known labels: {', '.join(labels)}."
    )
