"""`--server`, against a stub; a real server is in tests/system/serving."""

import pytest


def generate(cargan, sound, *words):
    return cargan("generate", sound, "--label", "violin", *words, cwd=sound.parent)


def test_a_model_and_a_server_exclude_each_other(cargan, write_sound):
    words = ("--server", "localhost:1", "--model", "here")
    error = generate(cargan, write_sound("clip.wav"), *words).error
    assert "--model and --server cannot be used together" in error


@pytest.mark.parametrize("server", ["ftp://x", "host:port", ""])
def test_what_is_no_address_is_answered_with_examples(cargan, write_sound, server):
    error = generate(cargan, write_sound("clip.wav"), "--server", server).error
    assert "Expected host:port, such as localhost:8501" in error


@pytest.mark.parametrize("server", ["127.0.0.1:9", "grpc://127.0.0.1:9"])
def test_where_nobody_listens_it_says_how_to_start_a_server(cargan, write_sound, server):
    error = generate(cargan, write_sound("clip.wav"), "--server", server).error
    assert "no server answers at" in error
    assert "'cargan serve' starts one" in error
