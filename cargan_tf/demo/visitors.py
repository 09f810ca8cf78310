"""Keeps the page's visitors apart, and its server to what the page needs (ASGI middleware).

Gradio answers far more than this page asks: it fetches addresses, gives every file that any visitor
uploaded to whoever knows its path, and shows a session's results to whoever knows its name. Here a
visitor is known by a cookie, and gets the uploads and sessions that are the visitor's own. Results
are given to whoever knows their paths, as they may be opened elsewhere; each path holds 256 bits of
a hash of the content, so nobody guesses it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from python_multipart.multipart import parse_options_header

from cargan_tf.demo.uploads import (
    LEAST_BYTES,
    MAX_UPLOAD_BODY,
    BoundedUpload,
    Message,
    Receive,
    RefusedRequest,
    UploadQuota,
    too_large,
)

Send = Callable[[Message], Awaitable[None]]

#: Browsers give the cookies of one host to all its ports, so the port follows.
_COOKIE: Final = "cargan_visitor"
#: Key of the visitor in the scope of a WebSocket.
VISITOR: Final = "cargan_visitor"
#: The one that the page uses.
SOCKET: Final = "/live/socket"
#: By chance, and what shows that this server issued it.
_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9a-f]{32})")
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
#: Seconds in which such a request must have arrived.
BODY_SECONDS: Final = 20.0
#: Files and sessions that are remembered; those in use longest ago are forgotten first.
REMEMBERED: Final = 10_000
#: Characters of a session's name; Gradio's have 11.
MAX_SESSION_NAME: Final = 64
_FOLDERS: Final = re.compile(r"(?<![\w.:/])/(?:[^/\s'\"]+/)+(?=[^/\s])")


def without_folders(text: str) -> str:
    """A message without the folders of absolute paths: they are nothing to a visitor."""
    return _FOLDERS.sub("", text)


class _Owners:
    """Whose a file or session is; several visitors may upload the same file."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._visitors: Counter[str] = Counter()  # of each key

    def add(self, key: str, visitor: str) -> None:
        if (key, visitor) not in self._pairs:
            self._visitors[key] += 1
        self._pairs[key, visitor] = None
        self._pairs.move_to_end((key, visitor))
        while len(self._pairs) > REMEMBERED:
            (oldest, _), _ = self._pairs.popitem(last=False)
            self._visitors[oldest] -= 1
            if not self._visitors[oldest]:
                del self._visitors[oldest]

    def has(self, key: str, visitor: str) -> bool:
        return (key, visitor) in self._pairs

    def known(self, key: str) -> bool:
        return key in self._visitors


