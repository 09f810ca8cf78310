"""The report of one split: metrics of each row, confusions, and each clip's own values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.generation import GeneratedSplit
from cargan_tf.evaluation.metrics.inputs import (
    Metric,
    MetricInputs,
    NetworkActivations,
    NotMeasured,
    rank,
    value_of,
)
from cargan_tf.evaluation.networks.feature_network import (
    CLASSIFIER,
    EVALUATOR,
    Activations,
    ImageNetwork,
)
from cargan_tf.evaluation.networks.registry import Networks
from cargan_tf.evaluation.report import (
    CLASS_MEDIAN,
    COARSE,
    REAL,
    REFINED,
    Confusion,
    Example,
    Row,
    SkippedMetric,
)
from cargan_tf.evaluation.training_photos import PoseReader
from cargan_tf.utils.arrays import FloatArray
from cargan_tf.utils.progress import Task

#: Subsets reported separately if there are silent or noise-like clips.
MUSIC, SILENT, NOISE_LIKE = "music", "silent", "noise-like"


#: Roles whose networks see the data's own labels.
_VERDICTS = (EVALUATOR, CLASSIFIER)


@dataclass(eq=False)
class SplitInputs:
    """Activations of each network for a generated split; those of photos are computed once."""

    generated: GeneratedSplit
    compared: Mapping[str, GeneratedSplit]
    networks: Networks
    seed: int
    pose_reader: Callable[[], PoseReader] | None = None
    photo_activations: dict[str, Activations] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """Names of the rows, in order."""
        stages = [REFINED, COARSE] if self.generated.has_two_stages else [REFINED]
        return [*stages, *self.generated.stills, REAL, *self.compared]

    def row(self, kind: str) -> MetricInputs:
        """What the metrics of that row are given."""
        generated = self.compared.get(kind, self.generated)
        moved = kind == REFINED or kind in self.compared
        images = _images(kind, generated)
        return MetricInputs(
            row=kind,
            labels=generated.labels,
            classes=generated.classes,
            images=images,
            photos=self.generated.photos,
            class_median=self.generated.stills.get(CLASS_MEDIAN),
            ranking=None if kind == REAL else rank(images, self.generated),
            other_sound=generated.other_sound if moved else None,
            other_label=generated.other_label if moved else None,
            activations={
                role: self._activations(role, network, kind, images)
                for role, network in self.networks.found.items()
            },
            missing_networks=self.networks.missing,
            pitch=self.generated.pitch,
            loudness=self.generated.loudness,
            pose_reader=self.pose_reader,
            seed=self.seed,
        )

    def _activations(
        self, role: str, network: ImageNetwork, kind: str, images: FloatArray
    ) -> NetworkActivations:
        if role not in self.photo_activations:
            self.photo_activations[role] = network(self.generated.photos)
        photos = self.photo_activations[role]
        return NetworkActivations(network, photos if kind == REAL else network(images), photos)


def measure_row(
    inputs: MetricInputs,
    metrics: Sequence[Metric],
    where: str,
    missing: list[SkippedMetric],
    by_class: bool = True,
) -> Row:
    """All values of a row; what cannot be measured is added to ``missing`` under ``where``."""
    values = {}
    for metric in metrics:
        if not metric.applies_to(inputs):
            continue
        try:
            measured = value_of(metric, inputs) if by_class else metric.measure(inputs)
            values[metric.info.name] = measured
        except NotMeasured as reason:
            what = f"{metric.info.title} of {where}"
            missing.append(SkippedMetric(what, str(reason)))
    return Row(inputs.row, values)


def group_rows(generated: GeneratedSplit) -> dict[str, NDArray[np.int64]]:
    """Indices of the clips with music, the silent and the noise-like; none if all are music."""
    music = ~(generated.silent | generated.noise_like)
    flags = {MUSIC: music, SILENT: generated.silent, NOISE_LIKE: generated.noise_like}
    if music.all():
        return {}
    return {name: np.flatnonzero(flag) for name, flag in flags.items() if flag.any()}


def measure_split(
    split: SplitInputs, metrics: Sequence[Metric], missing: list[SkippedMetric], task: Task
) -> Iterator[tuple[MetricInputs, Row, dict[str, Row]]]:
    """Row by row: the inputs, the values, and those of each subset."""
    groups = group_rows(split.generated)
    few = [metric for metric in metrics if metric.of_few]
    for kind in split.kinds:
        inputs, where = split.row(kind), f"{kind}, {split.generated.split}"
        row = measure_row(inputs, metrics, where, missing)
        subsets = {
            name: measure_row(
                inputs.only(positions), few, f"{where}, {name}", missing, by_class=False
            )
            for name, positions in groups.items()
        }
        task.advance(note=where)
        yield inputs, row, subsets


def _images(kind: str, generated: GeneratedSplit) -> FloatArray:
    if kind == COARSE:
        return generated.coarse
    if kind in generated.stills:
        return generated.stills[kind].images
    return generated.photos if kind == REAL else generated.refined


def examples_of(generated: GeneratedSplit, refined: MetricInputs) -> tuple[Example, ...]:
    """One record per pair, from the row of the refined images."""
    coarse_l1, refined_l1 = (
        _distances(images, generated.photos) for images in (generated.coarse, generated.refined)
    )
    seen = _seen(refined)
    ranking = refined.ranks
    return tuple(
        Example(
            index=index,
            key=generated.keys[index],
            recording=generated.recordings[index],
            label=generated.labels[label],
            player=generated.players[index] if generated.players else "",
            silent=bool(generated.silent[index]),
            noise_like=bool(generated.noise_like[index]),
            coarse_l1=float(coarse_l1[index]),
            refined_l1=float(refined_l1[index]),
            predictions={role: generated.labels[found[index]] for role, found in seen.items()},
            rank=int(ranking.ranks[index]),
            candidates=int(ranking.candidates[index]),
            nearest=int(ranking.nearest[index]),
        )
        for index, label in enumerate(generated.classes)
    )


def confusions_of(refined: MetricInputs) -> tuple[Confusion, ...]:
    """Confusion matrices: labels given against labels that each network recognizes."""
    return tuple(
        Confusion(role, _counts(refined.classes, found, len(refined.labels)))
        for role, found in _seen(refined).items()
    )


def _seen(refined: MetricInputs) -> dict[str, NDArray[np.int64]]:
    """The label that each network sees in each image, by its role."""
    return {
        role: refined.activations[role].images.classes
        for role in _VERDICTS
        if role in refined.activations
    }


def _counts(
    labels: NDArray[np.int64], seen: NDArray[np.int64], size: int
) -> tuple[tuple[int, ...], ...]:
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (labels, seen), 1)
    return tuple(tuple(int(count) for count in row) for row in table)


def _distances(images: FloatArray, photos: FloatArray) -> FloatArray:
    return np.abs(images - photos).mean(axis=(1, 2, 3))
