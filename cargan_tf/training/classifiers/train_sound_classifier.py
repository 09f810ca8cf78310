"""Trains and calibrates the sound classifier, which recognizes unlabeled sounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cargan_tf.audio.augmentation import augment
from cargan_tf.audio.clips import from_int16
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo, check_fits, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.models.sound_classifier import (
    SoundClassifier,
    new_sound_classifier,
    sound_classifier_audio,
)
from cargan_tf.training.classifiers.calibration import (
    Calibration,
    fit_temperature,
    measure_calibration,
    softmax,
)
from cargan_tf.training.classifiers.fitting import load_weights, read_report_file, save_weights
from cargan_tf.training.classifiers.sound_batches import (
    SoundBatches,
    Sounds,
    features,
    load_sounds,
)
from cargan_tf.utils.files import write_atomically, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

#: Where it is kept, inside the data set it was trained on and inside a run.
FOLDER = "sound_classifier"
#: Of the labels' probability, given to all alike (Szegedy et al. 2016).
LABEL_SMOOTHING: Final = 0.05
WEIGHT_DECAY: Final = 1e-3
#: Fraction of the steps in which the learning rate rises to its maximum.
WARM_UP: Final = 0.05
#: Steps between reports of the training accuracy.
REPORT_STEPS: Final = 100
#: Clips per call of the network where nothing is learned.
_BATCH: Final = 64

_REMEDY = "train the sound classifier again: cargan classifier --audio"


@dataclass(frozen=True)
class SoundClassifierReport:
    """How good it is, and what it was trained for; written beside its weights.

    Attributes:
        accuracy: on held-out clips.
        augmented: accuracy and calibration on the same clips, augmented.
        recordings: the same on held-out recordings, their clips' probabilities averaged.
        others_rejected: fraction of held-out sounds of none of the labels that are recognized as
            such; ``None`` if the data has none.
        temperature: divides the logits, so that confidence agrees with accuracy.
        split: which clips were held out.
        clips: how many.
        labels: the classes.
        config: the settings that its weights and input depend on.
    """

    accuracy: float
    clean: Calibration
    augmented: Calibration
    recordings: Calibration
    others_rejected: float | None
    temperature: float
    split: str
    clips: int
    labels: tuple[str, ...]
    config: dict[str, Any]


def train_sound_classifier(
    data: Path, config: Config, out: Path | None = None, reporter: Reporter | None = None
) -> SoundClassifierReport:
    """Train on the training split's sounds, calibrate and measure on held-out ones, save both.

    Args:
        data: a data set made by ``preprocess``.
        config: its sections ``sound_classifier``, ``augmentation`` and ``audio``, and the seed.
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
    seed = config.training.seed
    keras.utils.set_random_seed(seed)
    network = new_sound_classifier(config, len(dataset.labels))
    sounds = load_sounds(dataset, data, "train", seed)
    _fit(network, SoundBatches(sounds, config, len(dataset.labels)), config, reporter)
    return _save_measured(network, dataset, data, split, config, out)


def _save_measured(
    network: SoundClassifier,
    dataset: DatasetInfo,
    data: Path,
    split: str,
    config: Config,
    out: Path,
) -> SoundClassifierReport:
    """Calibrate and measure on the held-out ``split``; write weights and report to ``out``."""
    held_out = load_sounds(dataset, data, split, config.training.seed)
    report = _measure(network, held_out, config, dataset, split)
    save_weights(network, _weights_file(out))
    write_json(_report_file(out), asdict(report))
    return report


def _fit(
    network: SoundClassifier, batches: SoundBatches, config: Config, reporter: Reporter
) -> None:
    """Minimize the cross-entropy by AdamW; the learning rate falls to 0 along a cosine."""
    settings = config.sound_classifier
    warm_up = max(1, round(WARM_UP * settings.steps))
    rate = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        max(1, settings.steps - warm_up),
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
    optimizer.build(network.trainable_variables)
    accuracy = keras.metrics.SparseCategoricalAccuracy()

    @tf.function(reduce_retracing=True, autograph=False)
    def step(log_mels: tf.Tensor, classes: tf.Tensor, offsets: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = network(log_mels, training=True) + offsets
            truth = tf.one_hot(classes, logits.shape[1])
            smoothed = (1 - LABEL_SMOOTHING) * truth + LABEL_SMOOTHING * tf.nn.softmax(offsets)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(smoothed, logits))
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        accuracy.update_state(classes, logits)

    with reporter.task("Sound classifier", settings.steps) as task:
        stream = iter(batches)
        for index in range(settings.steps):
            step(*map(tf.constant, next(stream)))
            note = ""
            if (index + 1) % REPORT_STEPS == 0:
                note = f"training accuracy {float(accuracy.result()):.3f}"
                accuracy.reset_state()
            task.advance(note=note)


