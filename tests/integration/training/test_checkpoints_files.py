import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.checkpoints import (
    finished_checkpoints,
    newest_checkpoint,
    step_of,
    sweep_list,
    write_checksums,
)


def write(folder, *steps, sealed=True):
    """Checkpoints of one number each, past TensorFlow's list."""
    for step in steps:
        path = tf.train.Checkpoint(number=tf.Variable(step)).write(str(folder / f"step-{step}"))
        if sealed:
            write_checksums(folder / f"step-{step}")
        assert path


def test_the_newest_is_the_one_of_the_highest_step_not_of_the_last_name(tmp_path):
    write(tmp_path, 9, 10)
    assert [path.name for path in finished_checkpoints(tmp_path)] == ["step-10", "step-9"]
    assert newest_checkpoint(tmp_path) == tmp_path / "step-10"


def test_one_that_was_not_finished_does_not_count(tmp_path):
    write(tmp_path, 3)
    write(tmp_path, 6, sealed=False)
    assert newest_checkpoint(tmp_path).name == "step-3"


def test_a_damaged_one_is_named_and_passed_over(tmp_path, caplog):
    write(tmp_path, 3, 6)
    (tmp_path / "step-6.index").write_bytes(b"")
    assert newest_checkpoint(tmp_path).name == "step-3"
    assert "step-6 is damaged" in caplog.text


def test_without_a_whole_one_it_is_said_why(tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        newest_checkpoint(tmp_path / "none")
    write(tmp_path, 3)
    (tmp_path / "step-3.index").unlink()
    with pytest.raises(UserError, match=r"all checkpoints are damaged.*step-3\.index is missing"):
        newest_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("name", "step"),
    [("step-12.index", 12), ("step-12.data-00000-of-00001", 12), ("step-x.index", None)],
)
def test_files_bear_their_step(tmp_path, name, step):
    assert step_of(tmp_path / name) == step


def test_a_list_that_cannot_be_read_is_removed_and_another_is_left(tmp_path):
    listing = tmp_path / "checkpoint"
    sweep_list(tmp_path)
    listing.write_text('model_checkpoint_path: "step-3"\n')
    sweep_list(tmp_path)
    assert listing.is_file()
    listing.write_bytes(b"\xff{")
    sweep_list(tmp_path)
    assert not listing.exists()
