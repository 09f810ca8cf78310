import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

HOLD_LOCK = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def trainable(data, tiny_classifier):
    """A copy of the data set with its classifier."""
    shutil.copytree(tiny_classifier, data / "classifier")
    return data


#: Half of the cascade and no attention: traced in half of the time.
NARROW = ("--set", "model.stages=1", "--set", "model.attention=none")


def _last_step(run):
    return json.loads((run / "stats.jsonl").read_text("utf-8").splitlines()[-1])["step"]


@pytest.mark.slow
def test_devices_can_be_rehearsed_from_the_first_step(cargan_process, trainable):
    words = ("--virtual-devices", 2, "--set", "training.steps=1", *NARROW)
    done = cargan_process("train", *words, cwd=trainable.parent)
    assert done.status == 0, done.err
    assert _last_step(trainable.parent / "runs" / "tiny") == 1
    assert done.next == "cargan export runs/tiny saved_models/tiny"


def test_a_rehearsal_names_its_devices(cargan_process, trainable):
    done = cargan_process("train", trainable, "--virtual-devices", 4, "--dry-run")
    assert done.status == 0, done.err
    assert done.err == ""
    assert all(f"CPU:{index}" in done.out for index in range(4))


def test_a_run_in_use_is_refused(cargan, tiny_data, run):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, run / ".lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        error = cargan("train", tiny_data, "--run", run, "--resume").error
        holder.stdin.close()
    assert f"{run} is in use by another training process" in error


@pytest.mark.slow
def test_ctrl_c_is_one_line_that_says_how_to_go_on(start_cargan, trainable):
    run = trainable.parent / "run"
    words = ("train", trainable, "--run", run, "--set", "training.steps=100000", *NARROW)
    process = start_cargan(*words)
    deadline = time.monotonic() + 240
    while not (run / "stats.jsonl").is_file() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 130, err
    made_with, *progress, last = [line for line in err.splitlines() if not line.startswith("step ")]
    assert "tensorflow 2." in made_with
    assert made_with.endswith("; seed 0")
    go_on = " ".join(["cargan", *map(str, words), "--resume"])
    assert last == f"Interrupted. Resume with: {go_on}"
    assert all(line.startswith("Training: ") for line in progress)
