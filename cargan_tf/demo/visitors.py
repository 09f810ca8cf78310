"""Keeps the page's visitors apart, and its server to what the page needs (ASGI middleware).

Gradio answers far more than this page asks: it fetches addresses, gives every file that any visitor
uploaded to whoever knows its path, and shows a session's results to whoever knows its name. Here a
visitor is known by a cookie, and gets the uploads and sessions that are the visitor's own. Results
are given to whoever knows their paths, as they may be opened elsewhere; each path holds 256 bits of
a hash of the content, so nobody guesses it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_COOKIE: Final = "cargan_visitor"
#: Key of the visitor in the scope of a WebSocket.
VISITOR: Final = "cargan_visitor"
#: The one that the page uses.
SOCKET: Final = "/live/socket"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
#: What the page itself asks for.
_PATHS: Final = {
    "GET": re.compile(
        r"/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|pwa_icon(/\d+)?)?"
        r"|/(assets|static|svelte)/.*"
        r"|/live/(live\.js|chunks\.js|sound\.wav)"
        r"|/gradio_api/(app_id/?|info/?|startup-events|upload_progress|queue/data)"
        r"|/gradio_api/(heartbeat/[^/]+|file=.+)",
        re.DOTALL,
    ),
    "POST": re.compile(r"/gradio_api/(upload|queue/join|run/predict/?|cancel|reset/?)"),
}
_FILE: Final = "/gradio_api/file="
_HEARTBEAT: Final = "/gradio_api/heartbeat/"
#: WebSocket close code (RFC 6455, section 7.4.1).
_POLICY_VIOLATION: Final = 1008
#: Bytes of a request that is no upload: a few labels, numbers and paths.
MAX_BODY: Final = 1 << 16
#: Files and sessions that are remembered; those in use longest ago are forgotten first.
REMEMBERED: Final = 10_000


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Owners:
    """Whose a file or session is; several visitors may upload the same file."""

    def __init__(self) -> None:
        self._visitors: OrderedDict[str, set[str]] = OrderedDict()

    def add(self, key: str, visitor: str) -> None:
        self._visitors.setdefault(key, set()).add(visitor)
        self._visitors.move_to_end(key)
        while len(self._visitors) > REMEMBERED:
            self._visitors.popitem(last=False)

    def has(self, key: str, visitor: str) -> bool:
        return visitor in self._visitors.get(key, ())

    def known(self, key: str) -> bool:
        return key in self._visitors


class Visitors:
    """Answers 403 for what is not the visitor's own, and 404 for what the page does not need."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._files, self._results, self._sessions = _Owners(), _Owners(), _Owners()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            visitor, is_new = _visitor(scope)
            if is_new or scope["path"] != SOCKET:  # not from the page
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            else:
                await self._app({**scope, VISITOR: visitor}, receive, send)
            return
        visitor, is_new = _visitor(scope)
        try:
            receive = await self._checked(scope, receive, visitor)
        except _Refused as refused:
            body = json.dumps({"detail": str(refused)}).encode()
            headers = [(b"content-type", b"application/json")]
            start = {"type": "http.response.start", "status": refused.status, "headers": headers}
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        reader = _reader(scope["path"])
        seen = bytearray()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and is_new:
                cookie = f"{_COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Lax".encode()
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), (b"set-cookie", cookie)],
                }
            elif message["type"] == "http.response.body" and reader:
                seen.extend(message.get("body", b""))
                # Before it is sent: the visitor may ask for the file at once.
                for path in reader(seen, not message.get("more_body", False)):
                    self._files.add(path, visitor)
                    if reader is not _uploaded:
                        self._results.add(path, visitor)
            await send(message)

        await self._app(scope, receive, watched)

    async def _checked(self, scope: Any, receive: Receive, visitor: str) -> Receive:
        path = scope["path"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in _PATHS or not _PATHS[method].fullmatch(path):
            raise _Refused(HTTPStatus.NOT_FOUND, "this page has nothing of that name")
        if path.startswith(_FILE):
            name = path.removeprefix(_FILE)
            if not self._results.known(name):
                self._check_file(name, visitor)
        elif path.startswith(_HEARTBEAT):
            self._check_session(path.removeprefix(_HEARTBEAT), visitor)
        elif path.endswith("/queue/data"):
            for name in parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", []):
                self._check_session(name, visitor)
        elif method == "POST" and not path.endswith("/upload"):
            body = await _body(receive)
            self._check_body(body, visitor)
            return _replayed(body, receive)
        return receive

    def _check_body(self, body: bytes, visitor: str) -> None:
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "a JSON object was expected") from error
        if not isinstance(values, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "a JSON object was expected")
        if "session_hash" in values:
            self._check_session(str(values["session_hash"]), visitor)
        for path in _paths_in(values):
            self._check_file(path, visitor)

    def _check_file(self, path: object, visitor: str) -> None:
        if not isinstance(path, str) or not self._files.has(path, visitor):
            raise _Refused(HTTPStatus.FORBIDDEN, "this file is not yours: upload it first")

    def _check_session(self, name: str, visitor: str) -> None:
        """A session is of who first uses it: the page chooses its name at random."""
        if not self._sessions.known(name):
            self._sessions.add(name, visitor)
        if not self._sessions.has(name, visitor):
            raise _Refused(HTTPStatus.FORBIDDEN, "this session is not yours")


def _visitor(scope: Any) -> tuple[str, bool]:
    """The token in the cookie, or a new one."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(_COOKIE)
            except CookieError:
                continue
            if found and _TOKEN.fullmatch(found.value):
                return found.value, False
    return secrets.token_urlsafe(16), True


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_BODY} bytes")
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """``receive`` of a request whose body was read already."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _reader(path: str) -> Callable[[bytearray, bool], Iterator[str]] | None:
    """What finds the visitor's new files in an answer, if there may be some."""
    if path.endswith("/upload"):
        return _uploaded
    if path.startswith("/gradio_api/run/"):
        return _computed
    return _generated if path.endswith("/queue/data") else None


def _uploaded(seen: bytearray, ended: bool) -> Iterator[str]:
    """The answer to an upload is a list of paths, or a message."""
    if ended:
        try:
            paths = json.loads(bytes(seen))
        except ValueError:
            return
        if isinstance(paths, list):
            yield from (path for path in paths if isinstance(path, str))


def _computed(seen: bytearray, ended: bool) -> Iterator[str]:
    """The answer of what does not wait in the queue: one object."""
    if ended:
        yield from _generated(bytearray(seen + b"\n\n"), ended)


def _generated(seen: bytearray, ended: bool) -> Iterator[str]:
    """Results are server-sent events; whole ones are taken from ``seen``."""
    *events, rest = bytes(seen).split(b"\n\n")
    seen[:] = rest
    for event in events:
        try:
            values = json.loads(event.removeprefix(b"data:"))
        except ValueError:
            continue
        yield from (path for path in _paths_in(values) if isinstance(path, str))


def _paths_in(value: Any) -> Iterator[Any]:
    """Whatever stands as ``path`` in an object of Gradio's ``FileData``, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("path") is not None:
                yield item["path"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
