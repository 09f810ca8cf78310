import json
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from cargan_tf.config import MonitorConfig
from cargan_tf.training.callbacks import LossGuard, RunLog, Throughput, Validating
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.run import Run
from cargan_tf.utils.progress import SilentReporter

METRICS = ConditioningMetrics(12, 0.5, 0.25, None, None, 0.1, 0.2, 0.3, 0.25, 0.4)


class OneImage:
    """Stands for a validation, which has tests of its own."""

    def measure(self):
        return METRICS

    def grid(self):
        return Image.fromarray(np.full((8, 12, 3), 77, np.uint8))


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.path.mkdir()
    return run


@pytest.fixture
def log(run):
    return RunLog(run, start=0)


def validating(log, validation=None):
    """Validation and grid at each step."""
    guard = LossGuard(tf.distribute.get_strategy(), 1.0, Path("unused"))
    intervals = MonitorConfig(validation_steps=1, grid_steps=1)
    rest = (guard, Throughput(1), None, SilentReporter())
    return Validating(intervals, 100, validation or OneImage(), log, *rest)


def lines(run):
    return [json.loads(line) for line in run.stats.read_text().splitlines()]


def events(run):
    events = EventAccumulator(str(run.tensorboard))
    events.Reload()
    return events


def test_records_are_lines_of_json(run, log):
    log.record(1, "training", {"refined_l1": 0.5})
    log.record(2, "training", {"refined_l1": 0.25})
    assert lines(run) == [
        {"step": 1, "kind": "training", "refined_l1": 0.5},
        {"step": 2, "kind": "training", "refined_l1": 0.25},
    ]


def test_tensorboard_finds_every_value_and_the_grid(run, log):
    log.record(3, "training", {"refined_l1": 0.5, "coarse_l1": 0.75})
    validating(log).on_step_end(3, {}, {})
    log.close()
    found = events(run)
    scalars = set(found.Tags()["tensors"])
    assert {"training/refined_l1", "training/coarse_l1", "validation/retrieval", "grid"} <= scalars
    assert "validation/player_match" not in scalars  # it was None
    (event,) = found.Tensors("training/coarse_l1")
    assert (event.step, tf.make_ndarray(event.tensor_proto)) == (3, 0.75)


def test_metrics_are_kept_and_written(run, log):
    callback = validating(log)
    callback.validate(4)
    assert callback.metrics == METRICS
    assert lines(run) == [{"step": 4, "kind": "validation", **METRICS.to_json()}]


def test_grids_are_named_by_their_step(run, log):
    validating(log).write_grid(12)
    with Image.open(run.images / "step_0000012.png") as image:
        assert image.size == (12, 8)
        assert image.getpixel((0, 0)) == (77, 77, 77)


def test_a_resumed_run_drops_what_a_killed_one_wrote_beyond_its_checkpoint(run, log):
    for step in (1, 2, 3, 4):
        log.record(step, "training", {"refined_l1": step / 8})
    with run.stats.open("a") as stream:
        stream.write('{"step": 5, "kind": "trai')
    RunLog(run, start=2).record(3, "training", {"refined_l1": 1.0})
    assert [(line["step"], line["refined_l1"]) for line in lines(run)] == [
        (1, 0.125),
        (2, 0.25),
        (3, 1.0),
    ]


@pytest.fixture
def new_process(monkeypatch):
    """Have the next session's files named as in a process of its own, begun a second later."""

    def begin():
        monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
        time.sleep(1.1)

    return begin


def test_a_resumed_runs_curves_do_not_double(run, new_process):
    new_process()
    log = RunLog(run, start=0)
    for step in (1, 2, 3, 4):
        log.record(step, "training", {"refined_l1": step / 8})
    log.close()
    new_process()
    resumed = RunLog(run, start=2)
    resumed.record(3, "training", {"refined_l1": 1.0})
    resumed.close()
    # What TensorBoard shows; the older reader above drops no tensors.
    shown = plugin_event_accumulator.EventAccumulator(str(run.tensorboard))
    shown.Reload()
    found = shown.Tensors("training/refined_l1")
    curve = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in found]
    assert curve == [(1, 0.125), (2, 0.25), (3, 1.0)]


def test_a_run_resumed_at_its_end_tells_of_it_once(run, log):
    """Killed after its last checkpoint, it measures its last step again."""
    validating(log).validate(6)
    again = validating(RunLog(run, start=6))
    again.validate(6)
    assert again.metrics == METRICS
    assert [line["step"] for line in lines(run)] == [6]


@pytest.mark.parametrize("line", ["", "[]", "3", "null", '{"kind": "training"}', "{"])
def test_a_damaged_line_is_dropped(run, line):
    run.stats.write_text(f'{{"step": 1, "kind": "training"}}\n{line}\n')
    RunLog(run, start=5)
    assert lines(run) == [{"step": 1, "kind": "training"}]


def test_without_held_out_pairs_there_is_no_validation(run, log):
    guard = LossGuard(tf.distribute.get_strategy(), 1.0, Path("unused"))
    rest = (guard, Throughput(1), None, SilentReporter())
    callback = Validating(MonitorConfig(validation_steps=1, grid_steps=1), 9, None, log, *rest)
    callback.on_step_end(1, {}, {})
    assert callback.metrics is None
    assert not run.images.exists()
