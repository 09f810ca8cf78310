"""Preprocessing that is interrupted, killed, disturbed or out of room."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.data import contents

from cargan_tf.data.preprocessing.preprocess import preprocess

KILLED = """
import multiprocessing, os, signal, sys
from pathlib import Path
from cargan_tf.config.loading import config_from_json
from cargan_tf.data.preprocessing.preprocess import preprocess
import json

class Killer:
    def __init__(self): self.pairs = 0
    def task(self, description, total): return self
    def __enter__(self): return self
    def __exit__(self, *exception): pass
    def advance(self, count=1, note=""):
        self.pairs += count
        if self.pairs > 17:
            Path(sys.argv[4]).write_text(
                " ".join(str(child.pid) for child in multiprocessing.active_children()))
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    config = config_from_json(json.loads(sys.argv[3]), "test")
    preprocess(Path(sys.argv[1]), Path(sys.argv[2]), config, workers=2, reporter=Killer())
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes by /proc")
def test_a_killed_run_leaves_no_data_set_and_no_process(
    pristine_tree, dataset_path, tmp_path, config
):
    (tmp_path / "killed.py").write_text(KILLED)
    pids = tmp_path / "pids"
    killed = subprocess.run(
        [
            *(sys.executable, tmp_path / "killed.py", pristine_tree, tmp_path / "out"),
            *(config.model_dump_json(), pids),
        ],
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "out").exists()
    workers = [int(pid) for pid in pids.read_text().split()]
    assert len(workers) == 2
    until = time.monotonic() + 20
    while any(is_running(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(is_running(pid) for pid in workers)
    preprocess(pristine_tree, tmp_path / "out", config, workers=1)
    assert contents(tmp_path / "out") == contents(dataset_path)
