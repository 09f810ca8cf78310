"""What is plainly wrong; the server at work is in test_serving_server_serve.py."""

import pytest

from cargan_tf.serving.server import limits


@pytest.mark.usefixtures("nothing_shipped")
def test_without_a_model_it_is_said_how_to_get_one(cargan, tmp_path):
    assert "no trained model in" in cargan("serve", cwd=tmp_path).error


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_without_a_model_is_named(cargan, tmp_path, name):
    (tmp_path / "empty").mkdir()
    error = cargan("serve", name, "--rest-port", 0, cwd=tmp_path).error
    assert f"no exported model at {name}: name a folder with numbered versions" in error


def test_what_must_be_installed_is_named(cargan, monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "PACKAGES", ("fastapi", "not_there"))
    error = cargan("serve", tmp_path).error
    assert "cargan serve needs not_there: pip install '.[serve]'" in error


@pytest.mark.parametrize(
    "words", [("--rest-port", "-1"), ("--max-requests", "0"), ("--timeout", "0")]
)
def test_options_have_bounds(cargan, words):
    assert "is not in the range" in cargan("serve", *words).error
