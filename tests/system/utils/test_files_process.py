import subprocess
import sys

from cargan_tf.utils.files import sweep_unfinished, write_atomically


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; import cargan_tf.utils.files as files;"
        "os.fsync = lambda handle: os.kill(os.getpid(), 9);"
        "files.write_atomically(Path(sys.argv[1]), b'half')"
    )
    for name in ("file", ".hidden"):
        write_atomically(tmp_path / name, b"whole")
    subprocess.run([sys.executable, "-c", program, tmp_path / "file"], check=False)
    assert len(list(tmp_path.iterdir())) == 3
    sweep_unfinished(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "file": b"whole",
        ".hidden": b"whole",
    }
