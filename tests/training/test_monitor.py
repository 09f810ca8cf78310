import json
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from cargan_tf.training.callbacks import RunLogger
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.run import Run

FIGURES = ConditioningMetrics(12, 0.5, 0.25, None, None, 0.1, 0.2, 0.3, 0.25, 0.4)


class OnePicture:
    """Stands for a gallery, which has tests of its own."""

    def figures(self):
        return FIGURES

    def grid(self):
        return Image.fromarray(np.full((8, 12, 3), 77, np.uint8))


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.path.mkdir()
    return run


@pytest.fixture
def monitor(run):
    return RunLogger(run, OnePicture(), start=0)


def lines(run):
    return [json.loads(line) for line in run.stats.read_text().splitlines()]


def events(run):
    events = EventAccumulator(str(run.tensorboard))
    events.Reload()
    return events


def test_records_are_lines_of_json(run, monitor):
    monitor.record(1, "training", {"refined_l1": 0.5})
    monitor.record(2, "training", {"refined_l1": 0.25})
    assert lines(run) == [
        {"step": 1, "kind": "training", "refined_l1": 0.5},
        {"step": 2, "kind": "training", "refined_l1": 0.25},
    ]


def test_tensorboard_finds_every_value_and_the_grid(run, monitor):
    monitor.record(3, "training", {"refined_l1": 0.5, "coarse_l1": 0.75})
    monitor.validate(3)
    monitor.write_grid(3)
    monitor.close()
    found = events(run)
    scalars = set(found.Tags()["tensors"])
    assert {"training/refined_l1", "training/coarse_l1", "listening/retrieval", "grid"} <= scalars
    assert "listening/player_match" not in scalars  # it was None
    (event,) = found.Tensors("training/coarse_l1")
    assert (event.step, tf.make_ndarray(event.tensor_proto)) == (3, 0.75)


def test_listening_figures_are_returned_and_written(run, monitor):
    assert monitor.validate(4) == FIGURES
    assert lines(run) == [{"step": 4, "kind": "listening", **FIGURES.to_json()}]


def test_grids_are_named_by_their_step(run, monitor):
    monitor.write_grid(12)
    with Image.open(run.images / "step_0000012.png") as image:
        assert image.size == (12, 8)
        assert image.getpixel((0, 0)) == (77, 77, 77)


def test_a_resumed_run_drops_what_a_killed_one_wrote_beyond_its_checkpoint(run, monitor):
    for step in (1, 2, 3, 4):
        monitor.record(step, "training", {"refined_l1": step / 8})
    with run.stats.open("a") as stream:
        stream.write('{"step": 5, "kind": "trai')
    RunLogger(run, None, start=2).record(3, "training", {"refined_l1": 1.0})
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
    monitor = RunLogger(run, None, start=0)
    for step in (1, 2, 3, 4):
        monitor.record(step, "training", {"refined_l1": step / 8})
    monitor.close()
    new_process()
    resumed = RunLogger(run, None, start=2)
    resumed.record(3, "training", {"refined_l1": 1.0})
    resumed.close()
    # What TensorBoard shows; the older reader above drops no tensors.
    shown = plugin_event_accumulator.EventAccumulator(str(run.tensorboard))
    shown.Reload()
    found = shown.Tensors("training/refined_l1")
    curve = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in found]
    assert curve == [(1, 0.125), (2, 0.25), (3, 1.0)]


def test_a_run_resumed_at_its_end_tells_of_it_once(run, monitor):
    """Killed after its last checkpoint, it measures its last step again."""
    monitor.validate(6)
    assert RunLogger(run, OnePicture(), start=6).validate(6) == FIGURES
    assert [line["step"] for line in lines(run)] == [6]


@pytest.mark.parametrize("line", ["", "[]", "3", "null", '{"kind": "training"}', "{"])
def test_a_damaged_line_is_dropped(run, line):
    run.stats.write_text(f'{{"step": 1, "kind": "training"}}\n{line}\n')
    RunLogger(run, None, start=5)
    assert lines(run) == [{"step": 1, "kind": "training"}]


def test_without_held_out_pairs_nothing_is_drawn(run):
    monitor = RunLogger(run, None, start=0)
    assert monitor.validate(1) is None
    monitor.write_grid(1)
    assert not run.images.exists()
