"""Metadata of an exported model: configuration, labels, band statistics, provenance.

Needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.errors import UserError, is_line
from cargan_tf.labels import check_labels, players_from_json
from cargan_tf.utils.files import read_json

#: Type of the networks' large kernels on disk; everything else is float32.
Storage: TypeAlias = Literal["float32", "float16"]

#: Beside saved_model.pb.
METADATA_FILE = "model.json"

#: The shipped model's has 13 KB.
MAX_BYTES = 2**22

#: Characters of a text that is printed: a license, a hash, the name of a metric.
_MAX_TEXT = 200
#: A training of a thousand steps a second for a million years.
_MAX_STEP = 2**55
#: Splits with metrics, and metrics of a split; a report has three and some twenty.
_MAX_METRICS = 100
#: Characters of an invalid value in a message.
_MAX_SHOWN = 80

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
        labels = check_labels(values["labels"], source)
        players = players_from_json(values.get("players", {}), labels, source)
        if bool(players) != bool(config.model.players):
            raise UserError(
                f"{source} names {'some' if players else 'no'} players, and model.players is"
                f" {config.model.players}: export the run again."
            )
        if max(map(len, players.values()), default=0) > config.model.players:
            raise UserError(
                f"{source} names more players of a label than model.players ="
                f" {config.model.players}: export the run again."
            )
        for name, is_valid in _VALID.items():
            if name in values and not is_valid(values[name]):
                raise UserError(
                    f"{source} has {name} = {str(values[name])[:_MAX_SHOWN]!r}; expected"
                    f" {_EXPECTED[name]}: export the run again."
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
    with damage_as_user_error(file):
        return ModelMetadata.from_json(read_json(file, MAX_BYTES), str(file))


def file_hashes(version: Path) -> dict[str, str]:
    """The SHA-256 of each other file of an exported version, by its path in the folder.

    Raises:
        UserError: the metadata is missing or damaged.
    """
    file = version / METADATA_FILE
    with damage_as_user_error(file):
        return dict(read_json(file, MAX_BYTES).get("hashes", {}))


def _is_number(value: object) -> bool:
    """Whether it is a finite number that a float can hold, and no ``true``."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def _are_metrics(value: object) -> bool:
    return value is None or (
        isinstance(value, Mapping)
        and len(value) <= _MAX_METRICS
        and all(
            isinstance(split, Mapping) and len(split) <= _MAX_METRICS for split in value.values()
        )
        and all(is_line(name, _MAX_TEXT) for split in (value, *value.values()) for name in split)
        and all(_is_number(figure) for split in value.values() for figure in split.values())
    )


#: Whether a value of the JSON is one that this project writes, and which those are.
_VALID: dict[str, Callable[[Any], bool]] = {
    "step": lambda value: type(value) is int and 0 <= value <= _MAX_STEP,
    "data_hash": lambda value: is_line(value, _MAX_TEXT),
    "license": lambda value: value is None or is_line(value, _MAX_TEXT),
    "weights": lambda value: value in get_args(Storage),
    "recognition_accuracy": lambda value: value is None or (_is_number(value) and 0 <= value <= 1),
    "recognition_temperature": lambda value: (
        value is None or (_is_number(value) and 1e-6 <= value <= 1e6)
    ),
    "metrics": _are_metrics,
}
_EXPECTED = {
    "step": f"a whole number from 0 to {_MAX_STEP}",
    "data_hash": "one line of text",
    "license": "one line of text",
    "weights": " or ".join(get_args(Storage)),
    "recognition_accuracy": "a number from 0 to 1",
    "recognition_temperature": "a number above 0",
    "metrics": "numbers by split and name",
}


@contextmanager
def damage_as_user_error(file: Path) -> Iterator[None]:
    """Raise ``UserError`` for what a damaged file causes within the block."""
    try:
        yield
    except (OSError, RecursionError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is missing or damaged: export the run again.") from error
