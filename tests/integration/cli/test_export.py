import json
import shutil

import pytest


def test_a_version_is_written_and_the_next_command_proposed(cargan, tiny_run, tmp_path):
    out = tmp_path / "saved_models" / "tiny"
    done = cargan("export", tiny_run, out)
    assert done.status == 0, done.err
    assert done.out.splitlines()[0] == f"Exported: {out / '1'}"
    assert done.next == f"cargan generate clip.wav --label violin --model {out}"
    assert (out / "1" / "saved_model.pb").is_file()
    assert done.err == ""


def test_the_proposed_label_is_one_of_the_runs(cargan, run, tmp_path, monkeypatch):
    values = json.loads((run / "run.json").read_text("utf-8"))
    values["labels"] = ["oboe", "tuba", "viola"]
    (run / "run.json").write_text(json.dumps(values), "utf-8")
    monkeypatch.setattr("cargan_tf.export.saved_model.export_model", lambda *_: tmp_path / "1")
    assert "--label oboe " in cargan("export", run, tmp_path).next


@pytest.mark.parametrize(("words", "weights"), [((), "float32"), (("--float16",), "float16")])
def test_how_weights_are_stored_is_an_option(
    cargan, tiny_run, tmp_path, monkeypatch, words, weights
):
    asked = []
    monkeypatch.setattr(
        "cargan_tf.export.saved_model.export_model",
        lambda *given: asked.append(given) or tmp_path / "1",
    )
    assert cargan("export", tiny_run, tmp_path, *words).status == 0
    assert [given[2] for given in asked] == [weights]


def test_a_version_of_other_labels_is_refused_unless_asked_for(cargan, run, tiny_run, tmp_path):
    out = tmp_path / "quickstart"
    assert cargan("export", tiny_run, out, "--no-onnx").status == 0
    shutil.rmtree(run / "sound_classifier")  # it has the old labels
    values = json.loads((run / "run.json").read_text("utf-8"))
    values["labels"] = ["oboe", "tuba", "viola"]
    (run / "run.json").write_text(json.dumps(values), "utf-8")
    error = cargan("export", run, out).error
    assert f"{out} holds version 1 of a model with the labels cello, flute, violin" in error
    assert "this one has oboe, tuba, viola" in error
    assert "add --other-labels" in error
    assert not (out / "2").exists()
    assert cargan("export", run, out, "--other-labels", "--no-onnx").status == 0
    assert (out / "2" / "saved_model.pb").is_file()


def test_a_folder_without_a_run_is_named(cargan, tmp_path):
    error = cargan("export", tmp_path, tmp_path / "out").error
    assert f"{tmp_path} holds no run" in error
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_checkpoint_is_named(cargan, run, tmp_path):
    shutil.rmtree(run / "checkpoints")
    assert "holds no checkpoint yet: train first" in cargan("export", run, tmp_path / "out").error
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_named(cargan, run, tmp_path):
    for path in (run / "checkpoints").glob("*.data-*"):
        path.write_bytes(path.read_bytes()[:1000])
    said = cargan("export", run, tmp_path / "out").error
    assert "all checkpoints are damaged" in said
    assert path.name.split(".")[0] in said


def test_a_place_that_cannot_be_written_is_named(cargan, tiny_run, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    assert f"cannot write to {out}" in cargan("export", tiny_run, out).error
