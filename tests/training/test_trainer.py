import json
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.config import override
from cargan_tf.data.pipeline import training_batches
from cargan_tf.errors import UserError
from cargan_tf.training.devices import make_strategy
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

#: Of stats.jsonl, what depends on the machine.
TIMES = ("pictures_per_second", "waiting_for_data")


@pytest.fixture
def make(tiny_data, tiny_classifier, tiny_config):
    """Makes a trainer on one device: ``make(folder, "training.steps=3", resume=True)``."""

    def make(folder, *overrides, data=tiny_data, **options):
        config = override(tiny_config, overrides)
        return Trainer(Run(folder), data, config, make_strategy(), **options)

    return make


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


def stats(folder):
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name not in TIMES} for line in lines]


def saved_tensors(folder):
    """Everything in the newest checkpoint: networks, statistics, optimisers' slots, the step."""
    reader = tf.train.load_checkpoint(str(folder / "checkpoints"))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name not in ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    }


@pytest.mark.slow
def test_k_and_k_resumed_steps_are_2k_straight_bit_for_bit(make, tiny_run, tmp_path):
    """SpecAugment and dropout on, Ctrl-C between, and lines past the checkpoint in the way."""
    trainer = make(tmp_path)
    trainer.step = _Signalled(trainer.step, at=3)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    with (tmp_path / "stats.jsonl").open("a") as stream:
        stream.write('{"step": 4, "kind": "training", "refined_l1": 9.0}\n{"step": 5, "ki')
    result = make(tmp_path, resume=True).train()
    assert result.step == 6
    assert stats(tmp_path) == stats(tiny_run)
    resumed, straight = saved_tensors(tmp_path), saved_tensors(tiny_run)
    assert resumed.keys() == straight.keys()
    assert len([name for name in straight if "optimizer" in name]) > 100
    for name, value in straight.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    pictures = [
        np.asarray(Image.open(f / "pictures/step_0000006.png")) for f in (tmp_path, tiny_run)
    ]
    np.testing.assert_array_equal(*pictures)


def test_a_run_writes_what_it_made(tiny_run, tiny_data):
    lines = stats(tiny_run)
    steps = [(line["kind"], line["step"]) for line in lines]
    assert steps == [
        *(("training", step) for step in (1, 2, 3)),
        ("listening", 3),
        *(("training", step) for step in (4, 5, 6)),
        ("listening", 6),
    ]
    assert all(np.isfinite(v) for line in lines for v in line.values() if isinstance(v, float))
    assert sorted(path.name for path in (tiny_run / "pictures").iterdir()) == [
        "step_0000003.png",
        "step_0000006.png",
    ]
    kept = [path.name for path in (tiny_run / "checkpoints").glob("*.index")]
    assert kept == ["step-6.index"]  # keep_checkpoints is 1
    info = Run(tiny_run).read_info()
    assert (info.labels, info.data) == (("cello", "flute", "violin"), str(tiny_data.resolve()))
    assert list((tiny_run / "tensorboard").glob("events*"))
    (session,) = map(json.loads, (tiny_run / "sessions.jsonl").read_text().splitlines())
    assert (session["after_step"], session["seed"], len(session["devices"])) == (0, 0, 1)
    assert session["versions"]["tensorflow"] == tf.__version__


def test_the_pictures_of_a_few_steps_already_follow_the_sound(tiny_run):
    assert stats(tiny_run)[-1]["sound_movement"] > 1e-3


def test_a_run_resumed_at_its_end_only_listens(make, run_copy):
    result = make(run_copy, resume=True).train()
    assert result.step == 6
    assert result.listening.pairs == 12
    assert stats(run_copy)[:8] == stats(run_copy.parent / "run")[:8]


def test_an_existing_run_is_not_written_over(make, run_copy):
    before = saved_tensors(run_copy)
    with pytest.raises(UserError, match=r"already holds a run.*--resume"):
        make(run_copy)
    np.testing.assert_equal(saved_tensors(run_copy), before)


def test_a_directory_in_use_is_refused_and_loses_nothing(make, run_copy):
    trainer = make(run_copy, resume=True)
    with Run(run_copy).locked(), pytest.raises(UserError, match="in use by another training"):
        trainer.train()
    assert len(stats(run_copy)) == 8


@pytest.mark.parametrize("resume", [True, False])
def test_whoever_was_starting_meanwhile_does_not_go_on_from_what_is_past(
    make, run_copy, tmp_path, resume
):
    """The lock is free again by the time it is asked for, but the run is another one by then."""
    folder = run_copy if resume else tmp_path / "new"
    slow = make(folder, resume=resume)
    if resume:
        for file in (folder / "checkpoints").glob("step-6.*"):
            shutil.copy(file, file.with_name(file.name.replace("-6", "-7")))
    else:
        shutil.copytree(run_copy, folder)
    before = saved_tensors(folder), stats(folder)
    with pytest.raises(UserError, match="another process trained" if resume else "already holds"):
        slow.train()
    np.testing.assert_equal((saved_tensors(folder), stats(folder)), before)


