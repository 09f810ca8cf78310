"""Where each real photo stands among its class's, by nearness to the generated picture."""
# MERGED What a metric is given, and what it is.
# MERGED Two disjoint halves of a split, the same for every measure and every row.
# MERGED Shares of pictures that are right, with what chance allows.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from cargan_tf.evaluation.generation import DrawnSplit, Floats
from cargan_tf.evaluation.networks.feature_network import FeatureNetwork, Seen
from cargan_tf.evaluation.report import REAL, Figure, MetricInfo
from cargan_tf.training.conditioning_metrics import ranked_in_class

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Of N pictures against the photos of their classes.

    Attributes:
        ranks: the place of each picture's own photo, 1 is the nearest, [N].
        candidates: how many photos the class has, [N].
        nearest: index in the split of the photo that is nearest, [N].
        player_match: whether that one shows the player who is heard, [N]; ``None`` where the data
            names no players.
        player_chance: the share of the class's photos that do, [N]; likewise.
    """

    ranks: Counts
    candidates: Counts
    nearest: Counts
    player_match: NDArray[np.bool_] | None
    player_chance: NDArray[np.float64] | None

    def only(self, places: Counts) -> Ranking:
        """Of these pictures, still among all photos."""
        return Ranking(
            self.ranks[places],
            self.candidates[places],
            self.nearest[places],
            None if self.player_match is None else self.player_match[places],
            None if self.player_chance is None else self.player_chance[places],
        )


def rank(pictures: Floats, drawn: DrawnSplit) -> Ranking:
    """Rank the photos of ``drawn`` by mean |difference| to each of ``pictures`` [N, S, S, 3].

    Of photos equally near, as duplicates are, the one that stands first in the split comes first.
    """
    order = ranked_in_class(pictures, drawn.photos, drawn.classes)
    ranks = [int(np.flatnonzero(members == own)[0]) + 1 for own, members in enumerate(order)]
    nearest = np.asarray([members[0] for members in order], np.int64)
    match = chance = None
    if drawn.players:
        names = np.asarray(drawn.players)
        match = names[nearest] == names
        chance = np.asarray(
            [np.mean(names[members] == names[own]) for own, members in enumerate(order)]
        )
    candidates = np.asarray([len(members) for members in order], np.int64)
    return Ranking(np.asarray(ranks, np.int64), candidates, nearest, match, chance)


#: What networks are there for: distances between distributions, C's verdict, the judge's.
FEATURES, CLASSIFIER, JUDGE = "features", "classifier", "judge"


class NotMeasured(Exception):
    """The material does not allow this figure; the message says why, in one sentence."""


@dataclass(frozen=True, eq=False)
class Looker:
    """A network and what it sees in N pictures and in their N real photos."""

    network: FeatureNetwork
    pictures: Seen
    photos: Seen

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network.info.name

    def only(self, places: NDArray[np.int64]) -> Looker:
        """What it sees in these pictures and photos."""
        return Looker(self.network, self.pictures.only(places), self.photos.only(places))


@dataclass(frozen=True, eq=False)
class Material:
    """One row of a report: N pictures of the sounds of a split, and all that bears on them.

    Attributes:
        row: ``refined``, ``coarse``, ``class mean``, ``real photos`` or a run's name.
        labels: names of the K classes.
        classes: of each pair, as a place in ``labels``, [N].
        pictures: [N, S, S, 3] in [-1, 1], as are those below.
        photos: the real ones.
        ranking: where the real photos stand; ``None`` for the real photos themselves.
        other_sound: as ``pictures``, of other sounds of the class; ``None`` where not drawn.
        other_label: as ``pictures``, under other labels; likewise.
        lookers: networks by their role; one that is missing stands in ``why_no_looker``.
        why_no_looker: the reason, by role.
        seed: of halves and of the order of pictures.
    """

    row: str
    labels: tuple[str, ...]
    classes: NDArray[np.int64]
    pictures: Floats
    photos: Floats
    ranking: Ranking | None = None
    other_sound: Floats | None = None
    other_label: Floats | None = None
    lookers: Mapping[str, Looker] = field(default_factory=dict)
    why_no_looker: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def ranks(self) -> Ranking:
        """The ranking; raises ``NotMeasured`` where there is none."""
        if self.ranking is None:
            raise NotMeasured("these pictures were not compared with the photos")
        return self.ranking

    @property
    def is_real(self) -> bool:
        """Whether the pictures are the photos themselves."""
        return self.row == REAL

    def looker(self, role: str) -> Looker:
        """What that network sees; raises ``NotMeasured`` with the reason where there is none."""
        if role not in self.lookers:
            raise NotMeasured(self.why_no_looker.get(role, f"there is no {role}"))
        return self.lookers[role]

    def only(self, places: NDArray[np.int64]) -> Material:
        """These pairs alone; each keeps its rank among all photos of its class."""
        return replace(
            self,
            classes=self.classes[places],
            pictures=self.pictures[places],
            photos=self.photos[places],
            ranking=None if self.ranking is None else self.ranking.only(places),
            other_sound=None if self.other_sound is None else self.other_sound[places],
            other_label=None if self.other_label is None else self.other_label[places],
            lookers={role: looker.only(places) for role, looker in self.lookers.items()},
        )


@dataclass(frozen=True)
class Metric:
    """One column of a report.

    Attributes:
        info: what is said of it.
        measure: the figure of a row; raises ``NotMeasured``.
        role: of the network that it needs; ``None`` for none.
        of_real: whether it says anything of the real photos themselves.
        of_moved: whether it needs pictures of other sounds and labels, which some rows lack.
        of_few: whether it says anything of a few clips, such as the silent ones.
    """

    info: MetricInfo
    measure: Callable[[Material], Figure]
    role: str | None = None
    of_real: bool = False
    of_moved: bool = False
    of_few: bool = True

    def applies_to(self, material: Material) -> bool:
        """Whether a row of this kind has such a figure at all."""
        if material.is_real and not self.of_real:
            return False
        return material.other_sound is not None or not self.of_moved


def halves(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of two halves of ``count`` pictures in random order; of an odd one, one is spare."""
    order = np.random.default_rng(seed).permutation(count)
    middle = count // 2
    return order[:middle], order[middle : 2 * middle]


CONFIDENCE = 0.95


def share(
    hits: NDArray[np.bool_], chance: float | None = None, network: str | None = None
) -> Figure:
    """The share of ``hits`` [N], N >= 1, with Wilson's interval (Wilson 1927).

    The interval takes the pictures for independent. Clips of one recording are not, so the true
    one is wider.
    """
    test = scipy.stats.binomtest(int(hits.sum()), len(hits))
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return Figure(
        value=float(np.mean(hits)),
        pictures=len(hits),
        interval=(float(interval.low), float(interval.high)),
        chance=chance,
        network=network,
    )
