"""What is known of each single picture, so that the best and the worst can be shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.drawn import DrawnSplit, Floats
from cargan_tf.evaluation.metrics.material import CLASSIFIER, JUDGE, Material
from cargan_tf.evaluation.report import Confusion, Example

#: Roles whose networks see the data's own labels.
_VERDICTS = (JUDGE, CLASSIFIER)


def examples_of(drawn: DrawnSplit, refined: Material) -> tuple[Example, ...]:
    """A record a pair, from the row of the refined pictures."""
    coarse_l1, refined_l1 = (
        _distances(pictures, drawn.photos) for pictures in (drawn.coarse, drawn.refined)
    )
    seen = _seen(refined)
    ranking = refined.ranks
    return tuple(
        Example(
            index=index,
            key=drawn.keys[index],
            recording=drawn.recordings[index],
            label=drawn.labels[label],
            player=drawn.players[index] if drawn.players else "",
            silent=bool(drawn.silent[index]),
            noise_like=bool(drawn.noise_like[index]),
            coarse_l1=float(coarse_l1[index]),
            refined_l1=float(refined_l1[index]),
            predictions={role: drawn.labels[found[index]] for role, found in seen.items()},
            rank=int(ranking.ranks[index]),
            candidates=int(ranking.candidates[index]),
            nearest=int(ranking.nearest[index]),
        )
        for index, label in enumerate(drawn.classes)
    )


def confusions_of(refined: Material) -> tuple[Confusion, ...]:
    """What was drawn against what each network sees."""
    return tuple(
        Confusion(role, _counts(refined.classes, found, len(refined.labels)))
        for role, found in _seen(refined).items()
    )


def _seen(refined: Material) -> dict[str, NDArray[np.int64]]:
    """The label that each network sees in each picture, by its role."""
    return {
        role: refined.lookers[role].pictures.classes
        for role in _VERDICTS
        if role in refined.lookers
    }


def _counts(
    labels: NDArray[np.int64], seen: NDArray[np.int64], size: int
) -> tuple[tuple[int, ...], ...]:
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (labels, seen), 1)
    return tuple(tuple(int(count) for count in row) for row in table)


def _distances(pictures: Floats, photos: Floats) -> NDArray[np.float32]:
    return np.abs(pictures - photos).mean(axis=(1, 2, 3))
