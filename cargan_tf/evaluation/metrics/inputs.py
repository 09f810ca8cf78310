"""What a metric receives and returns; halves of a split; accuracies with chance levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from cargan_tf.evaluation.generation import GeneratedSplit
from cargan_tf.evaluation.networks.feature_network import Activations, ImageNetwork
from cargan_tf.evaluation.report import REAL, MetricInfo, MetricValue
from cargan_tf.evaluation.training_photos import PoseReader, Still
from cargan_tf.training.conditioning_metrics import rank_in_class
from cargan_tf.utils.arrays import FloatArray, IntArray

CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Ranking:
    """Of N images against the photos of their classes.

    Attributes:
        ranks: the rank of each image's own photo, 1 is the nearest, [N].
        candidates: how many photos the class has, [N].
        nearest: index in the split of the photo that is nearest, [N].
        player_match: whether it shows the player of the sound, [N]; ``None`` where the data
            names no players.
        player_chance: the fraction of the class's photos that do, [N]; likewise.
        player_ranks: the rank of each image's own photo among those of its class and player, [N];
            likewise.
        player_candidates: how many those are, [N]; likewise.
    """

    ranks: IntArray
    candidates: IntArray
    nearest: IntArray
    player_match: NDArray[np.bool_] | None
    player_chance: NDArray[np.float64] | None
    player_ranks: IntArray | None
    player_candidates: IntArray | None

    def only(self, positions: IntArray) -> Ranking:
        """Of these images, still among all photos."""
        columns = {name: column for name, column in vars(self).items() if column is not None}
        return replace(self, **{name: column[positions] for name, column in columns.items()})


def rank(images: FloatArray, generated: GeneratedSplit) -> Ranking:
    """Rank the photos of ``generated`` by mean |difference| to each of ``images`` [N, S, S, 3].

    Of photos equally near, as duplicates are, the one that stands first in the split comes first.
    """
    order = rank_in_class(images, generated.photos, generated.classes)
    ranks, candidates = _ranks_and_candidates(order)
    nearest = np.asarray([members[0] for members in order], np.int64)
    if not generated.players:
        return Ranking(ranks, candidates, nearest, None, None, None, None)
    names = np.asarray(generated.players)
    of_player = [members[names[members] == names[own]] for own, members in enumerate(order)]
    player_ranks, player_candidates = _ranks_and_candidates(of_player)
    return Ranking(
        ranks,
        candidates,
        nearest,
        player_match=names[nearest] == names,
        player_chance=player_candidates / candidates,
        player_ranks=player_ranks,
        player_candidates=player_candidates,
    )


def _ranks_and_candidates(order: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """Of each image the rank of its own photo in its list, nearest first, and the list's length."""
    ranks = [np.flatnonzero(members == own)[0] + 1 for own, members in enumerate(order)]
    return np.asarray(ranks, np.int64), np.asarray([len(members) for members in order], np.int64)


class NotMeasured(Exception):
    """This metric cannot be computed from the inputs; the message gives the reason."""


@dataclass(frozen=True, eq=False)
class NetworkActivations:
    """A network and what it sees in N images and in their N real photos."""

    network: ImageNetwork
    images: Activations
    photos: Activations

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network.info.name

    def only(self, positions: NDArray[np.int64]) -> NetworkActivations:
        """What it sees in these images and photos."""
        return NetworkActivations(
            self.network, self.images.only(positions), self.photos.only(positions)
        )


