"""Before a stand-in for Gradio that gives whatever it is asked for."""

import asyncio
import json
import re

import pytest

from cargan_tf.demo.visitors import MAX_BODY, REMEMBERED, Visitors

FILE = "/tmp/files/0123/mine.wav"
GENERATED = "/tmp/files/4567/cello.png"


class Page:
    """A page that is asked by visitors, each with a cookie."""

    def __init__(self):
        self.asked = []  # path and body of what was passed on
        self.answers = {}
        self._app = Visitors(self._gradio)

    async def _gradio(self, scope, receive, send):
        body = b""
        if scope["method"] == "POST":
            body = (await receive())["body"]
        self.asked.append((scope["path"], body))
        parts = self.answers.get(scope["path"], [b"ok"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for position, part in enumerate(parts):
            more = position + 1 < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    def ask(self, path, cookie=None, body=None, method=None, query=b""):
        """Status, and the cookie that was set, if any."""
        sent = []
        content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()

        async def receive():
            return {"type": "http.request", "body": content or b"", "more_body": False}

        async def send(message):
            sent.append(message)

        headers = [(b"cookie", cookie.encode())] if cookie else []
        verb = method or ("GET" if body is None else "POST")
        scope = {"type": "http", "method": verb, "path": path, "headers": headers}
        asyncio.run(self._app(scope | {"query_string": query}, receive, send))
        given = dict(sent[0]["headers"]).get(b"set-cookie", b"").decode()
        return int(sent[0]["status"]), given.partition(";")[0]


@pytest.fixture
def page():
    page = Page()
    page.answers["/gradio_api/upload"] = [json.dumps([FILE]).encode()]
    event = json.dumps({"msg": "done", "output": {"data": [[{"image": {"path": GENERATED}}]]}})
    stream = f"data: {event}\n\n".encode()
    page.answers["/gradio_api/queue/data"] = [stream[:30], stream[30:], b""]
    return page


@pytest.fixture
def visitors(page):
    """The cookies of two."""
    return page.ask("/")[1], page.ask("/")[1]


def test_each_visitor_is_given_a_cookie_of_their_own(page, visitors):
    first, second = visitors
    assert re.fullmatch(r"cargan_visitor=[\w-]{22}", first)
    assert first != second
    assert page.ask("/", first) == (200, "")
    assert page.ask("/", "cargan_visitor=short")[1].startswith("cargan_visitor=")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/proxy=https://evil.example"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
        ("GET", "/monitoring"),
        ("GET", "/login_check"),
        ("POST", "/gradio_api/run/other"),
        ("POST", "/gradio_api/api/predict"),
        ("POST", "/gradio_api/call/predict"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/vibe-edit/"),
        ("POST", "/"),
        ("PUT", "/gradio_api/upload"),
        ("GET", "/gradio_api/upload"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(page, method, path):
    assert page.ask(path, method=method)[0] == 404
    assert page.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "https://evil.example/a.wav",
        FILE,  # nobody has uploaded it yet
        "../../etc/passwd",
    ],
)
def test_a_file_that_the_visitor_did_not_upload_is_not_given(page, visitors, path):
    first, _ = visitors
    assert page.ask(f"/gradio_api/file={path}", first)[0] == 403
    data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}], "session_hash": "a"}
    assert page.ask("/gradio_api/queue/join", first, data)[0] == 403
    nested = {"data": [[{"deep": [{"path": path}]}]], "session_hash": "a"}
    assert page.ask("/gradio_api/queue/join", first, nested)[0] == 403


def test_an_upload_is_its_visitors_alone(page, visitors):
    first, second = visitors
    page.ask("/gradio_api/upload", first, b"...")
    data = {"data": [{"path": FILE}, "cello", 0], "session_hash": "s"}
    assert page.ask(f"/gradio_api/file={FILE}", first)[0] == 200
    assert page.ask("/gradio_api/queue/join", first, data)[0] == 200
    assert json.loads(page.asked[-1][1]) == data  # the body is passed on whole
    for other in (second, None):
        assert page.ask(f"/gradio_api/file={FILE}", other)[0] == 403
        assert page.ask("/gradio_api/queue/join", other, {**data, "session_hash": "t"})[0] == 403
    page.ask("/gradio_api/upload", second, b"...")  # the same content has the same path
    assert page.ask(f"/gradio_api/file={FILE}", second)[0] == 200
    assert page.ask(f"/gradio_api/file={FILE}", first)[0] == 200


@pytest.mark.parametrize("changed", [f"{FILE}/../../4567/x", f"/x/..{FILE}", f"{FILE}/", FILE[1:]])
def test_a_path_is_the_visitors_letter_by_letter(page, visitors, changed):
    first, _ = visitors
    page.ask("/gradio_api/upload", first, b"...")
    assert page.ask(f"/gradio_api/file={changed}", first)[0] == 403


def test_results_are_shown_and_are_input_of_their_visitor_alone(page, visitors):
    first, second = visitors
    assert page.ask(f"/gradio_api/file={GENERATED}", first)[0] == 403  # not there yet
    page.ask("/gradio_api/queue/data", first, query=b"session_hash=s")
    assert page.ask(f"/gradio_api/file={GENERATED}", first)[0] == 200
    for who, session, status in ((first, "s", 200), (second, "t", 403)):
        data = {"data": [{"path": GENERATED}], "session_hash": session}
        assert page.ask("/gradio_api/queue/join", who, data)[0] == status


def test_results_that_do_not_wait_in_the_queue_are_known(page, visitors):
    first, _ = visitors
    path = "/gradio_api/run/predict"
    page.answers[path] = [json.dumps({"data": [{"path": GENERATED}]}).encode()]
    page.ask(path, first, {"data": [], "session_hash": "s"})
    assert page.ask(f"/gradio_api/file={GENERATED}", first)[0] == 200


def test_a_session_is_of_who_first_uses_it(page, visitors):
    first, second = visitors
    page.ask("/gradio_api/queue/join", first, {"data": [], "session_hash": "s"})
    for ask in (
        lambda who: page.ask("/gradio_api/queue/data", who, query=b"session_hash=s"),
        lambda who: page.ask("/gradio_api/queue/data", who, query=b"a=1&session_hash=%73"),
        lambda who: page.ask("/gradio_api/heartbeat/s", who),
        lambda who: page.ask("/gradio_api/cancel", who, {"session_hash": "s", "event_id": "e"}),
        lambda who: page.ask("/gradio_api/reset", who, {"session_hash": "s", "event_id": "e"}),
        lambda who: page.ask("/gradio_api/queue/join", who, {"data": [], "session_hash": "s"}),
    ):
        assert ask(second)[0] == 403
        assert ask(first)[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[1]", 400),
        (b"[" * 50_000, 400),
        (b'{"a":' * 10_000, 400),
        (b'"' + b"a" * MAX_BODY + b'"', 413),
    ],
)
def test_a_body_that_is_none_is_refused(page, visitors, body, status):
    assert page.ask("/gradio_api/queue/join", visitors[0], body)[0] == status
    assert len(page.asked) == 2  # those of the cookies


def test_memory_is_bounded(page, visitors):
    first, _ = visitors
    for number in range(REMEMBERED + 10):
        page._app._files.add(str(number), "somebody")
    assert len(page._app._files._visitors) == REMEMBERED
    assert page.ask("/gradio_api/file=0", first)[0] == 403
