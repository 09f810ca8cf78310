"""The page's server with Gradio itself: what visitors may not do."""

import json
import socket
import time
from types import SimpleNamespace

import gradio as gr
import pytest
import requests

from cargan_tf.demo.page import application, build_page
from cargan_tf.demo.server import served

SOUND = b"RIFF a visitor's sound"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def address(files, free_port):
    """A page that has a sound and says how long its file is, behind what the real one has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(files))
        with gr.Blocks(analytics_enabled=False) as page:
            sound, length = gr.File(type="binary"), gr.Number()
            sound.change(len, sound, length)
        with served(port=free_port()) as server:
            server.show(application(page))
            yield server.address.rstrip("/")


def visitor(address):
    session = requests.Session()
    assert session.get(address, timeout=60).status_code == 200
    return session


def upload(session, address):
    files = {"files": ("mine.wav", SOUND)}
    (path,) = session.post(f"{address}/gradio_api/upload", files=files, timeout=60).json()
    return path


def ask(session, address, path, name, event=0):
    """What the page's function gives for a file; ``None`` if it is refused."""
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    body = {"fn_index": event, "data": data, "session_hash": name}
    joined = session.post(f"{address}/gradio_api/queue/join", json=body, timeout=60)
    if joined.status_code != 200:
        return None
    where = f"{address}/gradio_api/queue/data"
    with session.get(where, params={"session_hash": name}, stream=True, timeout=60) as stream:
        for line in stream.iter_lines():
            event = json.loads(line.removeprefix(b"data:") or b"{}")
            if event.get("msg") == "process_completed":
                return event["output"]["data"][0]
    return None


def test_a_visitor_uses_their_own_upload_and_nobody_elses(address):
    first, second = visitor(address), visitor(address)
    path = upload(first, address)
    assert ask(first, address, path, "first") == len(SOUND)
    assert first.get(f"{address}/gradio_api/file={path}", timeout=60).content == SOUND
    assert ask(second, address, path, "second") is None
    assert second.get(f"{address}/gradio_api/file={path}", timeout=60).status_code == 403


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1:1/a", "https://example.org/a"])
def test_no_file_or_address_of_the_visitors_choice_is_read(address, path):
    session = visitor(address)
    assert ask(session, address, path, "reading") is None
    for route in ("file=", "proxy=", "file/"):
        reply = session.get(f"{address}/gradio_api/{route}{path}", timeout=60)
        assert reply.status_code in (403, 404)
        assert b"root:" not in reply.content


@pytest.mark.parametrize("route", ["run/x", "call/x", "api/x", "process_recording", "vibe-edit"])
def test_endpoints_that_the_page_does_not_need_are_not_there(address, route):
    reply = visitor(address).post(f"{address}/gradio_api/{route}", json={"data": []}, timeout=60)
    assert reply.status_code == 404


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_foreign_pages_are_refused(address, name):
    headers = {name: "http://evil.example" if name == "Origin" else "evil.example"}
    for method, path in (("GET", "/"), ("GET", "/config"), ("POST", "/gradio_api/upload")):
        reply = requests.request(method, address + path, headers=headers, timeout=60)
        assert reply.status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        [("a", (None, bytes(30 << 20)))],  # no file: Gradio holds it in memory
        [("files", (f"{number}.wav", bytes(6 << 20))) for number in range(5)],
    ],
    ids=["field", "files"],
)
def test_an_upload_of_30_mb_is_refused_whatever_it_is_made_of(address, form):
    reply = visitor(address).post(f"{address}/gradio_api/upload", files=form, timeout=120)
    assert reply.status_code == 413


def test_nothing_is_left_of_an_upload_that_is_broken_off(address, files):
    """Gradio deletes an upload that is damaged, and none whose visitor goes away."""
    until = time.monotonic() + 60
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nRIFF'
        )
        while not list(files.glob("tmp*")) and time.monotonic() < until:
            time.sleep(0.01)
    while list(files.glob("tmp*")) and time.monotonic() < until:
        time.sleep(0.01)
    assert time.monotonic() < until


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Stand in for ffmpeg and ffprobe, and note that they are run in a file ``run``."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("ffmpeg", "ffprobe"):
        (folder / name).write_text(f"#!/bin/sh\necho $0 $* >> {folder}/run\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def whole_page(tmp_path_factory, free_port, programs):
    """Where the page itself is shown, of a generator that cannot be used."""
    generator = SimpleNamespace(
        labels=("cello",),
        players=1,
        recognizes=False,
        sample_rate=8_000,
        config=SimpleNamespace(data=SimpleNamespace(image_size=64)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("whole")))
        patch.setenv("PATH", str(programs), prepend=":")
        with served(port=free_port()) as server:
            server.show(application(build_page(generator, "none")))
            yield server.address.rstrip("/")


def event_of(session, address, element, name):
    """The number of the first event of an element."""
    config = session.get(f"{address}/config", timeout=60).json()
    (part,) = [one["id"] for one in config["components"] if one["props"].get("elem_id") == element]
    return next(one["id"] for one in config["dependencies"] if [part, name] in one["targets"])


#: FFmpeg follows it, whatever the file is called.
PLAYLIST = b"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1"
bandwidth="1"><BaseURL>file:///etc/passwd</BaseURL></Representation></AdaptationSet></Period></MPD>
"""


@pytest.mark.parametrize("content", [PLAYLIST, b"#EXTM3U\nfile:///etc/passwd\n", SOUND])
def test_no_ffmpeg_is_given_an_upload(whole_page, programs, content):
    session = visitor(whole_page)
    form = {"files": ("song.mp3", content)}
    (path,) = session.post(f"{whole_page}/gradio_api/upload", files=form, timeout=60).json()
    event = event_of(session, whole_page, "one-upload", "upload")
    shown = ask(session, whole_page, path, f"upload {len(content)}", event)
    given = session.get(f"{whole_page}/gradio_api/file={shown['path']}", timeout=60)
    assert given.content == content  # as it is
    assert not (programs / "run").exists(), (programs / "run").read_text()


def test_an_upload_that_is_shown_stays_its_visitors_alone(whole_page):
    first, second = visitor(whole_page), visitor(whole_page)
    path = upload(first, whole_page)
    event = event_of(first, whole_page, "one-upload", "upload")
    shown = ask(first, whole_page, path, "showing", event)["path"]
    for file in {path, shown}:
        assert first.get(f"{whole_page}/gradio_api/file={file}", timeout=60).status_code == 200
        assert second.get(f"{whole_page}/gradio_api/file={file}", timeout=60).status_code == 403


def test_nobody_passes_the_queue(whole_page):
    session = visitor(whole_page)

    def run(element, name, data):
        body = {"fn_index": event_of(session, whole_page, element, name), "data": data}
        return session.post(f"{whole_page}/gradio_api/run/predict", json=body, timeout=60)

    assert run("one-sample", "input", ["cello"]).status_code == 404
    assert run("render", "click", [None, "cello"]).status_code == 404
    assert run("one-record", "click", []).status_code == 200  # it generates nothing
