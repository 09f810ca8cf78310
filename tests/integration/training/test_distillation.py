import json

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import load_config, override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.models.cargan import new_cascade
from cargan_tf.training.distillation import (
    check_teachable,
    student_config,
    teacher_distance,
)
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.networks import read_run_weights
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

NARROW = ["model.generator_width=2", "training.steps=2", "training.checkpoint_steps=1"]


@pytest.fixture(scope="module")
def teacher(tiny_run):
    return read_run_weights(Run(tiny_run))


@pytest.fixture(scope="module")
def config(teacher):
    return override(student_config(teacher.config), NARROW)


@pytest.fixture(scope="module")
def trainer(teacher, config, tiny_data, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("distillation") / "student")
    trainer = Trainer(run, tiny_data, config, make_strategy(), teacher=teacher)
    assert trainer.train().finished
    return trainer


def test_a_student_has_its_teacher_s_audio_and_images_and_one_stage(teacher, config):
    assert config.audio == teacher.config.audio
    assert config.data == teacher.config.data
    assert config.classifier == teacher.config.classifier
    assert (config.model.stages, config.loss.adversarial) == (1, 0)


def test_the_options_of_the_shipped_model_s_d_are_laid_aside():
    config = student_config(load_config("players-128"))
    assert config.name == "players-128-student"
    assert (config.loss.gan_loss, config.loss.feature_matching) == ("cross-entropy", 0)


def test_the_loss_is_the_distance_from_the_teacher_s_images(trainer, teacher, config, tiny_data):
    batch = next(iter(training_batches(trainer.dataset, tiny_data, config, seed=0)))
    student = trainer.network(batch["spectrogram"], batch["label"], seed=tf.constant([1, 2]))
    shown = teacher.cascade(batch["spectrogram"], batch["label"]).refined
    expected = np.abs(shown - student.refined).mean()
    weights = trainer.network.get_weights()
    loss = float(trainer.step(batch)["coarse_l1"])
    trainer.network.set_weights(weights)
    # In training batch norm takes the batch's statistics, so that the image is another.
    assert loss == pytest.approx(expected, rel=0.5)
    other = float(np.abs(batch["photo"] - student.refined).mean())
    assert abs(loss - expected) < abs(loss - other)


def test_c_is_the_teacher_s(trainer, teacher):
    for ours, theirs in zip(
        trainer.network.classifier.get_weights(),
        teacher.cascade.classifier.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_the_student_is_a_run_that_generates(trainer):
    sound = np.sin(np.arange(4000) * 0.3).astype(np.float32)
    assert Generator.load(trainer.run.path).generate(sound, 8000, "violin").shape == (64, 64, 3)


def test_the_distance_is_in_levels_and_zero_from_itself(trainer, teacher, config, tiny_data):
    data = (tiny_data, config, trainer.dataset)
    itself = teacher_distance(teacher.cascade, teacher.cascade, *data)
    assert itself.levels == 0
    distance = teacher_distance(trainer.network, teacher.cascade, *data)
    assert 0 < distance.levels < 255
    assert distance.images == load_dataset(tiny_data).records("validation")
    assert distance.student_parameters < distance.teacher_parameters
    distance.write(trainer.run.path)
    kept = json.loads((trainer.run.path / "distillation.json").read_text("utf-8"))
    assert kept["levels"] == distance.levels
    assert f"{distance.levels:.1f} of 255 levels" in distance.describe()


def test_it_resumes_by_distillation_only(trainer, teacher, config, tiny_data):
    longer = override(config, ["training.steps=3"])
    with pytest.raises(UserError, match="was started by 'cargan distill'"):
        Trainer(trainer.run, tiny_data, longer, make_strategy(), resume=True)
    resumed = Trainer(trainer.run, tiny_data, longer, make_strategy(), resume=True, teacher=teacher)
    assert resumed.start == 2
    np.testing.assert_array_equal(
        resumed.network.coarse_generator.to_rgb.kernel,
        trainer.network.coarse_generator.to_rgb.kernel,
    )


def test_sounds_of_other_labels_or_players_are_refused(teacher, tiny_data):
    dataset = load_dataset(tiny_data)
    check_teachable(teacher.path, teacher.labels, {}, dataset)
    check_teachable(teacher.path, teacher.labels, dataset.players, dataset)
    with pytest.raises(UserError, match="a student needs sounds of the same labels"):
        check_teachable(teacher.path, ("harp", "violin"), {}, dataset)
    with pytest.raises(UserError, match="a student needs sounds of the same players"):
        check_teachable(teacher.path, teacher.labels, {"violin": ("someone",)}, dataset)


def test_a_copy_for_the_replicas_is_the_teacher(teacher):
    assert new_cascade(teacher.config, 3) is not teacher.cascade
    for ours, theirs in zip(
        teacher.replicated().get_weights(), teacher.cascade.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
