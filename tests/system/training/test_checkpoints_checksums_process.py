import subprocess

import pytest

from cargan_tf.training import checkpoints

NAMES = ("step-3.index", "step-3.data-00000-of-00002", "step-3.data-00001-of-00002")


@pytest.fixture
def checkpoint(tmp_path):
    """Files with a checkpoint's names, and another's beside them."""
    for number, name in enumerate((*NAMES, "step-30.index")):
        (tmp_path / name).write_bytes(bytes(1000) + name.encode() * number)
    checkpoints.write_checksums(tmp_path / "step-3")
    return tmp_path / "step-3"


def test_sha256sum_reads_the_checksums(checkpoint):
    command = ["sha256sum", "--check", "step-3.sha256"]
    done = subprocess.run(command, cwd=checkpoint.parent, capture_output=True, text=True)
    assert sorted(done.stdout.splitlines()) == sorted(f"{name}: OK" for name in NAMES)
