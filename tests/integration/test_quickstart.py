import numpy as np
import pytest
from PIL import Image

from cargan_tf.config import load_config

pytestmark = pytest.mark.slow

SIZE, STEPS, LABELS = 64, 4, 13
SMALL = (
    "model.generator_width=4",
    "model.discriminator_width=4",
    "classifier.width=4",
    "classifier.epochs=1",
    "classifier.minimum_accuracy=0",
    "sound_classifier.steps=5",
    "training.batch_size=8",
    f"training.steps={STEPS}",
    "monitor.validation_clips=39",
)


class Recorder:
    """A reporter that keeps the names of the tasks."""

    def __init__(self):
        from cargan_tf.utils.progress import SilentReporter

        self._silent, self.tasks = SilentReporter(), []

    def task(self, description, total):
        self.tasks.append(description)
        return self._silent.task(description, total)

    def message(self, text):
        pass


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The smallest sample data through the whole pipeline, and again."""
    from cargan_tf.quickstart import quickstart

    folder = tmp_path_factory.mktemp("quickstart")
    config = load_config("quickstart", SMALL)

    def once():
        recorder = Recorder()
        result = quickstart(
            folder / "work",
            folder / "models",
            config,
            recorder,
            recordings=18,
            clips_per_recording=1,
        )
        return result, recorder.tasks

    first = once()
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    return folder, first, once(), files


def test_the_grid_has_a_row_a_label(twice):
    _, (result, _), _, _ = twice
    with Image.open(result.grid) as grid:
        grid.load()
        assert grid.format == "PNG"
        assert grid.height >= LABELS * SIZE
        assert grid.width >= 8 * SIZE


def test_the_image_is_a_whole_png_of_the_configured_size(twice):
    _, (result, _), _, _ = twice
    with Image.open(result.image) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (SIZE, SIZE))


def test_the_sound_is_one_that_was_not_trained_on(twice):
    _, (result, _), _, _ = twice
    assert result.sound.is_file()
    assert result.sound.parts[-3:-1] == ("test", "violin")


def test_the_model_draws_that_sound_as_shown(twice):
    from cargan_tf import Generator

    _, (result, _), _, _ = twice
    ((_, generated),) = Generator.load(result.model).generate_files([result.sound], ["violin"])
    np.testing.assert_array_equal(generated.image, np.asarray(Image.open(result.image)))


def test_figures_are_measured_on_the_test_split(twice):
    _, (result, _), _, _ = twice
    assert result.metrics.pairs == LABELS * 3
    assert result.metrics.player_match_chance == pytest.approx(1 / 3)


def test_a_second_call_takes_what_is_there(twice):
    _, (_, first), (_, second), _ = twice
    assert {"Sample data", "Preprocessing", "Classifier"} <= set(first)
    assert not {"Sample data", "Preprocessing", "Classifier"} & set(second)


def test_a_second_call_names_the_same_and_exports_no_further_version(twice):
    folder, (first, _), (second, _), _ = twice
    assert first == second
    versions = (folder / "models" / "quickstart").glob("[!.]*")
    assert [path.name for path in versions] == ["1"]


def test_a_second_call_leaves_data_and_model_as_they_were(twice):
    folder, _, _, before = twice
    for part in (folder / "work" / "sample", folder / "work" / "data", folder / "models"):
        files = [path for path in part.rglob("*") if path.is_file()]
        assert files
        assert all(before.get(path) == path.stat().st_mtime_ns for path in files)


def test_what_is_shown_is_drawn_by_the_weights_that_are_exported(
    tiny_data, tiny_classifier, tiny_config, tmp_path
):
    """The averaged ones, where weights are averaged."""
    from cargan_tf.config import override
    from cargan_tf.quickstart import _test
    from cargan_tf.training.checkpoints import newest_checkpoint, restore_network
    from cargan_tf.training.distribution import make_strategy
    from cargan_tf.training.run import Run
    from cargan_tf.training.trainer import Trainer
    from cargan_tf.utils.progress import SilentReporter

    config = override(tiny_config, ["training.ema_steps=50"])
    trainer = Trainer(Run(tmp_path), tiny_data, config, make_strategy())
    trainer.train()
    figures, grid = _test(trainer, SilentReporter())
    trainer.ema = None
    restore_network(newest_checkpoint(trainer.run.checkpoints), trainer.network)
    expected, generated = _test(trainer, SilentReporter())
    assert figures == expected
    np.testing.assert_array_equal(grid, generated)
