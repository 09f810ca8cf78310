"""Two workers in processes of their own, joined by TF_CONFIG on loopback."""

import socket
import time

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.distribution import Workers, check_divisible, wait_until_ended


def test_a_batch_must_be_shared_by_all_workers_devices(tiny_config):
    check_divisible(tiny_config, replicas=4, workers=2)
    said = r"4 is not a multiple of the 6 devices \(2 workers of 3\); the nearest is 6"
    with pytest.raises(UserError, match=said):
        check_divisible(tiny_config, replicas=6, workers=2)


def test_one_worker_asks_nobody():
    alone = Workers(tf.distribute.MirroredStrategy(["/cpu:0"]))
    assert (alone.count, alone.index, alone.is_chief) == (1, 0, True)
    assert alone.any(True, False) == (True, False)
    alone.check_same({"anything": np.nan})


def test_worker_0_does_not_wait_for_ever():
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        wait_until_ended([f"127.0.0.1:{server.getsockname()[1]}"], patience=0.1)
    assert 0.1 <= time.monotonic() - began < 5


def test_another_fault_is_not_taken_for_a_lost_worker():
    alone = Workers(tf.distribute.MirroredStrategy(["/cpu:0"]))
    with pytest.raises(tf.errors.UnavailableError), alone.explain_worker_failure():
        raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: a test")