class Visitors:
    """Answers 403 for what is not the visitor's own, and 404 for what the page does not need."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._files, self._sessions = _Owners(), _Owners()
        # An upload is a file of its visitor's, and no result, though an event may give it back.
        self._uploads, self._results = _Owners(), _Owners()
        self._quota = UploadQuota()
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            visitor, is_new = self._visitor(scope)
            if is_new or scope["path"] != SOCKET:  # not from the page
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            else:
                await self._app({**scope, VISITOR: visitor}, receive, send)
            return
        visitor, is_new = self._visitor(scope)
        try:
            receive = await self._checked(scope, receive, visitor)
        except RefusedRequest as refused:
            await _send_refusal(send, refused)
            return
        upload = receive if isinstance(receive, BoundedUpload) else None
        reader = _reader(scope["path"])
        seen = bytearray()
        name = _cookie_name(scope)

        async def watched(message: Message) -> None:
            if upload is not None and upload.refused is not None:
                return  # it is answered below
            if message["type"] == "http.response.start" and is_new:
                cookie = f"{name}={visitor}; Path=/; HttpOnly; SameSite=Lax".encode()
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), (b"set-cookie", cookie)],
                }
            elif message["type"] == "http.response.body" and reader:
                seen.extend(message.get("body", b""))
                # Before it is sent: the visitor may ask for the file at once.
                for path in reader(seen, not message.get("more_body", False)):
                    self._files.add(path, visitor)
                    is_upload = reader is _uploaded or self._uploads.known(path)
                    (self._uploads if is_upload else self._results).add(path, visitor)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if upload is None or upload.refused is None:
                raise
        if upload is not None and upload.refused is not None:
            await _send_refusal(send, upload.refused)

    async def _checked(self, scope: Any, receive: Receive, visitor: str) -> Receive:
        path = scope["path"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in _PATHS or not _PATHS[method].fullmatch(path):
            raise RefusedRequest(HTTPStatus.NOT_FOUND, "this page has nothing of that name")
        if path.startswith(_FILE):
            name = path.removeprefix(_FILE)
            if not self._results.known(name):
                self._check_file(name, visitor)
        elif path.startswith(_HEARTBEAT):
            self._check_session(path.removeprefix(_HEARTBEAT), visitor)
        elif path.endswith("/queue/data"):
            for name in parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", []):
                self._check_session(name, visitor)
        elif path.endswith("/upload"):
            return self._upload(scope, receive, visitor)
        elif method == "POST":
            body = await _body(receive)
            self._check_body(body, visitor)
            return _replayed(body, receive)
        return receive

    def _upload(self, scope: Any, receive: Receive, visitor: str) -> BoundedUpload:
        headers = dict(reversed(scope["headers"]))  # of several, the first counts
        if int(headers.get(b"content-length", 0)) > MAX_UPLOAD_BODY:
            raise too_large(MAX_UPLOAD_BODY)
        self._quota.take(visitor, LEAST_BYTES)
        _, options = parse_options_header(headers.get(b"content-type"))
        boundary = options.get(b"boundary", b"")
        return BoundedUpload(receive, boundary, lambda count: self._quota.take(visitor, count))

    def _check_body(self, body: bytes, visitor: str) -> None:
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RefusedRequest(HTTPStatus.BAD_REQUEST, "a JSON object was expected") from error
        if not isinstance(values, dict):
            raise RefusedRequest(HTTPStatus.BAD_REQUEST, "a JSON object was expected")
        if "session_hash" in values:
            self._check_session(str(values["session_hash"]), visitor)
        for path in _paths_in(values):
            self._check_file(path, visitor)

    def _check_file(self, path: object, visitor: str) -> None:
        if not isinstance(path, str) or not self._files.has(path, visitor):
            raise RefusedRequest(HTTPStatus.FORBIDDEN, "this file is not yours: upload it first")

    def _check_session(self, name: str, visitor: str) -> None:
        """A session is of who first uses it: the page chooses its name at random."""
        if len(name) > MAX_SESSION_NAME:
            raise RefusedRequest(
                HTTPStatus.BAD_REQUEST,
                f"a session's name of {len(name)} characters was received; expected"
                f" {MAX_SESSION_NAME} at most",
            )
        if not self._sessions.known(name):
            self._sessions.add(name, visitor)
        if not self._sessions.has(name, visitor):
            raise RefusedRequest(HTTPStatus.FORBIDDEN, "this session is not yours")

    def _visitor(self, scope: Any) -> tuple[str, bool]:
        """The token in the cookie, or a new one."""
        wanted = _cookie_name(scope)
        for name, value in scope["headers"]:
            if name == b"cookie":
                for cookie in value.decode("latin-1").split(";"):
                    found, _, token = cookie.strip().partition("=")
                    if found == wanted and self._is_issued(token):
                        return token, False
        chosen = secrets.token_urlsafe(16)
        return f"{chosen}.{self._signature(chosen)}", True

    def _is_issued(self, token: str) -> bool:
        match = _TOKEN.fullmatch(token)
        return match is not None and hmac.compare_digest(match[2], self._signature(match[1]))

    def _signature(self, chosen: str) -> str:
        return hmac.new(self._key, chosen.encode(), "sha256").hexdigest()[:32]


def _cookie_name(scope: Any) -> str:
    _, port = scope.get("server") or ("", None)
    return f"{_COOKIE}_{port}"


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise too_large(MAX_BODY)
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise RefusedRequest(
            HTTPStatus.REQUEST_TIMEOUT, f"the request took more than {BODY_SECONDS:g} s"
        ) from error


async def _send_refusal(send: Send, refused: RefusedRequest) -> None:
    body = json.dumps({"detail": str(refused)}).encode()
    headers = [(b"content-type", b"application/json")]
    start = {"type": "http.response.start", "status": refused.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


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
