import subprocess
import sys

import pytest
import tensorflow as tf


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    listed = tf.config.list_physical_devices
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: [] if kind == "GPU" else listed(kind)
    )


def test_a_fresh_process_is_split_as_asked():
    program = (
        "from cargan_tf.training.distribution import make_strategy;"
        "print(make_strategy(virtual_devices=3).num_replicas_in_sync)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["3"], done.stderr
