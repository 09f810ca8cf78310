"""Instrument labels in one-hot order, their aliases, and label weights."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError, nearest, question

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

#: The name of sounds of none of the labels: a folder of a source, a result of recognition.
NONE: Final = "none"

#: Aliases of the classes above: URMP's codes and other abbreviations, English, Italian, German,
#: French and Spanish names; folded (see ``fold``). Plurals in -s need no entry.
_NAMES: dict[str, str] = {
    "bassoon": "bn bsn bassn fagotto fagott fagot basson",
    "cello": "vc vlc vcl violoncello violoncelle violonchelo violoncelo chelo celli",
    "clarinet": "cl clar clarinetto klarinette clarinette clarinete",
    "double_bass": "db cb kb bass contrabass upright_bass string_bass contrabbasso kontrabass"
    " contrebasse contrabajo",
    "flute": "fl transverse_flute flauto flote floete querflote querfloete flauta",
    "horn": "hn hrn french_horn corno waldhorn cor trompa corni",
    "oboe": "ob hautbois oboen oboi",
    "sax": "saxophone saxofon saxofono sassofono alto_sax tenor_sax soprano_sax baritone_sax"
    " alto_saxophone tenor_saxophone soprano_saxophone baritone_saxophone",
    "trombone": "tbn trb posaune trombon posaunen",
    "trumpet": "tpt trp tr tromba trompete trompette trompeta",
    "tuba": "tba basstuba bass_tuba",
    "viola": "va vla bratsche",
    "violin": "vn vln vl fiddle violino violine violon geige violini",
}
ALIASES: dict[str, str] = {
    alias: label for label, aliases in _NAMES.items() for alias in aliases.split()
}

#: Aliases that may stand beside their class as a label of its own: its kinds, and the bass guitar.
_KINDS = frozenset(
    alias for alias in ALIASES if alias.endswith(("_sax", "_saxophone", "basstuba", "bass_tuba"))
) | {"bass"}

#: The Unicode block of accents. Marks of other scripts make other letters.
_ACCENTS: Final = ("\u0300", "\u036f")

#: Aliases shorter than this are like too many words to be proposed for a misspelt one.
_MIN_SUGGESTED_LENGTH = 4

#: As many as ImageNet has classes; an instrument's name fills a line at most.
MAX_LABELS: Final = 1_000
_MAX_LABEL_LETTERS: Final = 80
#: Characters of a spelling of a label: its accents may stand apart. Unicode sorts the accents of
#: one letter in a time that grows with the square of their number.
MAX_SPELLING: Final = 200


def check_labels(labels: object, source: str) -> tuple[str, ...]:
    """``labels`` of a data set or model, if they are distinct names.

    They become names of files and lines of terminals and pages, so they hold neither ``/`` nor
    control characters.

    Args:
        labels: a list or tuple.
        source: names the file in messages.

    Raises:
        UserError: they are something else.
    """
    if not isinstance(labels, (list, tuple)) or not 1 <= len(labels) <= MAX_LABELS:
        received = len(labels) if isinstance(labels, (list, tuple)) else "something else"
        raise UserError(f"{source} has {received} labels; expected a list of 1 to {MAX_LABELS:,}.")
    for label in labels:
        if not _is_name(label):
            raise UserError(
                f"{source} has the label {str(label)[:_MAX_LABEL_LETTERS]!r}; expected names of at"
                f" most {_MAX_LABEL_LETTERS} printable characters, without '/' and '\\'."
            )
    if len(set(labels)) < len(labels):
        raise UserError(f"{source} has a label twice.")
    return tuple(labels)


def _is_name(label: object) -> bool:
    return (
        isinstance(label, str)
        and 1 <= len(label) <= _MAX_LABEL_LETTERS
        and label.isprintable()
        and not set(label) & set("/\\")
        and label not in (".", "..")
    )


def fold(name: str) -> str:
    """``name`` in lower case, without accents, words joined by underscores.

    A text too long for a label is given back as it is: it is compared and kept nowhere.
    """
    return _folded(name) if len(name) <= MAX_SPELLING else name


@lru_cache(maxsize=1024)  # the sounds of a folder have few different labels
def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(letter for letter in plain if not _ACCENTS[0] <= letter <= _ACCENTS[1])
    composed = unicodedata.normalize("NFKC", letters)
    return "_".join(composed.replace("-", " ").replace("_", " ").split())


def canonical_label(name: str) -> str:
    """``name`` folded, with aliases and plurals resolved to a class of Sub-URMP."""
    plain = fold(name)
    for candidate in _singulars(plain):
        label = ALIASES.get(candidate, candidate)
        if label in SUB_URMP_LABELS:
            return label
    return plain


def label_index(name: str, labels: Sequence[str]) -> int:
    """The index of ``name`` in ``labels``.

    Case, accents and plural endings are ignored, and the instruments of Sub-URMP go by any common
    name: ``vn``, ``French horn``, ``Flöte``.

    Raises:
        UserError: unknown name; the message lists the closest and all known labels.
    """
    if len(name) > MAX_SPELLING:
        raise UserError(
            f"unknown label {name[:_MAX_LABEL_LETTERS] + '…'!r} of {len(name):,} characters. Known"
            f" labels: {', '.join(labels)}."
        )
    for known in (
        list(labels),
        [fold(label) for label in labels],
        list(map(canonical_label, labels)),
    ):
        for candidate in (name, *_singulars(fold(name)), canonical_label(name)):
            if candidate in known:
                return known.index(candidate)
    meant = {
        alias: label for alias, label in ALIASES.items() if len(alias) >= _MIN_SUGGESTED_LENGTH
    }
    meant = {word: label for word, label in meant.items() if label in labels}
    meant |= {fold(label): label for label in labels}
    close = dict.fromkeys(meant[word] for word in nearest(fold(name), meant))
    raise UserError(f"unknown label {name!r}.{question(close)} Known labels: {', '.join(labels)}.")


def merged_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """One name for each label, the same for those that mean the same, as ``--label`` takes them.

    ``violin``, ``Violin`` and ``violins`` are one label, and so are ``Geige`` and ``vn``. Kinds of
    an instrument (``alto sax``, ``tenor sax``) stay apart.

    Args:
        counts: how often each label occurs, as it is written.

    Returns:
        By written label: the class of Sub-URMP or the most frequent spelling where there are
        several, else the label itself in Unicode's composed form.
    """
    written: dict[str, list[str]] = {}
    folded = {fold(label) for label in counts}
    for label in counts:
        written.setdefault(_meaning(label, folded), []).append(label)
    names: dict[str, str] = {}
    for meaning, labels in written.items():
        composed: dict[str, int] = {}
        for label in labels:
            name = unicodedata.normalize("NFC", label) if len(label) <= MAX_SPELLING else label
            composed[name] = composed.get(name, 0) + counts[label]
        best = min(composed, key=lambda name: (-composed[name], name != name.casefold(), name))
        if len(composed) > 1 and meaning in SUB_URMP_LABELS:
            best = meaning
        names |= dict.fromkeys(labels, best)
    return names


def _meaning(label: str, folded: set[str]) -> str:
    """What labels of one meaning have in common; ``folded`` are all labels, folded."""
    plain = fold(label)
    for candidate in _singulars(plain):
        if candidate in _KINDS:
            return candidate.replace("saxophone", "sax").replace("basstuba", "bass_tuba")
        known = ALIASES.get(candidate, candidate)
        if known in SUB_URMP_LABELS:
            return known
    # A word that ends in s is a plural only where its singular is there, too.
    return next((word for word in list(_singulars(plain))[1:] if word in folded), plain)


def label_weights(label: str | Mapping[str, float], labels: Sequence[str]) -> NDArray[np.float32]:
    """The label input of the networks.

    Args:
        label: one name, or names with weights, which are scaled to sum to 1.
        labels: in the networks' order.

    Returns:
        [K], one-hot for one name.

    Raises:
        UserError: an unknown name, or weights that are negative, not finite or all 0.
    """
    weight_of = {label: 1.0} if isinstance(label, str) else dict(label)
    weights = np.zeros(len(labels), np.float64)
    for name, weight in weight_of.items():
        if not (np.isfinite(weight) and weight >= 0):
            raise UserError(f"label {name!r} has the weight {weight}: expected 0 or more.")
        weights[label_index(name, labels)] += weight
    total = weights.sum()
    if not (np.isfinite(total) and total > 0):
        raise UserError("no label has a weight above 0: give at least one, such as violin=1.")
    return (weights / total).astype(np.float32)


def weights_by_label(weights: NDArray[np.float32], labels: Sequence[str]) -> dict[str, float]:
    """The nonzero entries of ``label_weights``' result, by name."""
    pairs = zip(labels, weights.tolist(), strict=True)
    return {label: weight for label, weight in pairs if weight}


