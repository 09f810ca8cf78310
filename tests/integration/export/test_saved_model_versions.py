"""Where an export goes, and what a failed one leaves."""

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from filelock import FileLock

from cargan_tf.errors import UserError
from cargan_tf.export.model_registry import versions_in
from cargan_tf.export.saved_model import export_model, serving_module_of_run
from cargan_tf.training.run import Run


def test_versions_count_up_and_old_ones_stay(tiny_run, version, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(version, folder / "7")
    (folder / "notes").mkdir()
    (folder / "12").mkdir()  # no model in it: not a version
    before = sorted(path.name for path in (folder / "7").rglob("*"))
    made = export_model(Run(tiny_run), folder, onnx=False)
    assert made == folder / "8"
    assert versions_in(folder) == [7, 8]
    assert sorted(path.name for path in (folder / "7").rglob("*")) == before
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [".lock"]
    assert (made.stat().st_mode & 0o777) == 0o755  # a server runs as somebody else


class _Full:
    """What a full disk does in the middle of an export; notes what a server would see then."""

    def __init__(self, error, folder):
        self.error, self.folder, self.seen = error, folder, None

    def __call__(self, model, path, **options):
        (Path(path) / "saved_model.pb").write_bytes(b"half")
        self.seen = versions_in(self.folder)
        raise self.error


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), tf.errors.ResourceExhaustedError(None, None, "full")],
    ids=["python", "tensorflow"],
)
def test_a_failed_export_leaves_nothing(tiny_run, tmp_path, monkeypatch, error):
    folder = tmp_path / "model"
    full = _Full(error, folder)
    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(UserError, match="Nothing was left there"):
        export_model(Run(tiny_run), folder)
    assert full.seen == []
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_file_in_the_way_is_named(tiny_run, tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write to .*model"):
        export_model(Run(tiny_run), tmp_path / "model")


def test_no_run_no_export(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        export_model(Run(tmp_path), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_run_without_checkpoint_is_not_exported(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        serving_module_of_run(Run(run))


def test_a_number_that_another_export_takes_meanwhile_is_left_to_it(
    tiny_run, tmp_path, monkeypatch
):
    folder = tmp_path / "model"

    def save(model, path, **options):
        (Path(path) / "saved_model.pb").write_bytes(b"whole")
        (folder / "1" / "variables").mkdir(parents=True)  # the other one is done first

    monkeypatch.setattr(tf.saved_model, "save", save)
    assert export_model(Run(tiny_run), folder, onnx=False) == folder / "2"
    assert (folder / "2" / "saved_model.pb").read_bytes() == b"whole"


def test_a_folder_that_takes_no_more_folders_is_free_for_the_next_export(
    tiny_run, tmp_path, monkeypatch
):
    def refused(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cargan_tf.export.saved_model.tempfile.mkdtemp", refused)
    with pytest.raises(UserError, match=r"cannot write to .*No space left") as caught:
        export_model(Run(tiny_run), tmp_path / "model")
    with FileLock(tmp_path / "model" / ".lock", timeout=0):
        assert caught.value.__cause__ is not None
