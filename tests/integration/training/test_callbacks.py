from contextlib import contextmanager

import pytest
from PIL import Image

from cargan_tf.config import MonitorConfig
from cargan_tf.errors import UserError
from cargan_tf.training.callbacks import Checkpointing, EMAUpdate, Logging, Throughput, Validating
from cargan_tf.training.conditioning_metrics import ConditioningMetrics
from cargan_tf.training.ema import ema_weights
from cargan_tf.utils.progress import SilentReporter

METRICS = ConditioningMetrics(12, 0.5, 0.25, None, None, 0.1, 0.2, 0.3, 0.25, 0.4)
INTERVALS = MonitorConfig(log_steps=2, validation_steps=3, grid_steps=6)
TOTAL = 7


class Recorder:
    """Stands for guard, log, validation, EMA, checkpoints and task; records the calls."""

    def __init__(self):
        self.calls, self.averaged, self.bad = [], False, False

    def check(self):
        if self.bad:
            raise UserError("a loss is not finite")
        self.calls.append("check")
        return {"coarse_l1": 0.5}

    def record(self, step, kind, values):
        self.calls.append((kind, step, set(values)))

    def measure(self):
        self.calls.append(("measure", self.averaged))
        return METRICS

    def grid(self):
        self.calls.append(("grid", self.averaged))
        return Image.new("RGB", (4, 4))

    def write_grid(self, step, grid, png):
        self.calls.append(("write_grid", step))

    def save(self, write):
        self.calls.append(("save", write))

    def advance(self, count=1, note=""):
        self.calls.append(("advance", count))

    def update(self, step):
        self.calls.append(("update", step))

    @contextmanager
    def in_place(self):
        self.averaged = True
        yield
        self.averaged = False


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def logging(recorder):
    return Logging(INTERVALS.log_steps, TOTAL, recorder, recorder, Throughput(4), recorder)


@pytest.fixture
def validating(recorder):
    parts = (recorder, recorder, recorder, Throughput(4), recorder, SilentReporter())
    return Validating(INTERVALS, TOTAL, *parts)


@pytest.fixture
def checkpointing(recorder):
    return Checkpointing(3, recorder, recorder, Throughput(4), None, True)


def end_step(callback, step):
    callback.on_step_end(step, {}, {})


def names(calls):
    return [call[0] for call in calls if call != "check" and call[0] != "advance"]


def test_each_task_has_its_interval_and_all_are_due_at_the_last_step(recorder, logging, validating):
    by_step = {}
    for step in range(1, TOTAL + 1):
        recorder.calls.clear()
        end_step(logging, step)
        end_step(validating, step)
        assert recorder.calls.count(("advance", 1)) == 1
        by_step[step] = names(recorder.calls)
    validation, grid = ["measure", "validation"], ["grid", "write_grid"]
    assert by_step == {
        1: [],
        2: ["training"],
        3: validation,
        4: ["training"],
        5: [],
        6: ["training", *validation, *grid],
        7: ["training", *validation, *grid],
    }
    assert validating.metrics == METRICS


def test_validation_and_grids_use_the_ema_weights(recorder, validating):
    end_step(validating, 6)
    assert {("measure", True), ("grid", True)} <= {c for c in recorder.calls if len(c) == 2}
    assert not recorder.averaged
    with ema_weights(None):
        assert not recorder.averaged


def test_a_log_line_has_losses_and_throughput(recorder, logging):
    end_step(logging, 2)
    values = {"coarse_l1", "images_per_second", "waiting_for_data"}
    assert ("training", 2, values) in recorder.calls


def test_workers_that_do_not_write_check_losses_all_the_same(recorder):
    throughput = Throughput(4)
    end_step(Logging(2, TOTAL, None, recorder, throughput, recorder), 2)
    without = Validating(
        INTERVALS, TOTAL, None, None, recorder, throughput, recorder, SilentReporter()
    )
    end_step(without, 3)
    assert recorder.calls.count("check") == 2
    assert names(recorder.calls) == []
    assert without.metrics is None


def test_nothing_is_validated_or_saved_after_a_bad_loss(recorder, validating, checkpointing):
    recorder.bad = True
    for callback in (validating, checkpointing):
        with pytest.raises(UserError, match="not finite"):
            end_step(callback, 3)
    assert names(recorder.calls) == []


def test_losses_are_checked_before_a_checkpoint_is_written(recorder, checkpointing):
    end_step(checkpointing, 3)
    assert recorder.calls == ["check", ("save", True)]


def test_the_last_step_of_a_session_is_saved_once(recorder, checkpointing):
    end_step(checkpointing, 3)
    checkpointing.on_train_end(3)
    assert recorder.calls.count(("save", True)) == 1
    end_step(checkpointing, 4)
    checkpointing.on_train_end(4)
    assert recorder.calls.count(("save", True)) == 2


def test_a_changed_data_set_is_refused_before_a_checkpoint_is_written(recorder, tmp_path):
    checkpointing = Checkpointing(1, recorder, recorder, Throughput(4), tmp_path, True)
    with pytest.raises(UserError, match="the data set changed during training"):
        end_step(checkpointing, 1)
    assert ("save", True) not in recorder.calls


def test_the_ema_is_updated_each_step(recorder):
    callback = EMAUpdate(recorder)
    for step in (1, 2):
        end_step(callback, step)
    assert recorder.calls == [("update", 1), ("update", 2)]
