"""Which clips a page shows: by rules that are stated, so that nothing is picked to please."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cargan_tf.evaluation.report import Example
from cargan_tf.training.grids import two_sounds_a_label

#: Best and worst cases, silent clips and so on that are shown of each kind.
SHOWN = 6


def two_a_label(
    examples: Sequence[Example], labels: Sequence[str], seed: int
) -> dict[str, list[Example]]:
    """For each label two clips of music, by two players where the data names them."""
    music = _music(examples)
    if not music:
        return {}
    classes = np.asarray([labels.index(example.label) for example in music])
    recordings = [example.recording for example in music]
    players = [example.player or example.recording for example in music]
    pairs = two_sounds_a_label(classes, recordings, players, seed)
    return {
        music[first].label: [music[index] for index in dict.fromkeys((first, second))]
        for first, second in pairs
    }


def best(examples: Sequence[Example]) -> list[Example]:
    """The clips of music whose refined picture is nearest to the photo, at most one a label."""
    return _first_of_each_label(sorted(_music(examples), key=lambda one: one.refined_l1))


def worst(examples: Sequence[Example]) -> list[Example]:
    """Those that are farthest from it, at most one a label."""
    return _first_of_each_label(sorted(_music(examples), key=lambda one: -one.refined_l1))


def misjudged(examples: Sequence[Example], judge: str) -> list[Example]:
    """Clips of music in whose refined picture the network sees another label, farthest first."""
    wrong = [one for one in _music(examples) if one.predictions.get(judge, one.label) != one.label]
    return sorted(wrong, key=lambda one: -one.refined_l1)[:SHOWN]


def _music(examples: Sequence[Example]) -> list[Example]:
    return [one for one in examples if not (one.silent or one.noise_like)]


def _first_of_each_label(examples: Iterable[Example]) -> list[Example]:
    by_label: dict[str, Example] = {}
    for example in examples:
        by_label.setdefault(example.label, example)
    return list(by_label.values())[:SHOWN]
