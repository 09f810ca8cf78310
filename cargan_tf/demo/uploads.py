"""What a visitor may upload to the page (ASGI).

Gradio limits the size of a file, but not how many files a request has, what else is in it, or how
long it takes: that is limited here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from starlette.formparsers import MultiPartException

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

#: Seconds in which an upload must have arrived.
UPLOAD_SECONDS: Final = 300.0
#: Bytes of an upload: a file of 20 MB (``page.MAX_UPLOAD``) and the form around it.
MAX_UPLOAD_BODY: Final = 21 << 20
#: Parts of an upload's form; the page sends one.
MAX_PARTS: Final = 8
#: Seconds after which a visitor's files are deleted.
FILES_KEPT: Final = 3600
#: Bytes that one visitor and all together may upload in that time, and what an upload counts at
#: least: also an empty file takes room on the disk.
VISITOR_BYTES: Final = 300 << 20
ALL_BYTES: Final = 4 << 30
LEAST_BYTES: Final = 1 << 16


class RefusedRequest(Exception):
    """A request that is answered with ``status`` and the message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def too_large(limit: int) -> RefusedRequest:
    """The request has more than ``limit`` bytes."""
    return RefusedRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the request is larger than {limit} bytes"
    )


class UploadQuota:
    """What was uploaded since an hour began, by each visitor and by all."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bytes: Counter[str] = Counter()
        self._all = 0

    def take(self, visitor: str, count: int) -> None:
        """Count bytes; raises ``RefusedRequest`` where there are too many."""
        if time.monotonic() - self._began > FILES_KEPT:
            self._began, self._all = time.monotonic(), 0
            self._bytes.clear()
        self._bytes[visitor] += count
        self._all += count
        if self._bytes[visitor] > VISITOR_BYTES or self._all > ALL_BYTES:
            raise RefusedRequest(
                HTTPStatus.TOO_MANY_REQUESTS, "too much was uploaded: try again later"
            )


class BoundedUpload:
    """``receive`` of an upload, which is broken off where it becomes too much or takes too long.

    Gradio deletes what it has of a form if the form is found to be damaged, and only then; so it is
    told that, also where the visitor goes away.
    """

    def __init__(self, receive: Receive, boundary: bytes, take: Callable[[int], None]) -> None:
        """``take`` counts bytes and raises ``RefusedRequest``; ``boundary`` is before each part."""
        self._receive, self._take = receive, take
        self._deadline = asyncio.get_running_loop().time() + UPLOAD_SECONDS
        self._mark = b"--" + boundary
        self._end = b""  # of what came: a mark may come in two pieces
        self._bytes = self._marks = 0
        self._complete = False
        self.refused: RefusedRequest | None = None

    async def __call__(self) -> Message:
        """The next part of the request."""
        if self._complete:
            return await self._receive()
        try:
            return await self._next()
        except RefusedRequest as refused:
            self.refused = refused
            raise MultiPartException(str(refused)) from refused

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise RefusedRequest(
                HTTPStatus.REQUEST_TIMEOUT, f"the upload took more than {UPLOAD_SECONDS:g} s"
            ) from error
        if message["type"] != "http.request":
            raise RefusedRequest(HTTPStatus.BAD_REQUEST, "the visitor went away")
        body = message.get("body", b"")
        self._bytes += len(body)
        if self._bytes > MAX_UPLOAD_BODY:
            raise too_large(MAX_UPLOAD_BODY)
        self._take(len(body))
        seen = self._end + body
        self._marks += seen.count(self._mark)
        self._end = seen[len(seen) - len(self._mark) + 1 :] if len(self._mark) > 1 else b""
        if self._marks > MAX_PARTS + 1:  # one stands at the end
            raise RefusedRequest(
                HTTPStatus.BAD_REQUEST, f"expected a form of at most {MAX_PARTS} parts"
            )
        self._complete = not message.get("more_body", False)
        return message
