import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from cargan_tf.errors import UserError
from cargan_tf.serving.export import export_run, picture_model_of_run, read_card, versions_in
from cargan_tf.training.run import Run


@pytest.fixture(scope="module")
def loaded(version):
    return tf.saved_model.load(str(version))


@pytest.fixture(scope="module")
def expected(loaded, sounds):
    """What Python draws from the sounds."""
    waveforms, labels = sounds
    return loaded.signatures["serving_default"](
        waveform=tf.constant(waveforms), label=tf.constant(labels)
    )["image"].numpy()


@pytest.fixture(scope="module")
def meta_graph(version):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((version / "saved_model.pb").read_bytes())
    (meta_graph,) = saved.meta_graphs
    return meta_graph


def test_the_signature_is_sound_and_label_in_picture_out(meta_graph):
    signature = meta_graph.signature_def["serving_default"]

    def described(tensors):
        return {
            name: (tf.as_dtype(t.dtype), [d.size for d in t.tensor_shape.dim])
            for name, t in tensors.items()
        }

    assert described(signature.inputs) == {
        "waveform": (tf.float32, [-1, -1]),
        "label": (tf.string, [-1]),
    }
    assert described(signature.outputs) == {"image": (tf.uint8, [-1, 64, 64, 3])}


def test_pictures_differ_by_sound(expected):
    assert expected.shape == (3, 64, 64, 3)
    assert np.ptp(expected.astype(int), axis=(1, 2, 3)).min() > 5


def test_only_stock_operations_are_used(meta_graph):
    """None that calls back into Python, and none of tensorflow-io's."""
    graph = meta_graph.graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    names = {function.signature.name for function in graph.library.function}
    used = {node.op for node in nodes} - names
    assert not [name for name in used if "PyFunc" in name or "IO>" in name or "Xla" in name]
    assert "Conv2D" in used


def test_there_is_no_other_signature(meta_graph):
    ours = {"serving_default", "weighted", "recognise"}
    assert set(meta_graph.signature_def) == {*ours, "__saved_model_init_op"}


def test_a_model_serves_soft_labels_and_recognises(loaded, sounds):
    waveforms, _ = sounds
    weights = np.array([[0.5, 0, 0.5], [0, 1, 0], [1, 0, 0]], np.float32)
    served = loaded.signatures["weighted"](
        waveform=tf.constant(waveforms), label_weights=tf.constant(weights)
    )
    assert served["image"].shape == (3, 64, 64, 3)
    assert served["residue"].shape == (3, 3)
    heard = loaded.signatures["recognise"](waveform=tf.constant(waveforms))
    np.testing.assert_allclose(heard["label_probabilities"].numpy().sum(1), 1, atol=1e-5)


def test_the_card_travels_with_the_model(version, tiny_run):
    info, card = Run(tiny_run).read_info(), read_card(version)
    assert (card.labels, card.statistics, card.config) == (
        info.labels,
        info.statistics,
        info.config,
    )
    assert (card.step, card.data_hash) == (6, info.data_hash)


@pytest.mark.slow
def test_saved_model_cli_draws_the_same(version, sounds, expected, tmp_path):
    waveforms, labels = sounds
    np.save(tmp_path / "waveform.npy", waveforms)
    command = [
        str(Path(sys.executable).with_name("saved_model_cli")),
        *("run", "--dir", str(version), "--tag_set", "serve"),
        *("--signature_def", "serving_default", "--outdir", str(tmp_path)),
        *("--inputs", f"waveform={tmp_path / 'waveform.npy'}"),
        *("--input_exprs", f"label={labels.tolist()}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    image = np.load(tmp_path / "image.npy")
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_c_program_draws_the_same(version, sounds, expected, meta_graph, tmp_path):
    """TensorFlow Serving loads by the same C++ code; ``tf.saved_model.load`` does not."""
    library = tf.sysconfig.get_lib()
    build = [
        "gcc",
        str(Path(__file__).with_name("load_model.c")),
        f"-I{tf.sysconfig.get_include()}",
        *(f"{library}/libtensorflow_{part}.so.2" for part in ("cc", "framework")),
        f"-Wl,-rpath,{library}",
        *("-o", str(tmp_path / "load_model")),
    ]
    built = subprocess.run(build, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    signature = meta_graph.signature_def["serving_default"]
    waveforms, labels = sounds
    waveforms[1].tofile(tmp_path / "waveform")
    command = [
        tmp_path / "load_model",
        version,
        tmp_path / "waveform",
        labels[1],
        signature.inputs["waveform"].name.removesuffix(":0"),
        signature.inputs["label"].name.removesuffix(":0"),
        signature.outputs["image"].name.removesuffix(":0"),
        tmp_path / "pixels",
    ]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pixels = np.fromfile(tmp_path / "pixels", np.uint8).reshape(64, 64, 3)
    np.testing.assert_allclose(pixels.astype(int), expected[1].astype(int), atol=1)


def test_versions_count_up_and_old_ones_stay(tiny_run, version, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(version, folder / "7")
    (folder / "notes").mkdir()
    (folder / "12").mkdir()  # no model in it: not a version
    before = sorted(path.name for path in (folder / "7").rglob("*"))
    made = export_run(Run(tiny_run), folder)
    assert made == folder / "8"
    assert versions_in(folder) == [7, 8]
    assert sorted(path.name for path in (folder / "7").rglob("*")) == before
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []
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
        export_run(Run(tiny_run), folder)
    assert full.seen == []
    assert list(folder.iterdir()) == []


def test_a_file_in_the_way_is_named(tiny_run, tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write to .*model"):
        export_run(Run(tiny_run), tmp_path / "model")


def test_no_run_no_export(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        export_run(Run(tmp_path), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_run_without_checkpoint_is_not_exported(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint yet"):
        picture_model_of_run(Run(run))


def test_versions_are_numbers_in_numeric_order(tmp_path):
    for name in ("2", "10", "1", "x3", ".4"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "5").mkdir()
    assert versions_in(tmp_path) == [1, 2, 10]
    assert versions_in(tmp_path / "none") == []


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"labels": ["a"]}'])
def test_a_missing_or_damaged_card_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(UserError, match=r"model\.json is missing or damaged"):
        read_card(tmp_path)


def test_a_card_of_another_configuration_is_named(version, tmp_path):
    values = json.loads((version / "model.json").read_text())
    values["config"]["training"]["momentum"] = 3
    (tmp_path / "model.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"model\.json.*momentum"):
        read_card(tmp_path)
