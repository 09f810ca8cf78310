"""A run that goes on, or is kept from it."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from helpers.training import Signalled
from PIL import Image

from cargan_tf.errors import UserError
from cargan_tf.training.run import Run

#: Of stats.jsonl, what depends on the machine.
TIMES = ("images_per_second", "waiting_for_data")


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


def stats(folder):
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name not in TIMES} for line in lines]


def saved_tensors(folder):
    """Everything in the newest checkpoint: networks, statistics, optimizers' slots, the step."""
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
    trainer.step = Signalled(trainer.step, at=3)
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
    images = [np.asarray(Image.open(f / "images/step_0000006.png")) for f in (tmp_path, tiny_run)]
    np.testing.assert_array_equal(*images)


def test_a_run_resumed_at_its_end_only_listens(make, run_copy):
    result = make(run_copy, resume=True).train()
    assert result.step == 6
    assert result.metrics.pairs == 12
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
    with pytest.raises(UserError, match=r"was trained on .* differs from .*give the same data"):
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
