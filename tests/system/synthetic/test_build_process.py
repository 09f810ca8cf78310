from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.data_sample import SMALL

from cargan_tf.synthetic.build import make_sample_data


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(small_set, tmp_path):
    make_sample_data(tmp_path / "again", **SMALL, workers=2)
    assert contents(tmp_path / "again") == contents(small_set)


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from cargan_tf.synthetic.build import make_sample_data\n"
        "from cargan_tf.errors import UserError\n"
        "try:\n"
        "    make_sample_data('set', count=18, labels=['oboe'], workers=2)\n"
        "except UserError as fault:\n"
        "    print('told:', fault)\n"
    )
    run = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "__main__" in run.stdout


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_killed_it_leaves_no_process_behind(tmp_path):
    program = (
        "import sys; from cargan_tf.synthetic.build import make_sample_data\n"
        "if __name__ == '__main__': make_sample_data(sys.argv[1], workers=2)"
    )
    (tmp_path / "make.py").write_text(program)
    process = subprocess.Popen([sys.executable, tmp_path / "make.py", tmp_path / "set"])
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = _eventually(lambda: [pid for pid in tasks.read_text().split() if _spawned(pid)][1:])
    process.kill()
    process.wait()
    assert _eventually(lambda: not any(map(_spawned, workers)))


def _spawned(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _eventually(ask):
    deadline = time.monotonic() + 60
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
