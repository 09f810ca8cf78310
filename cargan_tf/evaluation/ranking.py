"""Where each real photo stands among its class's, by nearness to the generated picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.drawn import DrawnSplit, Floats
from cargan_tf.training.listening import ranked_in_class

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
