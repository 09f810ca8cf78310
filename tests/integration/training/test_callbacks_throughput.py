import pytest

from cargan_tf.training import callbacks
from cargan_tf.training.callbacks import Throughput


@pytest.fixture
def now(monkeypatch):
    """The time, in seconds, that the clock reads."""
    time = [100.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: time[0])
    return time


def test_reads_images_per_second_and_the_fraction_of_waiting(now):
    throughput = Throughput(batch_size=8)
    for _ in range(3):
        with throughput.waiting():
            now[0] += 1
        now[0] += 3
        throughput.count_step()
    assert throughput.read() == {"images_per_second": 2.0, "waiting_for_data": 0.25}


def test_what_is_done_while_it_is_stopped_does_not_count(now):
    throughput = Throughput(batch_size=8)
    now[0] += 2
    throughput.count_step()
    with throughput.paused():
        now[0] += 30
    now[0] += 2
    throughput.count_step()
    assert throughput.read() == {"images_per_second": 4.0, "waiting_for_data": 0.0}


def test_a_reading_begins_anew(now):
    throughput = Throughput(batch_size=4)
    now[0] += 5
    throughput.count_step()
    throughput.read()
    now[0] += 2
    throughput.count_step()
    assert throughput.read() == {"images_per_second": 2.0, "waiting_for_data": 0.0}
