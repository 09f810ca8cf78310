"""The server of the page: it answers at once, and shows the page when there is one.

Importing Gradio and loading a model takes seconds. Until then a visitor sees that the page is being
prepared. This module imports neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import uvicorn

from cargan_tf.demo import PORT
from cargan_tf.demo.visitors import MAX_BODY, Visitors
from cargan_tf.errors import UserError
from cargan_tf.serving.address import LOOPBACK, host_and_port, listening_socket
from cargan_tf.serving.allowed_hosts import AllowedHosts
from cargan_tf.serving.connections import PatientProtocol, most_connections

#: A browser then asks no other machine for anything, whatever the page may hold.
_POLICY: Final = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self';"
    " base-uri 'self'; object-src 'none'; form-action 'self'"
)
#: What is seen until the page is there; it asks again by itself, without a script.
_STARTING: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1">
<link rel="icon" href="data:,">
<meta name="color-scheme" content="light dark">
<title>cargan</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
</style>
</head>
<body>
<h1>cargan</h1>
<p role="status">The model is being loaded; the page appears by itself in a few seconds.</p>
</body>
</html>
"""
#: Seconds that answers under way are given when the server ends.
_LAST_ANSWERS: Final = 2
_BACKLOG: Final = 128
#: Seconds until the head of a request must have arrived; then its connection is closed.
HEAD_SECONDS: Final = 20.0


class PageServer:
    """Answers from its start on; ``show`` gives it the page."""

    def __init__(self, address: str, listening: str, allow_hosts: Sequence[str]) -> None:
        """``listening`` and ``allow_hosts`` as of ``AllowedHosts``; use ``served`` instead."""
        self.address = address
        self._page: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._shown: Future[None] | None = None
        # The same checks before there is a page as after.
        self.app = AllowedHosts(Visitors(_Policy(self._answer)), listening, allow_hosts)

    def show(self, page: Any) -> None:
        """Answer with ``page``, a Starlette application, from now on."""
        assert self._loop is not None  # it is serving
        ready: Future[None] = Future()
        self._shown = asyncio.run_coroutine_threadsafe(self._lifespan(page, ready), self._loop)
        self._shown.add_done_callback(lambda ended: _pass_on(ended, ready))
        ready.result()

    async def started(self) -> None:
        """Called in the server's thread before the first request."""
        self._loop = asyncio.get_running_loop()

    async def closed(self) -> None:
        """Called in the server's thread after the last request."""
        self._closing.set()
        if self._shown is not None and self._page is not None:
            await asyncio.wrap_future(self._shown)

    async def _lifespan(self, page: Any, ready: Future[None]) -> None:
        """From the page's start to its end, in one task, as its task groups want it."""
        async with page.router.lifespan_context(page):
            self._page = page
            ready.set_result(None)
            await self._closing.wait()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if self._page is not None:
            await self._page(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013})
        elif scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            await _send(send, HTTPStatus.OK, b"text/html; charset=utf-8", _STARTING)
        else:
            said = b'{"detail": "the model is being loaded; try again in a few seconds"}'
            await _send(send, HTTPStatus.SERVICE_UNAVAILABLE, b"application/json", said)


@contextmanager
def served(
    host: str = LOOPBACK,
    port: int = PORT,
    in_browser: bool = False,
    allow_hosts: Sequence[str] = (),
) -> Iterator[PageServer]:
    """Answer as long as the context lasts.

    Whoever shows the page to others puts a proxy before it, or names a ``host``; names by which
    others call this machine stand in ``allow_hosts``.

    Raises:
        UserError: the port is taken, or the host is none of this machine's.
    """
    try:
        listening = listening_socket(host, port)
    except OSError as error:
        raise UserError(
            f"the page cannot be shown at {host_and_port(host, port)} ({error}): choose another"
            " --port or --host."
        ) from error
    listening.listen(_BACKLOG)
    server = PageServer(f"http://{host_and_port(host, port)}/", host, allow_hosts)
    running = _Server(
        uvicorn.Config(
            server.app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            http=PatientProtocol.of(HEAD_SECONDS, most_connections()),
            ws="wsproto",
            ws_max_size=MAX_BODY,
            # wsproto unpacks a message before it knows its size.
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            timeout_graceful_shutdown=_LAST_ANSWERS,
        ),
        server,
    )
    thread = threading.Thread(target=running.run, args=([listening],), name="page", daemon=True)
    thread.start()
    running.ready.wait()
    try:
        if in_browser:
            webbrowser.open(server.address)
        yield server
    finally:
        running.should_exit = True
        thread.join()
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn in a thread, with the page's own start and end."""

    def __init__(self, config: uvicorn.Config, server: PageServer) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._page_server = server

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the main thread's."""
        yield

    async def startup(self, sockets: Any = None) -> None:
        """From here on it answers."""
        await self._page_server.started()
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: Any = None) -> None:
        """Answers under way first, then the page."""
        await super().shutdown(sockets)
        await self._page_server.closed()


class _Policy:
    """Adds the content security policy to every answer."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                headers.append((b"content-security-policy", _POLICY.encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, with_policy)


async def _send(send: Any, status: HTTPStatus, kind: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _pass_on(ended: Future[None], ready: Future[None]) -> None:
    """What kept the page from starting is raised where it is waited for."""
    if not ready.done():
        ready.set_exception(ended.exception() or RuntimeError("the page ended before it began"))
