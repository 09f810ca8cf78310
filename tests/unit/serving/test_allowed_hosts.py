import asyncio
import json
import socket

import pytest

from cargan_tf.serving.allowed_hosts import AllowedHosts, is_allowed, is_loopback

LOOPBACK = "127.0.0.1"
ALL = "0.0.0.0"


@pytest.mark.parametrize(
    ("name", "listening", "allowed", "expected"),
    [
        ("127.0.0.1", LOOPBACK, (), True),
        ("127.0.0.2", LOOPBACK, (), True),
        ("::1", LOOPBACK, (), True),
        ("localhost", LOOPBACK, (), True),
        ("LOCALHOST.", LOOPBACK, (), True),
        ("app.localhost", LOOPBACK, (), True),
        ("evil.example", LOOPBACK, (), False),
        ("localhost.evil.example", LOOPBACK, (), False),
        ("notlocalhost", LOOPBACK, (), False),
        ("127.0.0.1.evil.example", LOOPBACK, (), False),
        ("0.0.0.0", LOOPBACK, (), False),
        ("192.168.1.5", LOOPBACK, (), False),
        ("192.168.1.5", ALL, (), True),
        ("fe80::1", "::", (), True),
        ("evil.example", ALL, (), False),
        ("demo.example", ALL, ("demo.example",), True),
        ("DEMO.example", LOOPBACK, ("demo.example",), True),
        ("sub.demo.example", LOOPBACK, ("demo.example",), False),
        ("lab.example", "lab.example", (), True),
        ("", LOOPBACK, (), False),
    ],
)
def test_names_of_this_machine_and_named_ones_are_allowed(name, listening, allowed, expected):
    assert is_allowed(name, listening, allowed) == expected


def test_the_machines_own_name_is_allowed():
    assert is_allowed(socket.gethostname(), ALL, ())
    assert is_allowed(f"{socket.gethostname()}.local", ALL, ())
    assert not is_allowed(f"{socket.gethostname()}.evil.example", ALL, ())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("::", False)],
)
def test_loopback(host, expected):
    assert is_loopback(host) == expected


def answered(headers, allowed=(), kind="http"):
    """The status, and the error if there is one, of a request with those headers."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "headers": pairs}
    asyncio.run(AllowedHosts(app, LOOPBACK, allowed)(scope, None, send))
    if sent[0]["type"] == "websocket.close":
        return sent[0]["code"], ""
    body = sent[1]["body"] if len(sent) > 1 else b'{"error": ""}'
    return sent[0]["status"], json.loads(body)["error"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "localhost:8501")],
        [("host", "[::1]:8501")],
        [("host", "127.0.0.1:8501"), ("origin", "http://127.0.0.1:8501")],
        [("host", "LocalHost:8501"), ("origin", "http://localhost:8501")],
    ],
)
def test_requests_of_this_machine_are_passed_on(headers):
    assert answered(headers) == (200, "")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost@evil.example",
        "evil.example#@localhost",
        "localhost.evil.example",
        "[::1",
        "",
        "10.0.0.1:8501",
    ],
)
def test_a_foreign_host_is_refused(host):
    status, error = answered([("host", host)])
    assert status == 403
    assert "--allow-host" in error
    assert answered([("host", "localhost"), ("host", host)])[0] == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:3000",  # another server of this machine is another page
        "http://127.0.0.1:8501.evil.example",
        "null",
        "file://",
        "http://[::1",
    ],
)
def test_a_foreign_page_is_refused(origin):
    status, error = answered([("host", "127.0.0.1:8501"), ("origin", origin)])
    assert status == 403
    assert "web page" in error


def test_names_that_are_allowed_are_hosts_and_origins():
    allowed = ("Demo.example",)
    assert answered([("host", "demo.example")], allowed)[0] == 200
    behind_a_proxy = [("host", "127.0.0.1:7860"), ("origin", "https://demo.example")]
    assert answered(behind_a_proxy, allowed)[0] == 200
    assert answered([("host", "other.example")], allowed)[0] == 403


def test_websockets_are_closed():
    assert answered([("host", "evil.example")], kind="websocket")[0] == 1008


def test_what_is_no_request_is_passed_on():
    assert answered([("host", "evil.example")], kind="lifespan")[0] == 200
