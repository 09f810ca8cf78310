import pytest

from cargan_tf.training import callbacks
from cargan_tf.training.callbacks import Throughput


@pytest.fixture
def now(monkeypatch):
    """The time, in seconds, that the clock reads."""
    time = [100.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: time[0])
    return time


def test_reads_pictures_a_second_and_the_share_of_waiting(now):
    loss_guard = Throughput(batch_size=8)
    for _ in range(3):
        with loss_guard.waiting():
            now[0] += 1
        now[0] += 3
        loss_guard.count_step()
    assert loss_guard.read() == {"pictures_per_second": 2.0, "waiting_for_data": 0.25}


def test_what_is_done_while_it_is_stopped_does_not_count(now):
    loss_guard = Throughput(batch_size=8)
    now[0] += 2
    loss_guard.count_step()
    with loss_guard.stopped():
        now[0] += 30
    now[0] += 2
    loss_guard.count_step()
    assert loss_guard.read() == {"pictures_per_second": 4.0, "waiting_for_data": 0.0}


def test_a_reading_begins_anew(now):
    loss_guard = Throughput(batch_size=4)
    now[0] += 5
    loss_guard.count_step()
    loss_guard.read()
    now[0] += 2
    loss_guard.count_step()
    assert loss_guard.read() == {"pictures_per_second": 2.0, "waiting_for_data": 0.0}
