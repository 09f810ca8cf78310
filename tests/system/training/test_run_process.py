import json
import subprocess
import sys

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run, RunInfo


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


@pytest.fixture
def info(tiny_config):
    statistics = BandStatistics((-40.0, -50.25), (5.0, 6.5))
    return RunInfo(tiny_config, ("cello", "flute"), statistics, "data", "0a1b", 0.97)


def test_another_process_in_the_same_directory_is_refused(run):
    program = (
        "import sys; from pathlib import Path; from cargan_tf.training.run import Run\n"
        f"with Run(Path({str(run.path)!r})).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="in use by another training process"), run.locked():
            pass
        other.kill()  # as when it crashed: the lock falls with it
        other.wait()
        with run.locked():
            assert run.path.is_dir()


def test_a_run_of_another_format_is_not_misread(run, info):
    run.write_info(info)
    values = json.loads(run.info_file.read_text("utf-8"))
    run.info_file.write_text(json.dumps({**values, "format": 1}), "utf-8")
    with pytest.raises(UserError, match="has format 1, this version of cargan_tf reads 2"):
        run.read_info()
