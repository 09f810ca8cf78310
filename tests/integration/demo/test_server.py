"""The page's server before there is a page, and then; a plain application stands for Gradio's."""

import base64
import contextlib
import socket
from contextlib import asynccontextmanager

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from cargan_tf.demo.server import served
from cargan_tf.demo.visitors import SOCKET
from cargan_tf.errors import UserError


class Page:
    """Knows whether it was begun and ended, in one task as Gradio's needs it."""

    def __init__(self, fails=False):
        self.begun = self.ended = False
        self._fails = fails
        routes = [
            Route("/", lambda request: PlainTextResponse("the page")),
            WebSocketRoute(SOCKET, self._echo),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app):
        if self._fails:
            raise UserError("it cannot begin")
        self.begun = True
        yield
        self.ended = True

    async def _echo(self, websocket):
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(await websocket.receive_text())


@pytest.fixture
def server(free_port):
    with served(port=free_port()) as server:
        yield server


def get(server, path="", **headers):
    return requests.get(server.address + path, headers=headers, timeout=60)


def test_a_visitor_sees_at_once_that_the_page_is_coming(server):
    reply = get(server)
    assert reply.status_code == 200
    assert "being loaded" in reply.text
    assert 'http-equiv="refresh"' in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_what_only_the_page_answers_is_asked_for_later(server):
    reply = get(server, "config")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "1"
    upload = requests.post(server.address + "gradio_api/upload", data=b"1", timeout=60)
    assert upload.status_code == 503


@pytest.mark.parametrize("name", ["Host", "Origin"])
@pytest.mark.parametrize("shown", [False, True])
def test_foreign_pages_are_refused_from_the_beginning(server, name, shown):
    if shown:
        server.show(Page().app)
    value = "http://evil.example" if name == "Origin" else "evil.example"
    assert get(server, **{name: value}).status_code == 403


def test_the_page_is_shown_when_it_is_there_and_ended_with_the_server(free_port):
    page = Page()
    with served(port=free_port()) as server:
        server.show(page.app)
        assert page.begun
        assert get(server).text == "the page"
        assert get(server, "else").status_code == 404
        assert not page.ended
    assert page.ended


def test_a_page_that_cannot_begin_says_so_to_who_shows_it(free_port):
    with (
        pytest.raises(UserError, match="it cannot begin"),
        served(port=free_port()) as server,
    ):
        server.show(Page(fails=True).app)


def test_a_port_that_is_taken_is_named(server):
    port = int(server.address.rstrip("/").rpartition(":")[2])
    said = rf"127\.0\.0\.1:{port} .* choose another"
    with pytest.raises(UserError, match=said), served(port=port):
        pass


def connected(server):
    port = int(server.address.rstrip("/").rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=30)


@pytest.fixture
def impatient(free_port, monkeypatch):
    """A server that waits for heads and bodies no longer than a moment."""
    monkeypatch.setattr("cargan_tf.demo.server.HEAD_SECONDS", 0.3)
    monkeypatch.setattr("cargan_tf.demo.visitors.BODY_SECONDS", 0.3)
    with served(port=free_port()) as server:
        server.show(Page().app)
        yield server


def test_a_slow_head_is_not_waited_for(impatient):
    with connected(impatient) as silent, connected(impatient) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert silent.recv(1) == b""  # closed by the server
        assert slow.recv(1) == b""
    assert get(impatient).text == "the page"


def test_a_body_that_does_not_come_is_not_waited_for(impatient):
    with connected(impatient) as connection:
        head = b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9"
        connection.sendall(head + b"\r\n\r\n{")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")


def test_the_oldest_silent_connection_makes_room_for_a_new_one(free_port, monkeypatch):
    monkeypatch.setattr("cargan_tf.demo.server.most_connections", lambda: 3)
    with served(port=free_port()) as server, contextlib.ExitStack() as opened:
        server.show(Page().app)
        idle = [opened.enter_context(connected(server)) for _ in range(5)]
        assert get(server).text == "the page"
        assert idle[0].recv(1) == b""


def test_a_websocket_is_not_compressed_and_may_be_silent(impatient):
    """What is compressed would be unpacked before its size is known."""
    cookie = get(impatient).headers["set-cookie"].partition(";")[0]
    key = base64.b64encode(bytes(16)).decode()
    with connected(impatient) as connection:
        connection.sendall(
            f"GET {SOCKET} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
        )
        answer = connection.recv(4096).lower()
        assert answer.startswith(b"http/1.1 101")
        assert b"sec-websocket-extensions" not in answer
        connection.settimeout(1)
        with pytest.raises(TimeoutError):  # not closed for want of a head
            connection.recv(1)
        connection.sendall(b"\x81\x82\0\0\0\0hi")
        assert connection.recv(4) == b"\x81\x02hi"
