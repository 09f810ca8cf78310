import socket
import sys

import pytest


def test_without_gradio_it_is_said_how_to_get_it(cargan, tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    error = cargan("demo", "--model", tiny_model).error
    assert "pip install '.[page]'" in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "missing"), "no model at missing"),
        (("--port", "0"), "0 is not in the range 1<=x<=65535"),
    ],
)
def test_bad_input_is_named(cargan, tmp_path, words, said):
    pytest.importorskip("gradio")
    assert said in cargan("demo", *words, cwd=tmp_path).error


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.wav", "does not exist"), ("words.wav", "words.wav cannot be read as sound")],
)
def test_a_file_that_cannot_be_played_live_is_named(
    cargan, tiny_model, tmp_path, free_port, name, said
):
    pytest.importorskip("gradio")
    (tmp_path / "words.wav").write_text("these are words")
    words = ("--model", tiny_model, "--port", free_port(), "--no-browser", "--live", name)
    error = cargan("demo", *words, cwd=tmp_path).error
    assert said in error
    assert name in error


@pytest.mark.slow
def test_a_port_that_is_taken_is_named(cargan, tiny_model, tmp_path):
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = cargan("demo", "--model", tiny_model, "--port", port, "--no-browser").error
    assert f"127.0.0.1:{port}" in error
    assert "choose another --port" in error
