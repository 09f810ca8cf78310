"""ONNX files of an exported version: generated with, exported again, refused when damaged."""

import json
import os
import shutil

import numpy as np
import onnx
import pytest

from cargan_tf.errors import UserError
from cargan_tf.export import saved_model
from cargan_tf.export.metadata import METADATA_FILE, read_metadata
from cargan_tf.export.onnx_model import OnnxModel
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.training.run import Run
from cargan_tf.utils.files import file_hash


@pytest.fixture
def copied(version, tmp_path):
    """A version to be changed."""
    return shutil.copytree(version, tmp_path / "model" / "1")


def refusal(version):
    """The one line that says why it is not loaded."""
    with pytest.raises(UserError) as error:
        OnnxModel(version, read_metadata(version))
    assert "\n" not in str(error.value)
    return str(error.value)


def used(version):
    """Recognize a sound, which takes both files."""
    OnnxModel(version, read_metadata(version)).recognize(np.zeros([1, 4000], np.float32))


def rewritten(version, change):
    """Change the ONNX model, and its hash as a forger would."""
    file = version / "model.onnx"
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)
    metadata = json.loads((version / METADATA_FILE).read_text("utf-8"))
    metadata["hashes"]["model.onnx"] = file_hash(file)
    (version / METADATA_FILE).write_text(json.dumps(metadata), "utf-8")


def test_both_backends_generate_and_recognize_the_same(version, write):
    random = np.random.default_rng(0)
    sound = write(random.normal(0, 0.1, 9_000))
    by = {name: Generator.load(version, name) for name in ("onnxruntime", "tensorflow")}
    assert {name: generator.backend for name, generator in by.items()} == {
        name: name for name in by
    }
    made = {
        name: [result for _, result in generator.generate_files([sound] * 2, ["cello", None])]
        for name, generator in by.items()
    }
    for first, second in zip(*made.values(), strict=True):
        assert np.abs(first.image.astype(int) - second.image.astype(int)).max() <= 1
        assert first.residue.keys() == second.residue.keys()
        assert first.label_weights == second.label_weights
        if first.recognition is not None:
            assert second.recognition.label == first.recognition.label
            assert second.recognition.none == pytest.approx(first.recognition.none, abs=1e-4)


def test_a_model_exported_again_without_its_run_is_the_same(version, tmp_path):
    again = export_model(version, tmp_path / "again", license="Apache-2.0")
    assert again == tmp_path / "again" / "1"
    before, after = read_metadata(version), read_metadata(again)
    assert (after.labels, after.step, after.config) == (before.labels, before.step, before.config)
    assert (before.license, after.license) == (None, "Apache-2.0")
    sound = np.random.default_rng(0).normal(0, 0.1, 4000)
    for backend in ("tensorflow", "onnxruntime"):
        first, second = (
            Generator.load(folder, backend).generate(sound, 8_000, "violin")
            for folder in (version, again)
        )
        np.testing.assert_array_equal(first, second)


def test_a_model_of_float16_weights_stays_one(halved, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "LEVELS", 3)
    again = export_model(halved, tmp_path / "again")
    assert read_metadata(again).weights == "float16"


def test_damaged_weights_are_not_exported_again(copied, tmp_path):
    (data,) = (copied / "variables").glob("*.data-*")
    data.write_bytes(data.read_bytes()[:-1000])
    with pytest.raises(UserError, match=r"the weights of .* are damaged"):
        export_model(copied, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_onnx_files_can_be_left_out(tiny_run, tmp_path):
    version = export_model(Run(tiny_run), tmp_path / "model", onnx=False)
    assert not list(version.glob("*.onnx"))
    assert Generator.load(version).backend == "tensorflow"


def test_other_images_in_onnx_refuse_the_export(tiny_run, tmp_path, monkeypatch):
    asked = []

    def difference(model, converted, metadata):
        asked.append(converted)
        return 2

    monkeypatch.setattr(saved_model, "onnx_difference", difference)
    with pytest.raises(UserError, match=r"in ONNX a pixel value differs by 2 of 255.*--no-onnx"):
        export_model(Run(tiny_run), tmp_path / "model")
    assert len(asked) == 2  # with float16 kernels, then with float32
    assert not list((tmp_path / "model").glob("[!.]*"))


def test_a_file_cut_short_is_refused(copied):
    file = copied / "model.onnx"
    file.write_bytes(file.read_bytes()[:-50_000])
    assert "model.onnx is refused: it is damaged" in refusal(copied)


def test_a_changed_weight_is_refused(copied):
    file = copied / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "is refused: it is damaged" in refusal(copied)


def test_a_file_that_is_none_is_refused(copied):
    (copied / "model.onnx").write_text("<!DOCTYPE html>", "utf-8")
    assert "it is damaged or no ONNX file" in refusal(copied)


@pytest.mark.parametrize("name", ["model.onnx", "sound_classifier.onnx"])
def test_pipes_devices_and_links_out_of_the_folder_are_refused_unread(copied, tmp_path, name):
    file, outside = copied / name, tmp_path / "outside"
    file.rename(outside)
    file.symlink_to(outside)
    with pytest.raises(UserError, match=f"{name} is refused: it is a link out of its folder"):
        used(copied)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match=f"{name} cannot be read: not a regular file"):
        used(copied)


