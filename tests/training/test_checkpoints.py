import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.models.cascade import Cascade
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.checkpoints import Checkpoints, restore_network
from cargan_tf.training.step import TrainingStep


def made(config, seed):
    keras.utils.set_random_seed(seed)
    cascade = Cascade(config, 3, name="cascade")
    cascade(tf.zeros([1, 32, 32, 1]), tf.zeros([1, 3]))
    discriminator = PatchGAN(config.model, name="discriminator")
    discriminator(tf.zeros([1, 32, 32, 4]))
    return TrainingStep(config, cascade, discriminator, tf.distribute.get_strategy(), 6)


def state(step):
    parts = (
        step.cascade,
        step.discriminator,
        step.generator_optimizer,
        step.discriminator_optimizer,
    )
    return [variable.numpy() for part in parts for variable in part.variables]


@pytest.fixture(scope="module")
def config(tiny_config):
    return override(tiny_config, ["data.image_size=32", "model.attention=none"])


@pytest.fixture(scope="module")
def step(config):
    step = made(config, seed=1)
    random = np.random.default_rng(0)
    for optimizer in (step.generator_optimizer, step.discriminator_optimizer):
        for variable in optimizer.variables[2:]:  # all but the counter and the rate
            variable.assign(random.normal(size=variable.shape))
    return step


@pytest.fixture(scope="module")
def other(config):
    """Networks of the same shape that began elsewhere."""
    return made(config, seed=2)


def save(step, folder, number, keep=2):
    step.step.assign(number)
    Checkpoints(folder, step, keep).save()


def test_everything_is_restored(step, other, tmp_path):
    save(step, tmp_path, 7)
    assert Checkpoints(tmp_path, other, keep=2).restore() == 7
    assert int(other.step.numpy()) == 7
    for ours, theirs in zip(state(other), state(step), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_a_checkpoint_a_run_begins_at_0(step, tmp_path):
    assert Checkpoints(tmp_path / "none", step, keep=2).restore() == 0


@pytest.mark.parametrize("keep", [1, 2])
def test_the_newest_few_are_kept_across_processes(step, tmp_path, keep):
    for number in (3, 6, 9):
        save(step, tmp_path, number, keep)
    kept = sorted(path.name for path in tmp_path.glob("*.index"))
    assert kept == [f"step-{number}.index" for number in (3, 6, 9)[-keep:]]
    assert Checkpoints(tmp_path, step, keep).restore() == 9


def test_networks_of_another_shape_are_refused(step, config, tmp_path):
    save(step, tmp_path, 1)
    wider = made(override(config, ["model.generator_width=5"]), seed=1)
    with pytest.raises(UserError, match=r"step-1 does not fit this run"):
        Checkpoints(tmp_path, wider, keep=2).restore()
    with pytest.raises(UserError, match=r"step-1 does not fit this run"):
        restore_network(tmp_path, wider.cascade)


def test_a_damaged_checkpoint_is_named(step, tmp_path):
    save(step, tmp_path, 1)
    (data,) = tmp_path.glob("step-1.data*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(UserError, match="step-1 does not fit this run"):
        Checkpoints(tmp_path, step, keep=2).restore()


def test_a_full_disk_loses_no_older_checkpoint(step, tmp_path, monkeypatch):
    save(step, tmp_path, 1)

    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    step.step.assign(2)
    checkpoints = Checkpoints(tmp_path, step, keep=1)
    with monkeypatch.context() as patch:
        patch.setattr(tf.train.Checkpoint, "_write", full)
        with pytest.raises(UserError, match="disk is full: the checkpoint of step 2"):
            checkpoints.save()
    assert Checkpoints(tmp_path, step, keep=1).restore() == 1


def test_the_drawing_networks_alone_are_restored(step, other, tmp_path):
    save(step, tmp_path, 5)
    other.step.assign(0)
    assert restore_network(tmp_path, other.cascade) == 5
    for ours, theirs in zip(other.cascade.variables, step.cascade.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_run_without_a_checkpoint_cannot_draw(step, tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        restore_network(tmp_path, step.cascade)
