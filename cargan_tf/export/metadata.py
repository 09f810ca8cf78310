"""Metadata of an exported model: configuration, labels, band statistics, provenance.

Needs no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.errors import UserError
from cargan_tf.labels import check_labels, players_from_json

#: Type of the networks' large kernels on disk; everything else is float32.
Storage: TypeAlias = Literal["float32", "float16"]

#: Beside saved_model.pb.
METADATA_FILE = "model.json"

#: The shipped model's has 13 KB.
MAX_BYTES = 2**22

#: Raised when older versions cannot read newer files, or newer ones older files.
FORMAT = 2

#: Keys of ``ModelMetadata.to_json`` that a server of any version of this format can be asked for;
#: of models with a player input also ``players``.
PARTS = (
    "format",
    *("labels", "step", "data_hash", "metrics", "recognition_accuracy"),
    "recognition_temperature",
    *("weights", "config", "statistics"),
)


@dataclass(frozen=True)
class ModelMetadata:
    """Everything needed to use a model, and where it is from."""

    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    step: int  # of training
    data_hash: str
    #: Metrics of the refined images by split and name, if the run was evaluated.
    metrics: Mapping[str, Mapping[str, float]] | None = None
    #: The sound classifier's accuracy on held-out sounds, if the model has one.
    recognition_accuracy: float | None = None
    #: Divides the sound classifier's logits, so that its confidence agrees with its accuracy.
    recognition_temperature: float | None = None
    #: Names of the players by label, if the model has a player input; the first is the default.
    players: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weights: Storage = "float32"
    #: Of the weights, as an SPDX identifier, if its owner named one.
    license: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "format": FORMAT,
            "labels": list(self.labels),
            "step": self.step,
            "data_hash": self.data_hash,
            "metrics": self.metrics,
            "recognition_accuracy": self.recognition_accuracy,
            "recognition_temperature": self.recognition_temperature,
            "players": self.players,
            "weights": self.weights,
            "license": self.license,
            "config": self.config.model_dump(mode="json"),
            "statistics": self.statistics.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], source: str) -> ModelMetadata:
        """The inverse; ``source`` names the file in messages.

        Raises:
            UserError: another format, or an invalid configuration.
            KeyError, TypeError: a part is missing, or ``format`` is no number.
        """
        found = values.get("format", 1)
        if not isinstance(found, int):
            raise TypeError(f"format is {found!r}")
        if found != FORMAT:
            raise UserError(
                f"{source} has format {found}, this version of cargan_tf reads {FORMAT}: export the"
                " run again with this version, or use the version that exported it."
            )
        config = config_from_json(values["config"], source)
        statistics = BandStatistics.from_json(values["statistics"])
        if len(statistics.mean) != config.audio.n_mels:
            raise UserError(
                f"{source} has statistics of {len(statistics.mean)} mel bands; expected"
                f" {config.audio.n_mels}: export the run again."
            )
        if not isinstance(values["step"], int) or values["step"] < 0:
            raise TypeError(f"step is {values['step']!r}")
        labels = check_labels(values["labels"], source)
        players = players_from_json(values.get("players", {}), labels, source)
        if bool(players) != bool(config.model.players):
            raise UserError(
                f"{source} names {'some' if players else 'no'} players, and model.players is"
                f" {config.model.players}: export the run again."
            )
        return cls(
            config=config,
            labels=labels,
            statistics=statistics,
            step=values["step"],
            data_hash=values["data_hash"],
            metrics=values.get("metrics"),
            recognition_accuracy=values.get("recognition_accuracy"),
            recognition_temperature=values.get("recognition_temperature"),
            players=players,
            weights=values.get("weights", "float32"),
            license=values.get("license"),
        )


def read_metadata(version: Path) -> ModelMetadata:
    """The metadata of an exported version.

    Raises:
        UserError: it is missing, damaged, or of another format.
    """
    file = version / METADATA_FILE
    with _whole(file):
        return ModelMetadata.from_json(_read_json(file), str(file))


def file_hashes(version: Path) -> dict[str, str]:
    """The SHA-256 of each other file of an exported version, by its path in the folder.

    Raises:
        UserError: the metadata is missing or damaged.
    """
    file = version / METADATA_FILE
    with _whole(file):
        return dict(_read_json(file).get("hashes", {}))


def _read_json(file: Path) -> Any:
    with file.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UserError(f"{file} is larger than {MAX_BYTES >> 20} MB: export the run again.")
    return json.loads(content.decode("utf-8"))


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    """Raise ``UserError`` for what a damaged file causes within the block."""
    try:
        yield
    except (OSError, RecursionError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is missing or damaged: export the run again.") from error
