import io
import json
import signal
import socket
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile


def wait_for_page(address):
    """Until the model is loaded; the server answers before."""
    end = time.monotonic() + 120
    while b"gradio" not in urllib.request.urlopen(address, timeout=60).read():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_before_the_model_is_loaded_and_ends_then_too(
    start_cargan, tiny_model, tmp_path, free_port, by
):
    pytest.importorskip("gradio")
    words = ("--model", tiny_model, "--port", free_port(), "--no-browser")
    process = start_cargan("demo", *words, cwd=tmp_path, TMPDIR=str(tmp_path))
    address = process.stdout.readline().removeprefix("Page: ").strip()
    assert b"being loaded" in urllib.request.urlopen(address, timeout=60).read()
    process.send_signal(by)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.strip()) == (0, "", "End it with Ctrl-C.")
    assert not list(tmp_path.glob("cargan-demo-*"))


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_the_page_until_it_is_ended_and_leaves_nothing(
    start_cargan, tiny_model, tmp_path, by
):
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ("--model", tiny_model, "--port", port, "--no-browser")
    process = start_cargan("demo", *words, cwd=tmp_path, GRADIO_TEMP_DIR=str(tmp_path / "files"))
    address = process.stdout.readline().removeprefix("Page: ").strip()
    assert address == f"http://127.0.0.1:{port}/"
    assert b"cargan" in urllib.request.urlopen(address, timeout=60).read()
    wait_for_page(address)
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n1\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}gradio_api/upload", body + b"--x--\r\n", headers)
    (uploaded,) = json.load(urllib.request.urlopen(request, timeout=60))
    assert Path(uploaded).read_bytes() == b"1"
    process.send_signal(by)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.strip()) == (0, "", "End it with Ctrl-C.")
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_file_is_played_live_by_the_page(start_cargan, tiny_model, tmp_path, free_port):
    pytest.importorskip("gradio")
    times = np.arange(16_000) / 16_000
    soundfile.write(tmp_path / "mine.flac", 0.3 * np.sin(2 * np.pi * 440 * times), 16_000)
    words = ("--model", tiny_model, "--port", free_port(), "--no-browser", "--live", "mine.flac")
    process = start_cargan("demo", *words, cwd=tmp_path, TMPDIR=str(tmp_path))
    address = process.stdout.readline().removeprefix("Page: ").strip()
    wait_for_page(address)
    assert b"mine.flac" in urllib.request.urlopen(address, timeout=60).read()
    with urllib.request.urlopen(f"{address}live/sound.wav", timeout=60) as answer:
        samples, rate = soundfile.read(io.BytesIO(answer.read()))
    assert (len(samples), rate) == (44_100, 44_100)
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.01)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=120)[0] == ""
    assert process.returncode == 0
    assert not list(tmp_path.glob("cargan-demo-*")), "nor the file's copy"
