from contextlib import contextmanager

import pytest

from cargan_tf.config import Config, MonitorConfig
from cargan_tf.errors import UserError
from cargan_tf.training.callbacks import Throughput, UpkeepCallbacks, generation_weights
from cargan_tf.utils.progress import SilentReporter


class Played:
    """In the place of monitor, watch, checkpoints and average: notes what is asked of it."""

    def __init__(self):
        self.done, self.averaged, self.bad = [], False, False

    def look(self):
        if self.bad:
            raise UserError("a loss is not finite")
        self.done.append("look")
        return {"coarse_l1": 0.5}

    def record(self, step, kind, values):
        self.done.append(("record", step, set(values)))

    def validate(self, step):
        self.done.append(("listen", step, self.averaged))

    def write_grid(self, step):
        self.done.append(("draw", step, self.averaged))

    def save(self, write):
        self.done.append(("save", write))

    def advance(self, count=1, note=""):
        self.done.append(("advance", count))

    @contextmanager
    def in_place(self):
        self.averaged = True
        yield
        self.averaged = False


@pytest.fixture
def played():
    return Played()


@pytest.fixture
def upkeep(played, tmp_path):
    monitor = MonitorConfig(log_steps=2, validation_steps=3, grid_steps=6)
    config = Config(monitor=monitor)
    throughput = Throughput(batch_size=4)
    parts = (played, played, throughput, played)
    return UpkeepCallbacks(config, tmp_path, *parts, True, played, SilentReporter())


def names(played):
    """What was done that is to be seen."""
    return [one[0] for one in played.done if one != "look" and one[0] != "advance"]


def test_each_has_its_interval_and_all_are_due_at_the_end(upkeep, played):
    by_step = {}
    for step in range(1, 8):
        played.done.clear()
        upkeep.after(step, step == 7, played)
        assert played.done.count(("advance", 1)) == 1
        by_step[step] = names(played)
    assert by_step == {
        1: [],
        2: ["record"],
        3: ["listen"],
        4: ["record"],
        5: [],
        6: ["record", "listen", "draw"],
        7: ["record", "listen", "draw"],
    }


def test_the_averaged_weights_draw(upkeep, played):
    upkeep.after(6, False, played)
    assert {("listen", 6, True), ("draw", 6, True)} <= set(map(tuple, _pairs(played)))
    assert not played.averaged
    with generation_weights(None):
        assert not played.averaged


def _pairs(played):
    return [one for one in played.done if one[0] in ("listen", "draw")]


def test_what_is_logged_has_losses_and_speed(upkeep, played):
    upkeep.after(2, False, played)
    recorded = {"coarse_l1", "pictures_per_second", "waiting_for_data"}
    assert ("record", 2, recorded) in played.done


def test_nothing_is_heard_drawn_or_saved_after_a_bad_loss(upkeep, played):
    played.bad = True
    for action in (lambda: upkeep.after(3, False, played), upkeep.save):
        with pytest.raises(UserError, match="not finite"):
            action()
    assert names(played) == []


def test_losses_are_looked_at_before_a_checkpoint_is_written(upkeep, played):
    upkeep.save()
    assert played.done == ["look", ("save", True)]
