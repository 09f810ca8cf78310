"""The whole pipeline on open sample data: from nothing to images made from sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cargan_tf.config import Config
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.data.sources.manifest import read_manifest
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.model_registry import versions_in
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.image_io import save_image
from cargan_tf.synthetic.build import make_sample_data
from cargan_tf.training.classifiers.train_classifier import has_classifier, train_classifier
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer
from cargan_tf.utils.files import write_json
from cargan_tf.utils.progress import Reporter, SilentReporter

#: The instrument of the image that the quickstart generates at its end.
SHOWN_LABEL = "violin"


@dataclass(frozen=True)
class QuickstartResult:
    """What was made, all of it from sounds of the test split."""

    grid: Path
    image: Path
    sound: Path
    model: Path
    metrics: ConditioningMetrics


def quickstart(
    workspace: Path,
    models: Path,
    config: Config,
    reporter: Reporter | None = None,
    *,
    recordings: int = 24,
    clips_per_recording: int = 8,
) -> QuickstartResult:
    """Sample data, preprocessing, classifier, training, export and images.

    What an earlier call finished is taken as it is, so a second call takes seconds and a killed
    one goes on where it was.

    Args:
        workspace: folder for everything but the exported model.
        models: folder that gets ``<config.name>/<version>/``.
        config: image size, networks and length of the training.
        reporter: receives progress.
        recordings: of each instrument, in the sample data.
        clips_per_recording: pairs of sound and image.

    Raises:
        UserError: as the stages do.
    """
    reporter = reporter or SilentReporter()
    source, data, run = workspace / "sample", workspace / "data", Run(workspace / "run")
    make_sample_data(
        source,
        count=recordings,
        clips_per_recording=clips_per_recording,
        reporter=reporter,
    )
    preprocess(source, data, config, reporter=reporter)
    if not has_classifier(data, config):
        train_classifier(data, config, reporter=reporter)
    trainer = Trainer(run, data, config, make_strategy(), resume=run.exists(), reporter=reporter)
    trainer.train()
    metrics, grid = _test(trainer, reporter)
    grid_file = workspace / "grid.png"
    save_image(np.asarray(grid), grid_file)
    write_json(workspace / "test_metrics.json", metrics.to_json())
    with reporter.task("Export", 1) as task:
        model = _exported(run, models / config.name, trainer.total_steps)
        task.advance()
    sound, image = _generate_one(model, source, workspace, reporter)
    return QuickstartResult(grid_file, image, sound, model, metrics)


def _test(trainer: Trainer, reporter: Reporter) -> tuple[ConditioningMetrics, Image.Image]:
    """Conditioning metrics and image grid on the test split."""
    with reporter.task("Test", 2) as task, trainer.ema_weights():
        validation = trainer.validation("test")
        metrics = validation.measure()
        task.advance()
        grid = validation.grid()
        task.advance()
    return metrics, grid


def _exported(run: Run, folder: Path, step: int) -> Path:
    """The newest version in ``folder`` if it has this run's last step, else a new export."""
    versions = versions_in(folder)
    if versions:
        newest = folder / str(versions[-1])
        metadata, info = read_metadata(newest), run.read_info()
        if (metadata.step, metadata.data_hash, metadata.config) == (
            step,
            info.data_hash,
            info.config,
        ):
            return newest
    return export_model(run, folder)


def _generate_one(
    model: Path, source: Path, workspace: Path, reporter: Reporter
) -> tuple[Path, Path]:
    """Generate one image for a clip of the test split with the exported model, as a user would."""
    pairs = read_manifest(source / "manifest.csv").pairs
    sound = next(pair.audio for pair in pairs if (pair.split, pair.label) == ("test", SHOWN_LABEL))
    image = workspace / f"{SHOWN_LABEL}.png"
    with reporter.task("Generate", 1) as task:
        for _, generated in Generator.load(model).generate_files([sound], [SHOWN_LABEL]):
            if isinstance(generated, UserError):
                raise generated
            save_image(generated.image, image)
        task.advance()
    return sound, image
