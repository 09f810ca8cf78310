"""What a sample data set is made from: checked, compared, written beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cargan_tf.data.sample import soundfont as sampler
from cargan_tf.data.sample.instruments import INSTRUMENTS
from cargan_tf.data.sample.signature import PLAYERS
from cargan_tf.errors import UserError
from cargan_tf.files import file_hash
from cargan_tf.labels import label_index

#: Raised whenever the same parameters give other files, so that old sets are not taken for new.
VERSION = 1

MANIFEST = "manifest.csv"
PARAMETERS = "sample.json"

#: Every player records for all three splits.
MIN_RECORDINGS = 3 * PLAYERS
#: One in so many recordings is for validation, and as many for the test.
HELD_OUT_SHARE = 4


@dataclass(frozen=True)
class Parameters:
    """All that the files depend on.

    Raises:
        UserError: when made, if a number is out of bounds, a label unknown or given twice, or the
            SoundFont cannot be played.
    """

    recordings: int
    clips_per_recording: int
    seed: int
    soundfont: Path | None
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if self.recordings < MIN_RECORDINGS:
            raise UserError(
                f"recordings is {self.recordings}; at least {MIN_RECORDINGS} are needed, so that"
                f" each of the {PLAYERS} players is in train, validation and test"
            )
        if self.clips_per_recording < 1:
            raise UserError(
                f"clips_per_recording is {self.clips_per_recording}; at least 1 is needed"
            )
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}; it must be 0 or greater")
        self._check_labels()
        if self.soundfont is not None:
            sampler.require(self.soundfont)

    def _check_labels(self) -> None:
        known = tuple(INSTRUMENTS)
        if not self.labels:
            raise UserError(f"no labels were given; known are {', '.join(known)}")
        chosen = tuple(known[label_index(label, known)] for label in self.labels)
        if len(set(chosen)) < len(chosen):
            raise UserError(f"a label is given twice in {', '.join(self.labels)}")
        object.__setattr__(self, "labels", chosen)  # aliases resolved; the dataclass is frozen

    @property
    def splits(self) -> list[str]:
        """The split of each recording: training first, then validation, then test."""
        held_out = max(PLAYERS, self.recordings // HELD_OUT_SHARE)
        training = self.recordings - 2 * held_out
        return ["train"] * training + ["validation"] * held_out + ["test"] * held_out

    def as_json(self) -> dict[str, Any]:
        """What ``sample.json`` holds; equal for equal data sets."""
        font = None
        if self.soundfont is not None:
            font = {"name": self.soundfont.name, "sha256": file_hash(self.soundfont)}
        return {
            "format": "cargan_tf sample data",
            "version": VERSION,
            "recordings": self.recordings,
            "clips_per_recording": self.clips_per_recording,
            "seed": self.seed,
            "soundfont": font,
            "labels": list(self.labels),
        }


def is_complete(out: Path, parameters: Parameters) -> bool:
    """Whether ``out`` already holds the set of ``parameters``; False if it is empty or missing.

    Raises:
        UserError: ``out`` holds something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        found = json.loads((out / PARAMETERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found is None or not (out / MANIFEST).is_file():
        raise UserError(f"{out} exists and is no sample data set; choose another folder")
    if found != parameters.as_json():
        raise UserError(
            f"{out} holds a sample data set made with other parameters (see {out / PARAMETERS});"
            " choose another folder or remove that one"
        )
    return True