def _measure(
    network: SoundClassifier, sounds: Sounds, config: Config, dataset: DatasetInfo, split: str
) -> SoundClassifierReport:
    """Fit the temperature on held-out clips, half of them augmented, and measure."""
    audio = sound_classifier_audio(config)
    has_waveforms = bool(sounds.waveforms.shape[1])
    clean = features(sounds.waveforms, audio) if has_waveforms else sounds.log_mels
    logits = np.concatenate(list(_logits(network, clean)))
    changed_logits = logits
    if has_waveforms:
        random = np.random.default_rng(config.training.seed)
        changed = np.stack(
            [
                augment(wave, audio.sample_rate, config.augmentation, random)
                for wave in from_int16(sounds.waveforms)
            ]
        )
        changed_mels = log_mel(changed, audio)
        changed_logits = np.concatenate(list(_logits(network, changed_mels)))
    truth = sounds.labels
    temperature = fit_temperature(
        np.concatenate([logits, changed_logits]), np.concatenate([truth, truth])
    )
    probabilities = softmax(logits, temperature)
    names = sorted(set(sounds.recordings))
    of = np.array([names.index(name) for name in sounds.recordings])
    averaged = np.stack([probabilities[of == index].mean(axis=0) for index in range(len(names))])
    truths = np.array([truth[of == index][0] for index in range(len(names))])
    rejected = None
    if len(sounds.others):
        others = np.concatenate(list(_logits(network, features(sounds.others, audio))))
        rejected = float((others.argmax(axis=1) == len(dataset.labels)).mean())
    measured = measure_calibration(probabilities, truth)
    return SoundClassifierReport(
        accuracy=measured.accuracy,
        clean=measured,
        augmented=measure_calibration(softmax(changed_logits, temperature), truth),
        recordings=measure_calibration(averaged, truths),
        others_rejected=rejected,
        temperature=temperature,
        split=split,
        clips=len(truth),
        labels=tuple(dataset.labels),
        config=sound_classifier_settings(config),
    )


def _logits(network: SoundClassifier, log_mels: NDArray[np.float32]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(log_mels), _BATCH):
        yield network(log_mels[first : first + _BATCH]).numpy()


def load_sound_classifier(
    folder: Path, config: Config, labels: tuple[str, ...]
) -> tuple[SoundClassifier, SoundClassifierReport] | None:
    """What ``train_sound_classifier`` wrote; ``None`` if there is none.

    Raises:
        UserError: it is damaged, or was trained for other labels or with other settings.
    """
    file = _report_file(folder)
    try:
        report = read_report_file(file, SoundClassifierReport)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{file} is damaged; {_REMEDY}.") from error
    if (report.labels, report.config) != (labels, sound_classifier_settings(config)):
        raise UserError(
            f"the sound classifier in {folder} was trained on other data or with other settings"
            " than this run. Train it again with the run's: cargan classifier --audio --config."
        )
    network = new_sound_classifier(config, len(labels))
    load_weights(network, _weights_file(folder), _REMEDY)
    return network, report


def ensure_sound_classifier(
    data: Path,
    config: Config,
    out: Path,
    reporter: Reporter,
    trained: SoundClassifier | None = None,
) -> None:
    """Put one into the folder ``out`` unless it is there: that of ``data``, else ``trained``, else
    a new one.

    Without held-out recordings to measure it on there is none.

    Args:
        data: the data set that is trained on.
        config: of the run.
        out: folder for weights and report.
        reporter: receives progress.
        trained: that of another model, with the settings of ``config`` and the labels of ``data``.
    """
    dataset = load_dataset(data)
    if _report_file(out).is_file():
        return
    if _fits(data / FOLDER, config, dataset):
        for file in (_weights_file, _report_file):  # it counts once there is a report
            write_atomically(file(out), file(data / FOLDER).read_bytes())
    elif dataset.held_out_split is None:
        reporter.message("no held-out split: no sound classifier; images will need a label")
    elif trained is not None:
        _save_measured(trained, dataset, data, dataset.held_out_split, config, out)
    else:
        train_sound_classifier(data, config, out, reporter)


def _fits(folder: Path, config: Config, dataset: DatasetInfo) -> bool:
    try:
        found = load_sound_classifier(folder, config, tuple(dataset.labels))
    except UserError:
        return False
    return found is not None


def sound_classifier_settings(config: Config) -> dict[str, Any]:
    """The settings that its weights or its input depend on."""
    thresholds = {"silence_rms_db", "noise_flatness"}
    audio = sound_classifier_audio(config)
    return {
        "audio": audio.model_dump(mode="json", exclude=thresholds),
        "sound_classifier": config.sound_classifier.model_dump(mode="json"),
        "augmentation": config.augmentation.model_dump(mode="json", exclude={"generator_fraction"}),
    }


def _weights_file(folder: Path) -> Path:
    return folder / "sound_classifier.npz"


def _report_file(folder: Path) -> Path:
    return folder / "sound_classifier.json"
