"""The WebSocket of the live tab: sound comes in, images go out, and nothing is kept.

A visitor first sends settings as JSON text, ``{"rate": 48000, "label": "", "player": 1}``, and may
send others later. Then chunks of sound: eight bytes that are the visitor's own time of the chunk's
end, and 16-bit little-endian samples. Each image comes as the time of the newest sound it shows,
the length of a JSON text in two bytes (big-endian), that text, and a JPEG; it is answered with
``{"shown": true}``. Sound that comes while an image is made is not queued; the next image shows the
newest.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import anyio
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from cargan_tf.demo.live import LiveImage, LiveSession, RecentSound
from cargan_tf.demo.visitors import VISITOR, without_folders
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.image_io import encode_image

#: Bytes of one message: a third of a second at most.
MAX_MESSAGE: Final = 1 << 15
#: Visitors who play at once; they share the processor.
MAX_VISITORS: Final = 4
#: Images a second; more are not seen as a movement.
MAX_IMAGES_PER_SECOND: Final = 30
#: Images that were sent and are not yet shown: one is on the way while the next is made.
UNSEEN: Final = 2
#: Seconds without a message after which a visitor is taken for gone.
IDLE_SECONDS: Final = 10.0
#: Seconds of sound that may come faster than it is played, as after a hiccup of the network.
AHEAD_SECONDS: Final = 5.0

_TIME_BYTES: Final = 8
# Close codes of RFC 6455 and its registry.
_BAD_DATA, _POLICY, _TOO_LARGE, _TRY_LATER = 1003, 1008, 1009, 1013
#: Bytes of a reason for closing.
_MAX_REASON: Final = 123


class _Refused(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class LiveEndpoint:
    """Plays with one visitor per connection; images of all visitors are made one after another."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._generating = anyio.Lock()
        self._playing: dict[str, WebSocket] = {}

    async def __call__(self, websocket: WebSocket) -> None:
        """Until the visitor stops, or breaks a rule."""
        await websocket.accept()
        visitor = websocket.scope[VISITOR]
        try:
            await self._admit(websocket, visitor)
            await _Connection(websocket, self._generator, self._generating).run()
        except WebSocketDisconnect:
            pass
        except _Refused as why:
            await _close(websocket, why.code, str(why))
        finally:
            if self._playing.get(visitor) is websocket:
                del self._playing[visitor]

    async def _admit(self, websocket: WebSocket, visitor: str) -> None:
        """One connection per visitor, the newest."""
        before = self._playing.pop(visitor, None)
        if len(self._playing) >= MAX_VISITORS:
            raise _Refused(_TRY_LATER, "others are playing: try again later")
        self._playing[visitor] = websocket
        if before is not None:
            await _close(before, _POLICY, "you are playing in another window")


class _Connection:
    """One visitor's sound and images."""

    def __init__(self, websocket: WebSocket, generator: Generator, generating: anyio.Lock) -> None:
        self._websocket, self._generator, self._generating = websocket, generator, generating
        self._new_sound = asyncio.Event()
        self._unseen = anyio.Semaphore(UNSEEN)
        self._out = 0  # images sent and not shown
        self._time = bytes(_TIME_BYTES)
        self._settings: dict[str, Any] | None = None

    async def run(self) -> None:
        """Listen and generate until one of both ends."""
        self._settings = _settings(await self._receive())
        try:
            session = LiveSession(self._generator, self._settings["rate"])
        except UserError as error:
            raise _Refused(_BAD_DATA, without_folders(str(error))) from error
        async with anyio.create_task_group() as tasks:
            for work in (self._listen(session, self._settings["rate"]), self._generate(session)):
                tasks.start_soon(self._until_refused, work, tasks.cancel_scope)

    async def _until_refused(
        self, work: Coroutine[Any, Any, None], both: anyio.CancelScope
    ) -> None:
        try:
            await work
        except WebSocketDisconnect:
            pass
        except _Refused as why:
            await _close(self._websocket, why.code, str(why))
        finally:
            both.cancel()

    async def _listen(self, session: LiveSession, rate: int) -> None:
        began, received = time.monotonic(), 0
        while True:
            message = await self._receive()
            if isinstance(message, str):
                self._take_text(message)
                continue
            samples = _samples(message)
            received += len(samples)
            if received / rate > time.monotonic() - began + AHEAD_SECONDS:
                raise _Refused(_POLICY, "the sound comes faster than it is played")
            session.add(samples)
            self._time = message[:_TIME_BYTES]
            self._new_sound.set()

    def _take_text(self, message: str) -> None:
        """An image was shown, or other settings are wanted."""
        if _object(message).get("shown") is True:
            if self._out:
                self._out -= 1
                self._unseen.release()
        else:
            self._settings = _settings(message)
            self._new_sound.set()

    async def _generate(self, session: LiveSession) -> None:
        while True:
            await self._new_sound.wait()
            await self._unseen.acquire()
            began = time.monotonic()
            async with self._generating:
                self._new_sound.clear()
                settings, self._settings = self._settings, None
                arguments = settings, session.recent(), self._time
                content = await anyio.to_thread.run_sync(_content, session, *arguments)
            if content is None:
                self._unseen.release()
            else:
                self._out += 1
                await self._websocket.send_bytes(content)
            rest = began + 1 / MAX_IMAGES_PER_SECOND - time.monotonic()
            await anyio.sleep(max(0.0, rest))

    async def _receive(self) -> str | bytes:
        try:
            with anyio.fail_after(IDLE_SECONDS):
                message = await self._websocket.receive()
        except TimeoutError as error:
            raise _Refused(_POLICY, f"nothing came for {IDLE_SECONDS:g} s") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        content: str | bytes = message.get("bytes") or message.get("text") or b""
        if len(content) > MAX_MESSAGE:
            raise _Refused(_TOO_LARGE, f"a message of more than {MAX_MESSAGE} bytes")
        return content


def _content(
    session: LiveSession, settings: dict[str, Any] | None, sound: RecentSound, newest: bytes
) -> bytes | None:
    """The next message to the visitor, if there is something to be seen; in a thread."""
    if settings is not None:
        try:
            session.choose(settings["label"] or None, settings["player"])
        except UserError as error:
            raise _Refused(_BAD_DATA, without_folders(str(error))) from error
    image = session.generate(sound)
    return None if image is None else newest + _encoded(image)


def _encoded(image: LiveImage) -> bytes:
    facts = {"label": image.label, "said": image.description, "resting": image.resting}
    text = json.dumps(facts).encode()
    # A PNG would take 8 ms instead of 0.4.
    content = encode_image(image.image, "JPEG", quality=95, subsampling=0)
    return struct.pack(">H", len(text)) + text + content


def _samples(message: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    if len(message) <= _TIME_BYTES or len(message) % 2:
        raise _Refused(_BAD_DATA, "expected a time and 16-bit samples")
    return np.frombuffer(message, "<i2", offset=_TIME_BYTES).astype(np.int16)


def _settings(message: str | bytes) -> dict[str, Any]:
    values = _object(message)
    rate, label, player = values.get("rate"), values.get("label"), values.get("player")
    if type(rate) is not int or not isinstance(label, str):
        raise _Refused(_BAD_DATA, "expected a whole rate and a label")
    if player is not None and type(player) is not int:
        raise _Refused(_BAD_DATA, "expected a whole player")
    return {"rate": rate, "label": label, "player": player}


def _object(message: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(message)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _Refused(_BAD_DATA, "expected a JSON object")
    return values


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(RuntimeError):  # the visitor was faster
        await websocket.close(code, reason.encode()[:_MAX_REASON].decode(errors="ignore"))
