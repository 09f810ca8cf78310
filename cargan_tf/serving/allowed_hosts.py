"""Refuses requests that a foreign web page makes: by the headers Host and Origin (ASGI middleware).

A web page may have its own name lead to 127.0.0.1 (DNS rebinding) and then read what this machine's
servers answer; the browser still sends that name as Host. Any page may send requests to another
server; the browser then says as Origin where they come from.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

#: Name or address of this machine that no other can have.
_LOCAL: Final = "localhost"
_REFUSED: Final = 403
#: WebSocket close code for a policy violation (RFC 6455, section 7.4.1).
_POLICY_VIOLATION: Final = 1008

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    address = _address(host)
    return address.is_loopback if address else host == _LOCAL


def is_allowed(name: str, listening: str, allowed: Collection[str]) -> bool:
    """Whether a request may call this server ``name``.

    Addresses are allowed, as no page can claim one for itself: of this machine alone where only it
    is listened to. Names are allowed if they are this machine's or in ``allowed``.

    Args:
        name: without port; an IPv6 address without brackets.
        listening: the address or name that the server listens on.
        allowed: further names, in lower case.
    """
    name = name.rstrip(".").lower()
    address = _address(name)
    if address:
        return address.is_loopback or not is_loopback(listening) or name in allowed
    machine = socket.gethostname().lower()
    own = {_LOCAL, listening.lower(), machine, f"{machine}.local"}
    return name in own or name.endswith(f".{_LOCAL}") or name in allowed


class AllowedHosts:
    """ASGI middleware: 403 with a JSON message for any other ``Host`` or ``Origin``."""

    def __init__(self, app: App, listening: str, allowed: Collection[str] = ()) -> None:
        """``listening`` and ``allowed`` as for ``is_allowed``, in any case."""
        self._app, self._listening = app, listening
        self._allowed = frozenset(host.lower() for host in allowed)

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer the request, or pass it on."""
        reason = self._reason(scope) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            headers = [(b"content-type", b"application/json")]
            body = json.dumps({"error": reason}).encode()
            await send({"type": "http.response.start", "status": _REFUSED, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _reason(self, scope: Any) -> str | None:
        """Why the request is refused; clients that are no browsers may send neither header."""
        hosts, origins = (
            [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
            for wanted in (b"host", b"origin")
        )
        for host in hosts:
            name = _name_in(f"//{host}")
            if name is None or not is_allowed(name, self._listening, self._allowed):
                return (
                    f"this server is not called {host[:100]!r}: use its address or localhost, or"
                    " start it with --allow-host and that name"
                )
        for origin in origins:
            # The page's own requests come from where they go to.
            same = _endpoint_in(origin) in [host.lower() for host in hosts]
            if not same and _name_in(origin) not in self._allowed:
                return (
                    f"a web page of {origin[:100]!r} may not use this server: start it with"
                    " --allow-host and that name to let it"
                )
        return None


def _endpoint_in(origin: str) -> str | None:
    """``host:port`` in lower case; ``None`` for ``null`` and the like."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _name_in(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