def test_a_file_that_is_too_large_is_not_read(copied):
    with (copied / "model.onnx").open("r+b") as stream:
        stream.truncate(5 << 30)  # sparse: it takes no space
    assert "it is larger than 1024 MB" in refusal(copied)


def test_a_missing_file_is_named(copied):
    (copied / "model.onnx").unlink()
    assert "model.onnx cannot be read: No such file" in refusal(copied)


def test_a_file_of_another_model_is_refused(copied):
    def change(model):
        for entry in model.metadata_props:
            entry.value = entry.value.replace('"step": 6', '"step": 7')

    rewritten(copied, change)
    assert "it is of another model than model.json" in refusal(copied)


@pytest.mark.parametrize("value", ["[]", "{", '{"format": 2}', '"a"'])
def test_a_file_with_other_metadata_is_refused(copied, value):
    def change(model):
        del model.metadata_props[:]
        entry = model.metadata_props.add()
        entry.key, entry.value = "cargan", value

    rewritten(copied, change)
    assert "it is of another model than model.json" in refusal(copied)


def test_a_file_with_another_interface_is_refused(copied):
    def change(model):
        (coarse,) = (value for value in model.graph.output if value.name == "coarse")
        model.graph.output.remove(coarse)

    rewritten(copied, change)
    assert "coarse is not as model.json says" in refusal(copied)


def test_a_file_that_reads_others_is_refused(copied):
    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "/etc/hostname"

    rewritten(copied, change)
    assert "its weights are in another file" in refusal(copied)


def test_a_damaged_sound_classifier_is_refused_when_it_is_asked(copied):
    (copied / "sound_classifier.onnx").write_bytes(b"\0" * 100)
    model = OnnxModel(copied, read_metadata(copied))
    with pytest.raises(UserError, match=r"sound_classifier\.onnx is refused: it is damaged or no"):
        model.recognize(np.zeros([1, 4000], np.float32))


def test_invalid_input_is_named(version):
    model = OnnxModel(version, read_metadata(version))
    sounds, weights = np.zeros([2, 4000], np.float32), np.eye(3, dtype=np.float32)
    with pytest.raises(UserError, match="received 2 sounds and 3 labels"):
        model.generate_soft_labels(sounds, weights)
    with pytest.raises(UserError, match="received 0 sounds"):
        model.generate_soft_labels(sounds[:0], weights[:0])
    with pytest.raises(UserError, match="NaN, infinite or negative"):
        model.generate_soft_labels(sounds, -weights[:2])
    with pytest.raises(UserError, match="NaN or infinite samples"):
        model.recognize(np.full([1, 4000], np.nan, np.float32))


def test_a_short_waveform_is_padded_and_a_long_one_cut(version):
    model = OnnxModel(version, read_metadata(version))
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 5000)).astype(np.float32)
    weights = np.eye(3, dtype=np.float32)[:1]
    exact = model.generate_soft_labels(sound[:, :4000], weights)["image"]
    np.testing.assert_array_equal(model.generate_soft_labels(sound, weights)["image"], exact)
    padded = np.pad(sound[:, :1000], [(0, 0), (0, 3000)])
    np.testing.assert_array_equal(
        model.generate_soft_labels(sound[:, :1000], weights)["image"],
        model.generate_soft_labels(padded, weights)["image"],
    )