@dataclass(frozen=True, eq=False)
class MetricInputs:
    """One row of a report: N images of the sounds of a split, and all that bears on them.

    Attributes:
        row: ``refined``, ``coarse``, ``class mean`` or another still photo, ``real photos``, or a
            run's name.
        labels: names of the K classes.
        classes: of each pair, as an index into ``labels``, [N].
        images: [N, S, S, 3] in [-1, 1], as are those below.
        photos: the real ones.
        class_median: the median training photo of each pair's class; ``None`` where not known.
        ranking: where the real photos stand; ``None`` for the real photos themselves.
        other_sound: as ``images``, with other sounds of the class; ``None`` if not generated.
        other_label: as ``images``, under other labels; likewise.
        activations: networks by their role; one that is missing stands in ``missing_networks``.
        missing_networks: the reason, by role.
        pitch: MIDI key of each clip, [N]; NaN where the data does not say.
        loudness: RMS of each clip in dB, [N].
        pose_reader: gives what reads both from images; fitted at the first call.
        seed: of halves and of the order of images.
    """

    row: str
    labels: tuple[str, ...]
    classes: NDArray[np.int64]
    images: FloatArray
    photos: FloatArray
    class_median: Still | None = None
    ranking: Ranking | None = None
    other_sound: FloatArray | None = None
    other_label: FloatArray | None = None
    activations: Mapping[str, NetworkActivations] = field(default_factory=dict)
    missing_networks: Mapping[str, str] = field(default_factory=dict)
    pitch: FloatArray | None = None
    loudness: FloatArray | None = None
    pose_reader: Callable[[], PoseReader] | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def ranks(self) -> Ranking:
        """The ranking; raises ``NotMeasured`` where there is none."""
        if self.ranking is None:
            raise NotMeasured("these images were not compared with the photos")
        return self.ranking

    @property
    def is_real(self) -> bool:
        """Whether the images are the photos themselves."""
        return self.row == REAL

    def activations_of(self, role: str) -> NetworkActivations:
        """What that network sees; raises ``NotMeasured`` with the reason where there is none."""
        if role not in self.activations:
            raise NotMeasured(self.missing_networks.get(role, f"there is no {role}"))
        return self.activations[role]

    def only(self, positions: NDArray[np.int64]) -> MetricInputs:
        """These pairs alone; each keeps its rank among all photos of its class."""
        return replace(
            self,
            classes=self.classes[positions],
            images=self.images[positions],
            photos=self.photos[positions],
            class_median=None if self.class_median is None else self.class_median.only(positions),
            ranking=None if self.ranking is None else self.ranking.only(positions),
            pitch=None if self.pitch is None else self.pitch[positions],
            loudness=None if self.loudness is None else self.loudness[positions],
            other_sound=None if self.other_sound is None else self.other_sound[positions],
            other_label=None if self.other_label is None else self.other_label[positions],
            activations={
                role: activations_of.only(positions)
                for role, activations_of in self.activations.items()
            },
        )


@dataclass(frozen=True)
class Metric:
    """One column of a report.

    Attributes:
        info: what is said of it.
        measure: the value of a row; raises ``NotMeasured``.
        role: of the network that it needs; ``None`` for none.
        of_real: whether it says anything of the real photos themselves.
        of_moved: whether it needs images of other sounds and labels, which some rows lack.
        of_few: whether it says anything of a few clips, such as the silent ones.
        by_class: whether it is measured of each class as well.
    """

    info: MetricInfo
    measure: Callable[[MetricInputs], MetricValue]
    role: str | None = None
    of_real: bool = False
    of_moved: bool = False
    of_few: bool = True
    by_class: bool = True

    def applies_to(self, inputs: MetricInputs) -> bool:
        """Whether a row of this kind has such a value at all."""
        if inputs.is_real and not self.of_real:
            return False
        return inputs.other_sound is not None or not self.of_moved


def value_of(metric: Metric, inputs: MetricInputs) -> MetricValue:
    """The value of a row, with that of each class and their mean; raises ``NotMeasured``."""
    value = metric.measure(inputs)
    if not metric.by_class:
        return value
    by_class = {}
    for label, name in enumerate(inputs.labels):
        positions = np.flatnonzero(inputs.classes == label)
        if len(positions):
            # Where a class has too few images, or none that is not trivial, it has no value.
            with suppress(NotMeasured):
                by_class[name] = metric.measure(inputs.only(positions))
    if not by_class:
        return value
    average = float(np.mean([of_class.value for of_class in by_class.values()]))
    return replace(value, by_class=by_class, class_average=average)


def halves(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of two halves of ``count`` images in random order; of an odd one, one is spare."""
    order = np.random.default_rng(seed).permutation(count)
    middle = count // 2
    return order[:middle], order[middle : 2 * middle]


def fraction(
    hits: NDArray[np.bool_], chance: float | None = None, network: str | None = None
) -> MetricValue:
    """The fraction of ``hits``, with Wilson's interval (Wilson 1927).

    The interval takes the images for independent. Clips of one recording are not, so the true
    one is wider. It says nothing of the variation between networks, which is ``MetricValue.std``.

    Args:
        hits: [N], N >= 1, or [E, N] of E networks, whose mean and standard deviation are given.
        chance: of guessing.
        network: name of the network or networks.
    """
    by_network = np.atleast_2d(hits).mean(axis=1)
    images, several = hits.shape[-1], len(by_network) > 1
    test = scipy.stats.binomtest(round(float(by_network.mean()) * images), images)
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return MetricValue(
        value=float(by_network.mean()),
        images=images,
        by_network=tuple(by_network.tolist()) if several else None,
        std=float(by_network.std(ddof=1)) if several else None,
        interval=(float(interval.low), float(interval.high)),
        chance=chance,
        network=network,
    )
