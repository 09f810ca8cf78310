"""Two workers in processes of their own, joined by TF_CONFIG on loopback."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
import yaml

from cargan_tf.config import override
from cargan_tf.training.distribution import wait_until_ended

#: The command line without TensorFlow's graph optimizer: most of the time until a first step is
#: done goes into it.
CARGAN = """
import sys
from cargan_cli.tensorflow_import import import_tensorflow
import_tensorflow(start_devices=False)
import tensorflow as tf
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
from cargan_cli.main import main
main(sys.argv[1:])
"""


#: A process that listens, as a worker's does.
LISTENING = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
print("connected", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def settings(tiny_config, tmp_path_factory):
    """As in the test of four replicas: nothing that blows round-off up to a whole step."""
    texts = [
        *(
            "model.stages=1",
            "model.attention=none",
            "model.init_stddev=0.02",
            "training.adam_epsilon=1e-3",
        ),
        *("training.learning_rate=1e-3", "training.steps=100000", "training.checkpoint_steps=1"),
        *("monitor.grid_steps=100", "monitor.validation_steps=100", "monitor.validation_clips=4"),
    ]
    path = tmp_path_factory.mktemp("workers") / "tiny.yaml"
    path.write_text(yaml.safe_dump(override(tiny_config, texts).model_dump(mode="json")), "utf-8")
    return path


@pytest.fixture(scope="module")
def train(tiny_data, tiny_classifier, settings):
    """Starts so many workers on a run; their lines go to ``<run>.<index>``."""
    started = []

    def start(run, *words, workers=1):
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
        for index in range(workers):
            cluster = {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
            with run.with_name(f"{run.name}.{index}").open("ab") as told:
                started.append(
                    subprocess.Popen(
                        [
                            *(sys.executable, "-c", CARGAN, "train", tiny_data, "--run", run),
                            *("--config", settings, *words),
                        ],
                        env={
                            **os.environ,
                            "TF_CPP_MIN_LOG_LEVEL": "1",
                            "TF_CONFIG": json.dumps(cluster),
                        },
                        stdout=told,
                        stderr=told,
                    )
                )
        return started[-workers:]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_two_workers_one_killed_and_both_stopped_are_one_worker(train, tmp_path):
    """Equal up to float32's round-off, as sums over workers are taken in another order: weights,
    which have moved by up to 1e-3 a step, within 1e-5 (1e-6 when this was written)."""
    run, alone = tmp_path / "run", tmp_path / "alone"
    chief, worker = train(run, workers=2)
    _wait_for(run, 2, chief)
    worker.send_signal(signal.SIGKILL)
    assert chief.wait(timeout=200) == 75, _told(run, 0)
    assert _told(run, 0)[-1] == (
        "Error: worker 0 of 2 stops: another worker died or cannot be reached. Restart all workers"
        " with --resume: they continue from the last checkpoint."
    )
    killed_at = max(_steps_saved(run))

    chief, worker = train(run, "--resume", workers=2)
    _wait_for(run, killed_at + 2, chief)
    worker.send_signal(signal.SIGTERM)
    assert (chief.wait(timeout=200), worker.wait(timeout=200)) == (75, 143), _told(run, 0)
    last = max(_steps_saved(run))
    assert f"another worker was stopped; step {last} is saved" in _told(run, 0)[-1]
    assert _told(run, 1)[-1].startswith("Terminated. Resume with: cargan train")
    assert "grpc" not in "".join(_told(run, 0) + _told(run, 1)).lower()
    sessions = [json.loads(text) for text in (run / "sessions.jsonl").read_text().splitlines()]
    assert [(one["after_step"], one["workers"]) for one in sessions] == [(0, 2), (killed_at, 2)]

    (one_worker,) = train(alone, "--set", f"training.steps={last}")
    assert one_worker.wait(timeout=300) == 0, _told(alone, 0)
    ours, theirs = _losses(run), _losses(alone)
    assert list(ours) == list(theirs) == list(range(1, last + 1))
    for step, values in theirs.items():
        assert ours[step] == pytest.approx(values, rel=1e-4), step
    weights, expected = _weights(run), _weights(alone)
    assert weights.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_worker_0_ends_after_the_processes_of_the_others():
    peer = subprocess.Popen(
        [sys.executable, "-c", LISTENING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    address = f"127.0.0.1:{int(peer.stdout.readline())}"
    waiting = threading.Thread(target=wait_until_ended, args=([address],))
    waiting.start()
    assert peer.stdout.readline() == "connected\n"
    assert waiting.is_alive()
    peer.communicate("end")
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    wait_until_ended([address])  # nobody listens there any more


def _free_ports(count):
    """Ports below 32768, where Linux's ports for outgoing connections begin: no connection takes
    them before the workers do."""
    sockets = []
    for port in random.sample(range(20_000, 32_000), 200):
        one = socket.socket()
        with contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            sockets.append(one)
        if len(sockets) == count:
            break
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _told(run, index):
    return run.with_name(f"{run.name}.{index}").read_text().splitlines()


def _losses(run):
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    times = ("step", "kind", "images_per_second", "waiting_for_data")
    return {
        line["step"]: {name: value for name, value in line.items() if name not in times}
        for line in lines
        if line["kind"] == "training"
    }


def _weights(run):
    """Everything of the newest checkpoint but the optimizers' slots."""
    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    names = reader.get_variable_to_shape_map()
    return {
        name: reader.get_tensor(name)
        for name in names
        if name.startswith(("cascade", "discriminator/")) and "optimizer" not in name
    }


def _steps_saved(run):
    return [int(file.stem.split("-")[1]) for file in (run / "checkpoints").glob("step-*.sha256")]


def _wait_for(run, step, process):
    deadline = time.monotonic() + 300
    while step > max(_steps_saved(run), default=0):
        assert process.poll() is None, _told(run, 0)
        assert time.monotonic() < deadline
        time.sleep(0.02)
