"""A split drawn by a run: the pictures that every measure and every page looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DrawnSplit:
    """Pairs of a split and what a run's newest checkpoint draws from their sounds.

    Attributes:
        split: ``train``, ``validation`` or ``test``.
        labels: names of the K classes, in the order of the one-hot labels.
        keys: id of each pair, such as ``violin/violin01/500``, [N].
        recordings: the recording each pair is from, [N].
        players: who is heard and seen in each pair, [N]; empty where the data names none.
        silent: clips below ``audio.silence_rms_db``, [N].
        noise_like: other clips above ``audio.noise_flatness``, [N].
        spectrograms: what the networks see of the sound, [N, S, S, C] in [-1, 1].
        label: one-hot, [N, K].
        photos: the real pictures, [N, S, S, 3] in [-1, 1], as are all pictures here.
        coarse: I', [N, S, S, 3].
        refined: I'', [N, S, S, 3]; equals ``coarse`` where the run has one stage.
        other_sound: refined pictures of other sounds of the same class, under the same labels.
        other_label: refined pictures of the same sounds under other labels.
        class_means: the mean training photo of each class, [K, S, S, 3].
    """

    split: str
    labels: tuple[str, ...]
    keys: tuple[str, ...]
    recordings: tuple[str, ...]
    players: tuple[str, ...]
    silent: Flags
    noise_like: Flags
    spectrograms: Floats
    label: Floats
    photos: Floats
    coarse: Floats
    refined: Floats
    other_sound: Floats
    other_label: Floats
    class_means: Floats

    @cached_property
    def has_two_stages(self) -> bool:
        """Whether coarse and refined pictures differ."""
        return not np.array_equal(self.coarse, self.refined)

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class of each pair as a place in ``labels``, [N]."""
        return np.argmax(self.label, axis=1)
