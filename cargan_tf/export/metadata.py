"""What a model must be told about: enough to feed it, and where it is from. Without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.errors import UserError

#: How the networks' large kernels are stored; all else is float32.
Storage: TypeAlias = Literal["float32", "float16"]

#: Beside saved_model.pb.
METADATA_FILE = "model.json"

#: Keys of ``ModelMetadata.to_json``: what a server can be asked for.
PARTS = (
    *("labels", "step", "data_hash", "metrics", "recognition_accuracy"),
    *("weights", "config", "statistics"),
)


@dataclass(frozen=True)
class ModelMetadata:
    """The description that travels with a model."""

    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    step: int  # of training
    data_hash: str
    #: Figures of the refined images by split and metric, where the run was evaluated.
    metrics: Mapping[str, Mapping[str, float]] | None = None
    #: Of the sound classifier on held-out sounds, where the model has one.
    recognition_accuracy: float | None = None
    weights: Storage = "float32"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "labels": list(self.labels),
            "step": self.step,
            "data_hash": self.data_hash,
            "metrics": self.metrics,
            "recognition_accuracy": self.recognition_accuracy,
            "weights": self.weights,
            "config": self.config.model_dump(mode="json"),
            "statistics": self.statistics.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], origin: str) -> ModelMetadata:
        """The inverse; ``origin`` names the file in messages.

        Raises:
            UserError: the configuration does not fit this version.
            KeyError: a part is missing.
        """
        return cls(
            config=config_from_json(values["config"], origin),
            labels=tuple(values["labels"]),
            statistics=BandStatistics.from_json(values["statistics"]),
            step=values["step"],
            data_hash=values["data_hash"],
            metrics=values.get("metrics"),
            recognition_accuracy=values.get("recognition_accuracy"),
            weights=values.get("weights", "float32"),
        )


def read_metadata(version: Path) -> ModelMetadata:
    """The card of an exported version.

    Raises:
        UserError: it is missing or damaged.
    """
    file = version / METADATA_FILE
    try:
        return ModelMetadata.from_json(json.loads(file.read_text("utf-8")), str(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is missing or damaged: export the run again.") from error
