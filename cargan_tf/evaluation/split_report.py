"""The rows of one split's report: what is shown to each metric, and what comes out."""
# MERGED What is known of each single picture, so that the best and the worst can be shown.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.generation import DrawnSplit, Floats
from cargan_tf.evaluation.metrics.inputs import (
    CLASSIFIER,
    JUDGE,
    Looker,
    Material,
    Metric,
    NotMeasured,
    rank,
)
from cargan_tf.evaluation.networks.feature_network import FeatureNetwork, Seen
from cargan_tf.evaluation.networks.registry import Networks
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    COARSE,
    REAL,
    REFINED,
    Confusion,
    Example,
    Row,
    Unmeasured,
)
from cargan_tf.utils.progress import Task

#: Clips that are shown apart where there are silent or noise-like ones.
MUSIC, SILENT, NOISE_LIKE = "music", "silent", "noise-like"


@dataclass(eq=False)
class SplitMaterial:
    """A drawn split as the networks see it; photos are looked at once for all rows."""

    drawn: DrawnSplit
    beside: Mapping[str, DrawnSplit]
    networks: Networks
    seed: int
    photos_seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """Names of the rows, in order."""
        stages = [REFINED, COARSE] if self.drawn.has_two_stages else [REFINED]
        return [*stages, CLASS_MEAN, REAL, *self.beside]

    def row(self, kind: str) -> Material:
        """What the metrics of that row are given."""
        drawn = self.beside.get(kind, self.drawn)
        moved = kind == REFINED or kind in self.beside
        pictures = _pictures(kind, drawn)
        return Material(
            row=kind,
            labels=drawn.labels,
            classes=drawn.classes,
            pictures=pictures,
            photos=self.drawn.photos,
            ranking=None if kind == REAL else rank(pictures, self.drawn),
            other_sound=drawn.other_sound if moved else None,
            other_label=drawn.other_label if moved else None,
            lookers={
                role: self._looker(role, network, kind, pictures)
                for role, network in self.networks.found.items()
            },
            why_no_looker=self.networks.missing,
            seed=self.seed,
        )

    def _looker(self, role: str, network: FeatureNetwork, kind: str, pictures: Floats) -> Looker:
        if role not in self.photos_seen:
            self.photos_seen[role] = network(self.drawn.photos)
        photos = self.photos_seen[role]
        return Looker(network, photos if kind == REAL else network(pictures), photos)


def measure_row(
    material: Material, metrics: Sequence[Metric], where: str, missing: list[Unmeasured]
) -> Row:
    """All figures of a row; what cannot be measured is added to ``missing`` under ``where``."""
    figures = {}
    for metric in metrics:
        if not metric.applies_to(material):
            continue
        try:
            figures[metric.info.name] = metric.measure(material)
        except NotMeasured as reason:
            what = f"{metric.info.title} of {where}"
            missing.append(Unmeasured(what, str(reason)))
    return Row(material.row, figures)


def groups_apart(drawn: DrawnSplit) -> dict[str, NDArray[np.int64]]:
    """Places of the clips with music, the silent and the noise-like; none if all are music."""
    music = ~(drawn.silent | drawn.noise_like)
    flags = {MUSIC: music, SILENT: drawn.silent, NOISE_LIKE: drawn.noise_like}
    if music.all():
        return {}
    return {name: np.flatnonzero(flag) for name, flag in flags.items() if flag.any()}


def measure_split(
    split: SplitMaterial, metrics: Sequence[Metric], missing: list[Unmeasured], task: Task
) -> Iterator[tuple[Material, Row, dict[str, Row]]]:
    """Row by row: the material, its figures, and those of each group apart."""
    groups = groups_apart(split.drawn)
    few = [metric for metric in metrics if metric.of_few]
    for kind in split.kinds:
        material, where = split.row(kind), f"{kind}, {split.drawn.split}"
        row = measure_row(material, metrics, where, missing)
        apart = {
            name: measure_row(material.only(places), few, f"{where}, {name}", missing)
            for name, places in groups.items()
        }
        task.advance(note=where)
        yield material, row, apart


def _pictures(kind: str, drawn: DrawnSplit) -> Floats:
    if kind == COARSE:
        return drawn.coarse
    if kind == CLASS_MEAN:
        return drawn.class_means[drawn.classes]
    return drawn.photos if kind == REAL else drawn.refined


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