def test_resuming_on_other_data_is_refused(make, run_copy, tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    with (data / "dataset.json").open("a") as stream:
        stream.write("\n")
    with pytest.raises(UserError, match=r"is not the data set .*Name the same data"):
        make(run_copy, data=data, resume=True)


def test_resuming_with_another_configuration_is_refused(make, run_copy):
    with pytest.raises(
        UserError, match=r"another configuration \(loss\.l1: 100\.0 then, 10\.0 now\)"
    ):
        make(run_copy, "loss.l1=10", resume=True)


def test_resuming_may_change_length_rate_and_monitoring(make, run_copy):
    texts = ("training.steps=9", "training.learning_rate=1e-5", "monitor.log_steps=7")
    texts += ("training.decay_epochs=2",)
    texts += ("s2ic.latent=3",)  # of another kind of system: it has no part in this run
    trainer = make(run_copy, *texts, resume=True)
    assert (trainer.start, trainer.total_steps) == (6, 9)


def test_resuming_where_nothing_is_says_so(make, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        make(tmp_path / "none", resume=True)


def test_another_folder_may_hold_the_classifier(make, tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "elsewhere")
    trainer = make(tmp_path / "run", classifier=folder)
    assert trainer.info.classifier_accuracy >= 0.9


def test_a_missing_classifier_stops_the_run_before_it_begins(make, tmp_path):
    with pytest.raises(UserError, match="Train one first"):
        make(tmp_path / "run", classifier=tmp_path / "none")
    assert not (tmp_path / "run").exists()


def test_a_batch_that_replicas_cannot_share_is_refused(
    tiny_data, tiny_config, four_replicas, tmp_path
):
    config = override(tiny_config, ["training.batch_size=6"])
    with pytest.raises(UserError, match=r"6 cannot be shared evenly by 4 devices.* is 8"):
        Trainer(Run(tmp_path), tiny_data, config, four_replicas)


def test_a_description_builds_everything_and_writes_nothing(make, tmp_path):
    trainer = make(tmp_path / "run")
    text = trainer.describe()
    for part in (
        "image_size: 64",
        "24 train, 12 validation, 12 test",
        "labels: cello, flute, violin",
        "0 done of 6, 6 an epoch",
        f"G1: {trainer.network.coarse_generator.count_params():,} parameters",
        "CPU:0",
    ):
        assert part in text
    assert list(tmp_path.iterdir()) == []


class _Signalled:
    """A step during whose ``at``-th call somebody presses Ctrl-C."""

    def __init__(self, step, at):
        self._step, self._at, self._calls = step, at, 0

    def __call__(self, batch):
        self._calls += 1
        if self._calls == self._at:
            signal.raise_signal(signal.SIGINT)
        return self._step(batch)


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
        rarely = ("monitor.listening_steps=100", "monitor.picture_steps=100")
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
    with pytest.raises(UserError, match=r"step 3: refined_l1 is .*lower rate: --resume") as caught:
        trainer.train()
    assert third[0] in str(caught.value)
    assert json.loads((tmp_path / "fault.json").read_text())["records"] == third
    assert kept(tmp_path) == ["step-2.index"]


def test_ctrl_c_does_not_save_weights_after_a_bad_loss_that_nobody_saw(told, tmp_path):
    trainer = told("monitor.log_steps=100", bad=float("nan"))
    trainer.step = _Signalled(trainer.step, at=3)
    with pytest.raises(UserError, match="step 3: refined_l1 is not finite"):
        trainer.train()
    assert kept(tmp_path) == ["step-2.index"]


def test_a_run_leaves_when_its_time_is_up(told, tmp_path):
    result = told().train(max_hours=1e-12)
    assert (result.step, result.listening, result.finished) == (1, None, False)
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
    with pytest.raises(UserError, match=r"disk is full: .*go on with --resume"):
        trainer.train()
    assert len((tmp_path / "written").read_text().splitlines()) == 3
    assert kept(tmp_path) == ["step-2.index"]


def test_a_shard_cut_short_while_training_stops_the_run(make, tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    rarely = ("monitor.listening_steps=100", "monitor.picture_steps=100", "data.cache=false")
    trainer = make(tmp_path / "run", "training.steps=100", *rarely, data=data)
    shard = data / trainer.dataset.shards["train"][0].name

    class Cutting(_Told):
        def __call__(self, batch):
            losses = super().__call__(batch)
            if int(self._count.numpy()) == 4:
                shard.write_bytes(shard.read_bytes()[:-5])
            return losses

    trainer.step = Cutting(trainer.step)
    with pytest.raises(UserError, match=f"changed while training: .*{shard.name} has"):
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
    with pytest.raises(UserError, match=r"was removed or its disk went away .* train again"):
        trainer.train()
