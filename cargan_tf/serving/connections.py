"""Keeps silent connections from taking all that a process may open (uvicorn's HTTP)."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Files that the process may open besides connections by HTTP: libraries, the model, gRPC.
_OTHER_FILES: Final = 256
#: Files that the process asks to be allowed.
_MOST_FILES: Final = 65_536


def most_connections() -> int:
    """Connections that there is room for, once the process may open as many files as the system
    allows it; shells often allow 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # not where a sandbox forbids it
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    files = wanted if soft == resource.RLIM_INFINITY else soft
    return max(files - _OTHER_FILES, files // 2)


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP, but a connection on which no whole head of a request arrives is closed:
    thousands of silent ones would take all that a process may open. Where there are as many
    before that, the oldest on which nothing is asked makes room for a new one."""

    head_seconds: ClassVar[float]
    most: ClassVar[int]
    connected: ClassVar[dict[PatientProtocol, None]]  # a set in the order of their arrival
    _head_timer: asyncio.TimerHandle | None = None
    _upgraded = False

    @classmethod
    def of(cls, head_seconds: float, most: int) -> type[PatientProtocol]:
        """The class that waits so long, and keeps so many; uvicorn makes the objects."""
        values = {"head_seconds": head_seconds, "most": most, "connected": {}}
        return type(cls.__name__, (cls,), values)

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        if len(self.connected) >= self.most:
            idle = (
                one for one in self.connected if one.cycle is None or one.cycle.response_complete
            )
            oldest = next(idle, self)
            self.connected.pop(oldest, None)
            oldest.transport.abort()
            if oldest is self:
                return
        self.connected[self] = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while a head is incomplete; uvicorn limits the time between requests."""
        super().data_received(data)
        if self._upgraded:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._head_timer is None:
            self._wait()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """It is a WebSocket from now on: who answers it limits its time and number."""
        self._upgraded = True
        self._stop_waiting()
        self.connected.pop(self, None)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self.connected.pop(self, None)
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
