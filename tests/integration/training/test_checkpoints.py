import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.models.cargan import Cascade
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.training.checkpoints import Checkpoints, newest_checkpoint, restore_network
from cargan_tf.training.steps.cargan_step import CarganStep


def made(config, seed):
    keras.utils.set_random_seed(seed)
    cascade = Cascade(config, 3, name="cascade")
    cascade(tf.zeros([1, 32, 32, 1]), tf.zeros([1, 3]))
    discriminator = PatchGAN(config.model, name="discriminator")
    discriminator(tf.zeros([1, 32, 32, 4]))
    return CarganStep(config, cascade, discriminator, tf.distribute.get_strategy(), 6)


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
    with pytest.raises(UserError, match=r"step-1 does not match this run"):
        Checkpoints(tmp_path, wider, keep=2).restore()
    with pytest.raises(UserError, match=r"step-1 does not match this run"):
        restore_network(newest_checkpoint(tmp_path), wider.cascade)


def damage(folder, number, ending="data-00000-of-00001"):
    """Turn over one bit in the middle, as a bad disk does."""
    file = folder / f"step-{number}.{ending}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(step, other, tmp_path, caplog):
    for number in (3, 6):
        save(step, tmp_path, number)
    damage(tmp_path, 6)
    assert Checkpoints(tmp_path, other, keep=2).restore() == 3
    damaged = "step-6 is damaged: step-6.data-00000-of-00001 differs from what was written"
    assert damaged in caplog.text
    assert "using step-3 instead" in caplog.text
    assert restore_network(newest_checkpoint(tmp_path), other.cascade) == 3
    assert newest_checkpoint(tmp_path).name == "step-3"


def test_a_damaged_checkpoint_is_written_anew_when_its_step_comes_again(step, tmp_path, caplog):
    for number in (3, 6):
        save(step, tmp_path, number)
    damage(tmp_path, 6, "index")
    checkpoints = Checkpoints(tmp_path, step, keep=2)
    checkpoints.restore()
    step.step.assign(5)  # another interval than before
    checkpoints.save()
    caplog.clear()
    assert newest_checkpoint(tmp_path).name == "step-5"
    assert caplog.text == "", "nothing of the damaged one is left to be passed over"
    assert not list(tmp_path.glob("step-6.*"))


@pytest.mark.parametrize("content", [b"", b"\xff\x00\x01", b'model_checkpoint_path: "step-'])
def test_a_damaged_list_of_tensorflows_costs_no_checkpoint(step, other, tmp_path, content):
    for number in (3, 6):
        save(step, tmp_path, number)
    (tmp_path / "checkpoint").write_bytes(content)
    assert newest_checkpoint(tmp_path).name == "step-6"
    checkpoints = Checkpoints(tmp_path, other, keep=2)
    assert checkpoints.restore() == 6
    other.step.assign(9)
    checkpoints.save()
    assert newest_checkpoint(tmp_path).name == "step-9"


def test_where_none_is_whole_all_are_named(step, tmp_path):
    for number in (3, 6):
        save(step, tmp_path, number)
    damage(tmp_path, 3)
    (tmp_path / "step-6.index").unlink()
    said = (
        r"all checkpoints are damaged.*step-6 is damaged: step-6.index is missing"
        r".*step-3 is damaged"
    )
    with pytest.raises(UserError, match=said):
        Checkpoints(tmp_path, step, keep=2).restore()
    with pytest.raises(UserError, match=said):
        restore_network(newest_checkpoint(tmp_path), step.cascade)


def test_a_checkpoint_counts_when_its_checksums_are_written(step, tmp_path, monkeypatch, caplog):
    """Killed after TensorFlow's files, before ours: the one before is still there, also alone."""
    save(step, tmp_path, 3, keep=1)

    def killed(checkpoint):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cargan_tf.training.checkpoints.write_checksums", killed)
        with pytest.raises(KeyboardInterrupt):
            save(step, tmp_path, 6, keep=1)
    assert (tmp_path / "step-6.index").is_file()
    assert newest_checkpoint(tmp_path).name == "step-3"
    assert caplog.text == "", "it was never finished, so nothing is lost"
    save(step, tmp_path, 6, keep=1)
    assert {file.name.partition(".")[0] for file in tmp_path.glob("step-*")} == {"step-6"}


def test_checkpoints_of_older_versions_have_no_checksums(step, tmp_path):
    for number in (3, 6):
        save(step, tmp_path, number)
    for sums in tmp_path.glob("*.sha256"):
        sums.unlink()
    assert Checkpoints(tmp_path, step, keep=2).restore() == 6
    damage(tmp_path, 6)
    assert Checkpoints(tmp_path, step, keep=2).restore() == 3, "TensorFlow's own CRC tells"


def test_a_damaged_list_of_checkpoints_loses_none(step, tmp_path):
    save(step, tmp_path, 6)
    (tmp_path / "checkpoint").write_text("{")
    assert Checkpoints(tmp_path, step, keep=2).restore() == 6


@pytest.mark.parametrize("part", ["discriminator", "generator_optimizer"])
def test_weights_that_are_not_finite_are_not_saved(config, tmp_path, part):
    """An optimizer's too: where its spread is infinite, nothing moves any more."""
    bad = made(config, seed=1)
    Checkpoints(tmp_path, bad, keep=2).save()
    bad.step.assign(1)
    weights = getattr(bad, part).variables[-1]
    weights.assign(tf.fill(weights.shape, float("inf")))
    with pytest.raises(UserError, match="step 1: the weights are not finite"):
        Checkpoints(tmp_path, bad, keep=2).save()
    assert newest_checkpoint(tmp_path).name == "step-0"


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
    assert restore_network(newest_checkpoint(tmp_path), other.cascade) == 5
    for ours, theirs in zip(other.cascade.variables, step.cascade.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_run_without_a_checkpoint_cannot_draw(step, tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        restore_network(newest_checkpoint(tmp_path), step.cascade)
