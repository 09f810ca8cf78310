"""Training the classifier of sounds, which names the instrument where a user did not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo, check_fits, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches, training_batches
from cargan_tf.errors import UserError
from cargan_tf.models.sound_classifier import SoundClassifier, new_sound_classifier
from cargan_tf.training.classifiers.fitting import (
    correct_predictions,
    fit_classifier,
    load_weights,
    read_report_file,
    save_weights,
)
from cargan_tf.utils.files import write_atomically, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

#: Where it is kept, inside the data set it was trained on and inside a run.
FOLDER = "sound_classifier"

_REMEDY = "train the sound classifier again: cargan classifier --audio"


@dataclass(frozen=True)
class SoundClassifierReport:
    """How good it is, and what it was trained as; written beside its weights."""

    accuracy: float  # on held-out recordings
    split: str  # which those were
    clips: int
    labels: tuple[str, ...]
    statistics: dict[str, Any]  # that its spectrograms are standardized by
    config: dict[str, Any]  # what its shape and its input depend on


def train_sound_classifier(
    data: Path, config: Config, out: Path | None = None, reporter: Reporter | None = None
) -> SoundClassifierReport:
    """Train on the training split's sounds, measure on held-out recordings, and save both.

    Args:
        data: a data set made by ``preprocess``.
        config: the sound classifier's section, the seed and how sound is pictured are used.
        out: folder for weights and report; ``data/sound_classifier`` by default.
        reporter: receives progress.

    Raises:
        UserError: no held-out recordings, or settings that do not fit the data.
    """
    reporter, out = reporter or SilentReporter(), out or data / FOLDER
    dataset = load_dataset(data)
    check_fits(dataset, config)
    split = dataset.held_out_split
    if split is None:
        raise UserError(
            f"{data} has only a training split: accuracy must be measured on other recordings."
            " Preprocess data with a validation or test split."
        )
    settings = config.sound_classifier
    batch_size = min(settings.batch_size, dataset.records("train"))
    training = config.training.model_copy(update={"batch_size": batch_size})
    batched = config.model_copy(update={"training": training})
    keras.utils.set_random_seed(config.training.seed)
    network = new_sound_classifier(config, len(dataset.labels))
    stream = training_batches(dataset, data, batched, seed=config.training.seed)
    epoch = dataset.steps_per_epoch(batch_size)
    with reporter.task("Sound classifier", settings.steps) as task:
        fit_classifier(
            network, stream, "spectrogram", settings.learning_rate, settings.steps, epoch, task
        )
    held_out = evaluation_batches(dataset, data, config, split, batch_size)
    right = correct_predictions(network, held_out, "spectrogram")
    report = SoundClassifierReport(
        accuracy=float(right.mean()),
        split=split,
        clips=len(right),
        labels=tuple(dataset.labels),
        statistics=dataset.statistics.to_json(),
        config=_what_matters(config),
    )
    save_weights(network, _weights_file(out))
    write_json(_report_file(out), asdict(report))
    return report


def load_sound_classifier(
    folder: Path, config: Config, labels: tuple[str, ...], statistics: BandStatistics
) -> tuple[SoundClassifier, SoundClassifierReport] | None:
    """What ``train_sound_classifier`` wrote; ``None`` where there is none.

    Raises:
        UserError: it is damaged, or was trained for other labels or other spectrograms.
    """
    file = _report_file(folder)
    try:
        report = read_report_file(file, SoundClassifierReport)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{file} is damaged; {_REMEDY}.") from error
    trained_for = (report.labels, report.statistics, report.config)
    if trained_for != (labels, statistics.to_json(), _what_matters(config)):
        raise UserError(
            f"the sound classifier in {folder} was trained on other data or with other settings"
            " than this run. Train it again with the run's: cargan classifier --audio --config."
        )
    network = new_sound_classifier(config, len(labels))
    load_weights(network, _weights_file(folder), _REMEDY)
    return network, report


def ensure_sound_classifier(data: Path, config: Config, out: Path, reporter: Reporter) -> None:
    """Put one into the folder ``out`` unless it is there: that of ``data``, else a new one.

    Where no recordings are held out to measure it on, there is none.
    """
    dataset = load_dataset(data)
    if _report_file(out).is_file():
        return
    if _fits(data / FOLDER, config, dataset):
        for file in (_weights_file, _report_file):  # it counts once there is a report
            write_atomically(file(out), file(data / FOLDER).read_bytes())
    elif dataset.held_out_split is None:
        reporter.message("no held-out split: no sound classifier; images will need a label")
    else:
        train_sound_classifier(data, config, out, reporter)


def _fits(folder: Path, config: Config, dataset: DatasetInfo) -> bool:
    try:
        found = load_sound_classifier(folder, config, tuple(dataset.labels), dataset.statistics)
    except UserError:
        return False
    return found is not None


def _what_matters(config: Config) -> dict[str, Any]:
    """The settings that its weights or what it sees depend on."""
    verdicts = {"silence_rms_db", "noise_flatness"}
    return {
        "audio": config.audio.model_dump(mode="json", exclude=verdicts),
        "image_size": config.data.image_size,
        "spectrogram": config.model.spectrogram,
        "sound_classifier": config.sound_classifier.model_dump(mode="json"),
    }


def _weights_file(folder: Path) -> Path:
    return folder / "sound_classifier.npz"


def _report_file(folder: Path) -> Path:
    return folder / "sound_classifier.json"