def parse_label_mix(text: str) -> dict[str, float]:
    """``violin=0.5,cello=0.5`` as names and weights.

    Raises:
        UserError: malformed, or a name is given twice.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, weight = (word.strip() for word in part.partition("="))
        try:
            value = float(weight)
        except ValueError:
            value = float("nan")
        if not name or not equals or not np.isfinite(value) or name in weights:
            raise UserError(
                f"invalid label mix {text!r}: expected each label once with its weight, such as"
                " violin=0.5,cello=0.5."
            )
        weights[name] = value
    return weights


def _singulars(plain: str) -> Iterator[str]:
    """The word itself and its possible singulars."""
    yield plain
    for ending in ("s", "es"):
        if plain.endswith(ending):
            yield plain.removesuffix(ending)


def players_from_json(
    values: Mapping[str, object], labels: Sequence[str], source: str
) -> dict[str, tuple[str, ...]]:
    """Names of the players by label, as they were written.

    Raises:
        UserError: they are not distinct names, or of a label that is none of ``labels``; ``source``
            names the file.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{source} has no players by label, but {type(values).__name__}.")
    unknown = [label for label in values if label not in labels]
    if unknown:
        raise UserError(
            f"{source} names players of {unknown[0][:_MAX_LABEL_LETTERS]!r}, which is none of its"
            " labels."
        )
    return {label: check_labels(names, source) for label, names in values.items()}
