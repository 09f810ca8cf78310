"""Before a stand-in for Gradio that gives whatever it is asked for."""

import asyncio
import json
import re

import pytest

from cargan_tf.demo import uploads
from cargan_tf.demo import visitors as visitors_module
from cargan_tf.demo.uploads import MAX_PARTS, MAX_UPLOAD_BODY
from cargan_tf.demo.visitors import (
    MAX_BODY,
    REMEMBERED,
    Visitors,
    without_folders,
)

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

    def ask(self, path, cookie=None, body=None, method=None, query=b"", port=80, kind=None):
        """Status, and the cookie that was set, if any; a body that is ``...`` never comes."""
        sent = []
        is_plain = isinstance(body, (bytes, type(None), type(...)))
        content = body if is_plain else json.dumps(body).encode()

        async def receive():
            if body is ...:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": content or b"", "more_body": False}

        async def send(message):
            sent.append(message)

        headers = [(b"cookie", cookie.encode())] if cookie else []
        headers += [(b"content-type", kind)] if kind else []
        verb = method or ("GET" if body is None else "POST")
        scope = {"type": "http", "method": verb, "path": path, "headers": headers}
        scope["server"] = ("127.0.0.1", port)
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
    assert re.fullmatch(r"cargan_visitor_80=[\w-]{22}\.[0-9a-f]{32}", first)
    assert first != second
    assert page.ask("/", first) == (200, "")
    assert page.ask("/", "cargan_visitor_80=short")[1].startswith("cargan_visitor_80=")


def test_a_cookie_that_this_server_did_not_issue_is_replaced(page, visitors):
    name, _, token = visitors[0].partition("=")
    chosen, _, signature = token.partition(".")
    _, another = Page().ask("/")
    for forged in (
        f"{name}={'A' * 22}",
        f"{name}={'A' * 22}.{signature}",
        f"{name}={chosen}.{'0' * 32}",
        f"{name}={chosen}.\u00e4{signature[1:]}",
        another,
    ):
        assert page.ask("/", forged)[1] not in ("", forged)
    assert page.ask("/", f"a=b; {visitors[0]}; c=d")[1] == ""


def test_a_cookie_is_of_one_port(page, visitors):
    assert page.ask("/", visitors[0], port=81)[1].startswith("cargan_visitor_81=")


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
        page._app._files.add("a file of everybody's", str(number))
    assert len(page._app._files._pairs) == REMEMBERED
    assert len(page._app._files._visitors) <= REMEMBERED
    assert page.ask("/gradio_api/file=0", first)[0] == 403


def test_a_session_of_a_long_name_is_refused(page, visitors):
    name = "s" * 60_000
    body = {"data": [], "session_hash": name}
    assert page.ask("/gradio_api/queue/join", visitors[0], body)[0] == 400
    assert page.ask(f"/gradio_api/heartbeat/{name}", visitors[0])[0] == 400


def test_an_upload_that_an_event_gives_back_stays_its_visitors_alone(page, visitors):
    first, second = visitors
    page.answers["/gradio_api/queue/data"] = [
        b'data: {"output": {"path": "%b"}}\n\n' % FILE.encode()
    ]
    page.ask("/gradio_api/upload", first, b"...")
    page.ask("/gradio_api/queue/data", first, query=b"session_hash=s")
    assert page.ask(f"/gradio_api/file={FILE}", first)[0] == 200
    assert page.ask(f"/gradio_api/file={FILE}", second)[0] == 403


def test_an_upload_that_is_too_large_is_broken_off(page, visitors):
    field = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + bytes(MAX_UPLOAD_BODY)
    assert page.ask("/gradio_api/upload", visitors[0], field)[0] == 413


def test_a_form_of_many_parts_is_refused(page, visitors):
    kind = b"multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n\r\n'
    for parts, status in ((1, 200), (MAX_PARTS, 200), (MAX_PARTS + 1, 400)):
        body = part * parts + b"--x--\r\n"
        assert page.ask("/gradio_api/upload", visitors[0], body, kind=kind)[0] == status


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join"])
def test_a_body_that_does_not_come_is_not_waited_for(page, visitors, monkeypatch, path):
    monkeypatch.setattr(visitors_module, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 0.05)
    assert page.ask(path, visitors[0], ...)[0] == 408


def test_a_visitor_may_not_upload_without_end(page, visitors, monkeypatch):
    monkeypatch.setattr(uploads, "VISITOR_BYTES", 1 << 20)
    monkeypatch.setattr(uploads, "ALL_BYTES", 3 << 20)

    def upload(cookie):
        return page.ask("/gradio_api/upload", cookie, bytes(1 << 19))[0]

    first, second = visitors
    assert [upload(first) for _ in range(2)] == [200, 429]
    assert upload(second) == 200
    everybody = [upload(page.ask("/")[1]) for _ in range(6)]
    assert everybody[0] == 200
    assert everybody[-1] == 429
    monkeypatch.setattr(uploads, "FILES_KEPT", 0)  # they are deleted by now
    assert upload(first) == 200


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the model at /home/me/models/tiny is damaged.", "the model at tiny is damaged."),
        ("'/tmp/a/b.wav' cannot be read", "'b.wav' cannot be read"),
        (
            "see https://example.org/a/b; 1/2 and and/or",
            "see https://example.org/a/b; 1/2 and and/or",
        ),
    ],
)
def test_messages_name_no_folder_of_this_machine(said, shown):
    assert without_folders(said) == shown
