"""The networks of a run or an exported version, with the metadata of what they are exported to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cargan_tf.errors import UserError, first_line
from cargan_tf.evaluation.report import FOLDER, REFINED, REPORT_FILE, Report
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, read_metadata
from cargan_tf.export.model_registry import existing_model, newest_version
from cargan_tf.export.op_allowlist import check_weights
from cargan_tf.export.serving_module import ServingModule
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.cargan import Cascade
from cargan_tf.models.registry import new_network
from cargan_tf.models.sound_classifier import SoundClassifier, new_sound_classifier
from cargan_tf.training.checkpoints import newest_checkpoint, restore_network
from cargan_tf.training.classifiers.train_sound_classifier import load_sound_classifier
from cargan_tf.training.networks import InitialWeights, check_cascade, read_run_weights
from cargan_tf.training.run import Run
from cargan_tf.utils.files import read_json


@dataclass(frozen=True)
class TrainedNetworks:
    """What is exported."""

    network: ImageGenerator
    sound_classifier: SoundClassifier | None
    metadata: ModelMetadata

    def serving_module(self, metadata: ModelMetadata) -> ServingModule:
        """Their serving module; their weights are stored as ``metadata`` says."""
        return ServingModule(self.network, metadata, self.sound_classifier)


def networks_of_run(run: Run) -> TrainedNetworks:
    """The networks of a run's newest checkpoint.

    Raises:
        UserError: there is no run or no checkpoint.
    """
    info = run.read_info()
    network = new_network(info.config, len(info.labels))
    step = restore_network(newest_checkpoint(run.checkpoints), network)
    found = load_sound_classifier(run.sound_classifier, info.config, info.labels)
    sound_classifier, recognition = found or (None, None)
    metadata = ModelMetadata(
        config=info.config,
        labels=info.labels,
        statistics=info.statistics,
        step=step,
        data_hash=info.data_hash,
        metrics=evaluation_values(run.path, step),
        recognition_accuracy=None if recognition is None else recognition.accuracy,
        recognition_temperature=None if recognition is None else recognition.temperature,
        players=info.players,
    )
    return TrainedNetworks(network, sound_classifier, metadata)


def networks_of_version(version: Path) -> TrainedNetworks:
    """The networks of an exported version: nothing in its graph is run.

    Raises:
        UserError: it is damaged, or of another version of this package.
    """
    metadata = read_metadata(version)
    check_weights(version)
    labels = len(metadata.labels)
    network = new_network(metadata.config, labels)
    sound_classifier = (
        None
        if metadata.recognition_accuracy is None
        else new_sound_classifier(metadata.config, labels)
    )
    networks = TrainedNetworks(network, sound_classifier, metadata)
    parts = [network] if sound_classifier is None else [network, sound_classifier]
    try:
        networks.serving_module(metadata).restore(str(version / "variables" / "variables"), *parts)
    except Exception as error:  # TensorFlow has one for each way of being damaged
        raise UserError(
            f"the weights of {version} are damaged or not those of its {METADATA_FILE}"
            f" ({first_line(error)})."
        ) from error
    return networks


def read_initial_weights(path: Path) -> InitialWeights:
    """A trained model for a new run to start from; its graphs are not loaded.

    Args:
        path: the directory of a run, an exported version, a folder of versions, or the name of a
            model in ``saved_models/`` or of a shipped one.

    Raises:
        UserError: there is no model, it is damaged, or a baseline.
    """
    folder = existing_model(path)
    version = newest_version(folder)
    if version is None:
        return read_run_weights(Run(folder))
    check_cascade(version, read_metadata(version).config)
    networks = networks_of_version(version)
    assert isinstance(networks.network, Cascade)
    known = networks.metadata
    return InitialWeights(
        version,
        known.config,
        known.labels,
        known.statistics,
        networks.network,
        discriminator=None,
        players=known.players,
        sound_classifier=networks.sound_classifier,
    )


def evaluation_values(run: Path, step: int) -> dict[str, dict[str, float]] | None:
    """The metrics of the refined images, by split and name.

    Args:
        run: directory of the run.
        step: of the exported checkpoint; a report on another one is ignored.

    Raises:
        UserError: the report is damaged.
    """
    file = run / FOLDER / REPORT_FILE
    try:
        report = Report.from_json(read_json(file), str(file))
    except FileNotFoundError:
        return None
    except ValueError as error:  # no JSON
        raise UserError(f"{file} is damaged: evaluate the run again, or remove it.") from error
    if report.provenance.step != step:
        return None
    return {
        split.split: {name: result.value for name, result in split.row(REFINED).values.items()}
        for split in report.splits
    }
