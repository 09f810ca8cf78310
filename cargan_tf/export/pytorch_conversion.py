"""The authors' checkpoint files to a run, and a run to theirs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config
from cargan_tf.data.dataset import DATASET_FILE, load_dataset
from cargan_tf.errors import UserError
from cargan_tf.interop.pytorch_files import read_state_dict, write_state_dict
from cargan_tf.interop.weight_mapping import (
    BATCHES_TRACKED,
    Weight,
    classifier_weights,
    discriminator_weights,
    load_state,
    state_of,
    unet_weights,
)
from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.models.cargan import Cascade, new_cascade
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.training.checkpoints import (
    holds_discriminator,
    newest_checkpoint,
    restore_discriminator,
    restore_network,
    save_network,
)
from cargan_tf.training.run import Run, RunInfo
from cargan_tf.utils.files import file_hash

#: The settings of the authors' networks; with any other, a weight would have no counterpart.
THEIRS = {
    "model.kind": "cargan",
    "model.attention": "authors",
    "model.stages": 2,
    "model.residue": True,
    "model.refine_sees_audio": True,
    "model.encoder_bias": False,
    "model.refined_generator_width": None,
    "model.max_width_multiplier": 8,
    "model.generator_attentions": 2,
    "model.coarse_dropped_skips": 0,
    "model.players": 0,
    "model.player_photo": False,
    "model.warp": False,
    "model.pose": False,
    "model.discriminator_norm": "batch",
    "classifier.resnet_variant": "torchvision",
}


@dataclass(frozen=True)
class AuthorsFiles:
    """The generators' files; the authors' code names them ``latest_net_G1.pth`` and so on."""

    coarse_generator: Path
    refined_generator: Path
    classifier: Path

    @classmethod
    def in_folder(cls, folder: Path) -> AuthorsFiles:
        """Their names in ``folder``."""
        return cls(*(folder / f"latest_net_{name}.pth" for name in ("G1", "G2", "C2")))

    def all(self) -> list[Path]:
        """G1, G2 and C2."""
        return [self.coarse_generator, self.refined_generator, self.classifier]


def import_checkpoint(
    files: AuthorsFiles, config: Config, run: Run, data: Path | None = None
) -> RunInfo:
    """Write a run with the authors' weights.

    Args:
        files: as ``torch.save`` wrote them, in either layout.
        config: ``authors``, or what their networks were trained with.
        run: where it is written; nothing may be there.
        data: the data set whose labels and statistics the networks know; without it the 13
            instruments, which the authors number in alphabetical order.

    Raises:
        UserError: a file is refused or does not fit, ``run`` is taken, or the configuration is of
            networks that the authors do not have.
    """
    _check_theirs(config)
    if run.exists():
        raise UserError(f"{run.path} already holds a run; choose another directory.")
    labels, statistics, source, source_hash = _provenance(files, config, data)
    states = [read_state_dict(file) for file in files.all()]
    cascade = new_cascade(config, len(labels))
    for state, weights, file in zip(states, _weights(cascade), files.all(), strict=True):
        load_state(state, weights, file)
    tracked = [int(v) for name, v in states[0].items() if name.endswith(BATCHES_TRACKED)]
    run.path.mkdir(parents=True, exist_ok=True)  # TensorFlow's own errors name no folder
    save_network(run.checkpoints, cascade, step=max(tracked, default=0))
    info = RunInfo(config, labels, statistics, source, source_hash, classifier_accuracy=None)
    run.write_info(info)
    return info


def export_checkpoint(run: Run, out: Path) -> list[Path]:
    """Write a run's newest checkpoint as the authors' files: G1, G2, C2, and D if it is there.

    Raises:
        UserError: there is no run or no checkpoint, or the authors' code has no such networks.
    """
    info = run.read_info()
    _check_theirs(info.config)
    cascade = new_cascade(info.config, len(info.labels))
    checkpoint = newest_checkpoint(run.checkpoints)
    step = restore_network(checkpoint, cascade)
    files = AuthorsFiles.in_folder(out).all()
    for weights, file in zip(_weights(cascade), files, strict=True):
        write_state_dict(file, state_of(weights, step))
    if holds_discriminator(checkpoint):
        discriminator = new_discriminator(info.config, len(info.labels))
        restore_discriminator(checkpoint, discriminator)
        files.append(out / "latest_net_D.pth")
        write_state_dict(files[-1], state_of(discriminator_weights(discriminator), step))
    return files


def _weights(cascade: Cascade) -> list[list[Weight]]:
    """Of G1, G2 and C."""
    generators = [unet_weights(generator) for generator in cascade.generators]
    return [*generators, classifier_weights(cascade.classifier)]


def _check_theirs(config: Config) -> None:
    values = config.model_dump()
    for name, theirs in THEIRS.items():
        section, field = name.split(".")
        if values[section][field] != theirs:
            raise UserError(
                f"the authors' networks have {name} = {theirs!r}, the configuration says"
                f" {values[section][field]!r}: their files fit --config authors and what differs"
                " from it in size only."
            )


def _provenance(
    files: AuthorsFiles, config: Config, data: Path | None
) -> tuple[tuple[str, ...], BandStatistics, str, str]:
    """Labels, statistics, and what to write of where they are from."""
    if data is not None:
        dataset = load_dataset(data)
        source_hash = file_hash(data / DATASET_FILE)
        return dataset.labels, dataset.statistics, str(data.resolve()), source_hash
    if config.model.spectrogram != "jet":
        raise UserError(
            "model.spectrogram = log-mel is standardized by a data set: name it with --data."
        )
    # The jet image stretches each clip by itself, so these are never used.
    bands = config.audio.n_mels
    statistics = BandStatistics(mean=(0.0,) * bands, std=(1.0,) * bands)
    digest = hashlib.sha256()
    for file in files.all():
        digest.update(file_hash(file).encode() if file.is_file() else b"")
    return SUB_URMP_LABELS, statistics, str(files.coarse_generator.parent), digest.hexdigest()
