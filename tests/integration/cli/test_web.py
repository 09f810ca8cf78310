import json
import shutil

import numpy as np
import onnxruntime
import pytest

from cargan_tf.audio.log_mel import log_mel, sound_classifier_audio
from cargan_tf.export.metadata import file_hashes, read_metadata
from cargan_tf.export.onnx_model import OnnxModel
from cargan_tf.utils.files import file_hash


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A page as `make web` would have built it."""
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>cargan</title>")
    (folder / "assets" / "index.js").write_text("")
    monkeypatch.setattr("cargan_tf.demo.static_site.SITE", folder)
    return folder


def session(file):
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def test_page_model_and_samples_are_written_and_the_next_command_proposed(
    cargan, site, tiny_model, tmp_path
):
    out = tmp_path / "a page"
    done = cargan("web", out, "--model", tiny_model)
    assert done.status == 0, done.err
    assert done.out.splitlines()[0] == f"Page: {out}"
    assert done.next == f"python -m http.server --bind 127.0.0.1 --directory '{out}'"
    assert (out / "index.html").read_text() == "<title>cargan</title>"
    assert (out / "assets" / "index.js").is_file()
    contents = json.loads((out / "models.json").read_text("utf-8"))
    (model,) = contents["models"]
    assert (model["name"], model["labels"]) == ("tiny", ["cello", "flute", "violin"])
    assert (model["height"], model["width"], model["clip_samples"]) == (64, 64, 4_000)
    for file in (model["model"], model["sound_classifier"]):
        assert file_hash(out / file["path"]) == file["sha256"]
        assert (out / file["path"]).stat().st_size == file["bytes"]
    assert [sample["path"] for sample in contents["samples"]] == [
        f"samples/{label}.wav" for label in model["labels"]
    ]
    assert all((out / sample["path"]).is_file() for sample in contents["samples"])


def test_its_files_take_the_log_mel_and_give_what_the_model_gives(
    cargan, site, tiny_model, tmp_path
):
    assert cargan("web", tmp_path / "out", "--model", tiny_model).status == 0
    metadata = read_metadata(tiny_model / "1")
    clip = np.sin(0.3 * np.arange(metadata.config.audio.clip_samples, dtype=np.float32))[None]
    label = np.array([[0, 1, 0]], np.float32)
    model = OnnxModel(tiny_model / "1", metadata)
    folder = tmp_path / "out" / "models" / "tiny"
    inputs = {"log_mel": log_mel(clip, metadata.config.audio), "label_weights": label}
    image, coarse = session(folder / "model.onnx").run(["image", "coarse"], inputs)
    expected = model.generate_soft_labels(clip, label)
    np.testing.assert_allclose(image, expected["image"], atol=1)
    np.testing.assert_allclose(coarse, expected["coarse"], atol=1)
    inputs = {"log_mel": log_mel(clip, sound_classifier_audio(metadata.config))}
    (found,) = session(folder / "sound_classifier.onnx").run(["label_probabilities"], inputs)
    np.testing.assert_allclose(found, model.recognize(clip)["label_probabilities"], atol=1e-4)


def test_the_bands_are_the_filter_bank(cargan, site, tiny_model, tmp_path):
    from librosa.filters import mel

    assert cargan("web", tmp_path / "out", "--model", tiny_model).status == 0
    contents = json.loads((tmp_path / "out" / "models.json").read_text("utf-8"))
    settings = contents["models"][0]["log_mel"]
    bank = np.zeros((len(settings["bands"]), 1 + settings["n_fft"] // 2))
    for row, (first, weights) in zip(bank, settings["bands"], strict=True):
        row[first : first + len(weights)] = weights
    np.testing.assert_allclose(bank, mel(sr=8_000, n_fft=256, n_mels=16), rtol=1e-6)


def test_several_models_are_a_choice_and_the_first_is_the_default(
    cargan, site, tiny_model, tmp_path
):
    shutil.copytree(tiny_model, tmp_path / "other")
    models = ("--model", tmp_path / "other", "--model", tiny_model)
    assert cargan("web", tmp_path / "out", *models).status == 0
    contents = json.loads((tmp_path / "out" / "models.json").read_text("utf-8"))
    assert [model["name"] for model in contents["models"]] == ["other", "tiny"]
    twice = cargan("web", tmp_path / "out", "--model", tiny_model, "--model", tiny_model).error
    assert "two models called tiny: name each once" in twice


def test_a_page_is_replaced_as_a_whole_and_nothing_else_is(cargan, site, tiny_model, tmp_path):
    out = tmp_path / "out"
    assert cargan("web", out, "--model", tiny_model).status == 0
    (out / "assets" / "old.js").write_text("")
    assert cargan("web", out, "--model", tiny_model).status == 0
    assert not (out / "assets" / "old.js").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = cargan("web", tmp_path / "mine", "--model", tiny_model).error
    assert f"{tmp_path / 'mine'} is no folder of 'cargan web' and is left as it is" in refused
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_without_the_built_page_it_is_said_how_to_build_it(
    cargan, tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr("cargan_tf.demo.static_site.SITE", tmp_path / "nothing")
    error = cargan("web", tmp_path / "out", "--model", tiny_model).error
    assert "the page is not built yet: run 'make web' in the checkout, which needs Node.js" in error
    assert not (tmp_path / "out").exists()


def test_a_model_without_onnx_files_or_with_damaged_ones_is_named(
    cargan, site, tiny_model, tmp_path
):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    assert "model.onnx" in file_hashes(copy / "1")
    content = bytearray((copy / "1" / "model.onnx").read_bytes())
    content[-1] ^= 1
    (copy / "1" / "model.onnx").write_bytes(content)
    assert "model.onnx is refused: it is" in cargan("web", tmp_path / "out", "--model", copy).error
    (copy / "1" / "model.onnx").unlink()
    error = cargan("web", tmp_path / "out", "--model", copy).error
    assert "has no model.onnx, which the page needs: export it with 'cargan export'" in error
    assert not (tmp_path / "out").exists()


def test_a_run_is_refused(cargan, site, tiny_run, tmp_path):
    error = cargan("web", tmp_path / "out", "--model", tiny_run).error
    assert f"no exported model at {tiny_run}" in error
