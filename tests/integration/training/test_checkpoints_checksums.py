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


def test_what_was_sealed_is_whole(checkpoint):
    assert checkpoints.has_checksums(checkpoint)
    assert checkpoints.find_damage(checkpoint) is None
    assert not checkpoints.has_checksums(checkpoint.with_name("step-30"))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_short_is_named(checkpoint, name):
    file = checkpoint.with_name(name)
    file.write_bytes(file.read_bytes()[:-1])
    damage = checkpoints.find_damage(checkpoint)
    assert damage == f"{name} differs from what was written (SHA-256)"


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(checkpoint, name):
    checkpoint.with_name(name).unlink()
    assert checkpoints.find_damage(checkpoint) == f"{name} is missing"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"0123  step-3.ind"])
def test_damaged_checksums_are_named(checkpoint, content):
    checkpoint.with_name("step-3.sha256").write_bytes(content)
    assert checkpoints.find_damage(checkpoint) == "step-3.sha256 is damaged"


@pytest.mark.parametrize("lines", [1, 2])
def test_checksums_that_leave_a_file_out_are_named(checkpoint, lines):
    """Cut short between two lines, with a file that nobody would then look at."""
    sums = checkpoint.with_name("step-3.sha256")
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:lines]))
    assert checkpoints.find_damage(checkpoint) == "step-3.sha256 is damaged"


def test_checksums_name_no_file_elsewhere(checkpoint):
    with checkpoint.with_name("step-3.sha256").open("a") as stream:
        stream.write("0123  ../elsewhere\n")
    assert checkpoints.find_damage(checkpoint) == "elsewhere is missing"
