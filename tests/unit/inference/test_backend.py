"""What runs a model is chosen by what is there, and can be asked for."""

import pytest

from cargan_tf.errors import UserError
from cargan_tf.inference.backend import backend_for


@pytest.fixture
def exported(tmp_path):
    """A folder of two versions, the newer one with ONNX files."""
    for version, names in (("1", ["saved_model.pb"]), ("2", ["saved_model.pb", "model.onnx"])):
        (tmp_path / "model" / version).mkdir(parents=True)
        for name in names:
            (tmp_path / "model" / version / name).touch()
    return tmp_path / "model"


def test_onnx_runtime_runs_what_was_exported_for_it(exported):
    assert backend_for(exported) == backend_for(exported / "2") == "onnxruntime"


def test_tensorflow_runs_what_has_no_onnx_file(exported, tmp_path):
    assert backend_for(exported / "1") == "tensorflow"
    assert backend_for(tmp_path / "run") == "tensorflow"


def test_the_environment_and_then_the_argument_decide(exported, monkeypatch):
    assert backend_for(exported, "tensorflow") == "tensorflow"
    monkeypatch.setenv("CARGAN_BACKEND", "tensorflow")
    assert backend_for(exported) == "tensorflow"
    assert backend_for(exported, "onnxruntime") == "onnxruntime"
    monkeypatch.setenv("CARGAN_BACKEND", "")
    assert backend_for(exported) == "onnxruntime"


@pytest.mark.parametrize("name", ["1", "run"])
def test_onnx_runtime_is_not_asked_for_in_vain(exported, monkeypatch, name):
    monkeypatch.setenv("CARGAN_BACKEND", "onnxruntime")
    with pytest.raises(UserError, match=rf"{name} has no model\.onnx.*set CARGAN_BACKEND=tensorf"):
        backend_for(exported / name)


def test_an_unknown_backend_is_named_with_the_known_ones(exported, monkeypatch):
    monkeypatch.setenv("CARGAN_BACKEND", "torch")
    with pytest.raises(UserError, match=r"backend 'torch'.*expected onnxruntime or tensorflow"):
        backend_for(exported)
