"""Training that meets a bad loss, a full disk, damaged data, or the end of its time."""

import json
import shutil

import pytest
import tensorflow as tf
from helpers.training import Signalled

from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.errors import UserError

#: Of stats.jsonl, what depends on the machine.
TIMES = ("images_per_second", "waiting_for_data")


def stats(folder):
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name not in TIMES} for line in lines]


class _Told:
    """A step that only counts; its loss goes ``bad`` at the third call."""

    def __init__(self, step, bad=0.5):
        self._count, self._bad = step.step, bad
        self.step = step.step

    def __call__(self, batch):
        done = int(self._count.assign_add(1).numpy())
        return {"refined_l1": tf.constant(self._bad if done == 3 else 0.5)}


@pytest.fixture
def told(make, tmp_path):
    """Makes a trainer of such a step: ``told("monitor.log_steps=100", bad=float("nan"))``."""

    def told(*overrides, bad=0.5):
        rarely = ("monitor.validation_steps=100", "monitor.grid_steps=100")
        trainer = make(tmp_path, "training.checkpoint_steps=2", *rarely, *overrides)
        trainer.step = _Told(trainer.step, bad)
        return trainer

    return told


def kept(folder):
    return [path.name for path in (folder / "checkpoints").glob("*.index")]


@pytest.mark.parametrize(("log_steps", "bad"), [(1, float("nan")), (100, 1e6)])
def test_a_bad_loss_stops_the_run_at_the_checkpoint_before(told, tmp_path, log_steps, bad):
    trainer = told(f"monitor.log_steps={log_steps}", bad=bad)
    stream = training_batches(trainer.dataset, trainer.data, trainer.config, seed=0)
    third = [name.decode() for name in list(stream.take(3))[2]["id"].numpy()]
    said = r"step 3: refined_l1 is .*lower learning rate: --resume"
    with pytest.raises(UserError, match=said) as caught:
        trainer.train()
    assert third[0] in str(caught.value)
    assert json.loads((tmp_path / "fault.json").read_text())["records"] == third
    assert kept(tmp_path) == ["step-2.index"]


def test_ctrl_c_does_not_save_weights_after_a_bad_loss_that_nobody_saw(told, tmp_path):
    trainer = told("monitor.log_steps=100", bad=float("nan"))
    trainer.step = Signalled(trainer.step, at=3)
    with pytest.raises(UserError, match="step 3: refined_l1 is not finite"):
        trainer.train()
    assert kept(tmp_path) == ["step-2.index"]


def test_a_run_leaves_when_its_time_is_up(told, tmp_path):
    result = told().train(max_hours=1e-12)
    assert (result.step, result.metrics, result.finished) == (1, None, False)
    assert kept(tmp_path) == ["step-1.index"]


def test_a_full_disk_at_the_statistics_damages_nothing(told, tmp_path):
    trainer = told("training.steps=100")

    class Filling(_Told):
        def __call__(self, batch):
            losses = super().__call__(batch)
            if int(self._count.numpy()) == 4:
                (tmp_path / "stats.jsonl").rename(tmp_path / "written")
                (tmp_path / "stats.jsonl").symlink_to("/dev/full")
            return losses

    trainer.step = Filling(trainer.step)
    with pytest.raises(UserError, match=r"disk is full: .*continue with --resume"):
        trainer.train()
    assert len((tmp_path / "written").read_text().splitlines()) == 3
    assert kept(tmp_path) == ["step-2.index"]


def test_a_shard_cut_short_while_training_stops_the_run(make, tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    rarely = ("monitor.validation_steps=100", "monitor.grid_steps=100", "data.cache=false")
    trainer = make(tmp_path / "run", "training.steps=100", *rarely, data=data)
    shard = data / trainer.dataset.shards["train"][0].name

    class Cutting(_Told):
        def __call__(self, batch):
            losses = super().__call__(batch)
            if int(self._count.numpy()) == 4:
                shard.write_bytes(shard.read_bytes()[:-5])
            return losses

    trainer.step = Cutting(trainer.step)
    with pytest.raises(UserError, match=f"changed during training: .*{shard.name} has"):
        trainer.train()
    assert kept(tmp_path / "run") == ["step-3.index"]


def test_a_run_that_is_removed_while_training_says_so(told, tmp_path):
    trainer = told("training.steps=100")

    class Removing(_Told):
        def __call__(self, batch):
            losses = super().__call__(batch)
            if int(self._count.numpy()) == 4:
                shutil.rmtree(tmp_path)
            return losses

    trainer.step = Removing(trainer.step)
    with pytest.raises(UserError, match=r"was removed or its disk disconnected .* train again"):
        trainer.train()
