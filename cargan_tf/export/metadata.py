"""Metadata of an exported model: configuration, labels, band statistics, provenance.

Needs no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.errors import UserError

#: Type of the networks' large kernels on disk; everything else is float32.
Storage: TypeAlias = Literal["float32", "float16"]

#: Beside saved_model.pb.
METADATA_FILE = "model.json"

#: Raised when older versions cannot read newer files, or newer ones older files.
FORMAT = 2

#: Keys of ``ModelMetadata.to_json`` that a server of any version of this format can be asked for.
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
        return cls(
            config=config_from_json(values["config"], source),
            labels=tuple(values["labels"]),
            statistics=BandStatistics.from_json(values["statistics"]),
            step=values["step"],
            data_hash=values["data_hash"],
            metrics=values.get("metrics"),
            recognition_accuracy=values.get("recognition_accuracy"),
            recognition_temperature=values.get("recognition_temperature"),
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
        return ModelMetadata.from_json(json.loads(file.read_text("utf-8")), str(file))


def file_hashes(version: Path) -> dict[str, str]:
    """The SHA-256 of each other file of an exported version, by its path in the folder.

    Raises:
        UserError: the metadata is missing or damaged.
    """
    file = version / METADATA_FILE
    with _whole(file):
        return dict(json.loads(file.read_text("utf-8")).get("hashes", {}))


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    """Raise ``UserError`` for what a damaged file causes within the block."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is missing or damaged: export the run again.") from error
