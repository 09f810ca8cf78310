import multiprocessing
import os
import signal
import time

import pytest

from cargan_tf.data.preprocessing.worker import Chunk, extracting
from cargan_tf.data.sources.detection import find_source
from cargan_tf.errors import UserError
from cargan_tf.utils.subprocesses import default_workers


@pytest.fixture
def chunks(tree, config):
    pairs = find_source(tree).pairs
    return [
        Chunk(pairs[start : start + 6], config.audio, config.data.image_size)
        for start in range(0, len(pairs), 6)
    ]


def test_results_come_in_order_from_several_processes(chunks):
    with extracting(chunks, 2) as results:
        assert [result.pairs for result in results] == [chunk.pairs for chunk in chunks]


def test_one_worker_is_this_process(chunks, monkeypatch):
    monkeypatch.setattr("cargan_tf.data.preprocessing.worker.ProcessPoolExecutor", None)
    with extracting(chunks, 1) as results:
        assert len(list(results)) == len(chunks)


def test_a_process_that_dies_is_told(chunks):
    def run():
        with extracting(chunks, 2) as results:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
            list(results)

    with pytest.raises(UserError, match="fewer workers"):
        run()


def test_an_error_of_the_caller_does_not_wait_for_the_rest(chunks):
    def run():
        with extracting(chunks * 500, 2) as results:
            next(results)
            raise KeyError

    started = time.monotonic()
    with pytest.raises(KeyError):
        run()
    assert time.monotonic() - started < 30


def test_default_workers():
    assert default_workers() >= 1
