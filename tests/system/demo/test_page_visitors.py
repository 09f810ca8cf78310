"""The page's server with Gradio itself: what visitors may not do."""

import json

import gradio as gr
import pytest
import requests

from cargan_tf.demo.page import application
from cargan_tf.demo.server import served

SOUND = b"RIFF a visitor's sound"


@pytest.fixture(scope="module")
def address(tmp_path_factory, free_port):
    """A page that has a sound and says how long its file is, behind what the real one has."""
    files = tmp_path_factory.mktemp("files")
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


def ask(session, address, path, name):
    """What the page's function gives for a file; ``None`` if it is refused."""
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    body = {"fn_index": 0, "data": data, "session_hash": name}
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
