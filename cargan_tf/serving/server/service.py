"""What both interfaces do with a request: let it in or not, check it, draw, count."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import tensorflow as tf
from grpc import StatusCode

from cargan_tf.serving.server.batching import Batcher
from cargan_tf.serving.server.failures import Refusal, refusal_of
from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.metrics import Metrics
from cargan_tf.serving.server.model import ServedModel, Tensors

_LOG = logging.getLogger(__name__)


class Service:
    """One model behind a queue."""

    def __init__(self, model: ServedModel, limits: Limits) -> None:
        self.model, self.limits = model, limits
        self.metrics = Metrics(limits.batch)
        self.batcher = Batcher(
            model.run, limits.batch, limits.wait_seconds, self.metrics.batch.observe
        )
        self._at_work = 0

    @asynccontextmanager
    async def request(self, interface: str) -> AsyncIterator[None]:
        """Admit a request, limit its time, count it; every failure leaves as a ``Refusal``.

        Raises:
            Refusal: RESOURCE_EXHAUSTED where there are too many already, DEADLINE_EXCEEDED,
                INTERNAL for a fault of the program (told to the log alone), or what was raised
                inside.
        """
        began, status = time.monotonic(), StatusCode.OK
        try:
            if self._at_work >= self.limits.requests:
                raise Refusal(StatusCode.RESOURCE_EXHAUSTED, "the server is busy; try again later")
            self._at_work += 1
            self.metrics.at_work.set(self._at_work)
            try:
                async with asyncio.timeout(self.limits.seconds):
                    yield
            finally:
                self._at_work -= 1
                self.metrics.at_work.set(self._at_work)
        except asyncio.CancelledError:  # the client went away
            status = StatusCode.CANCELLED
            raise
        except Exception as error:
            refusal = _as_refusal(error, self.limits)
            status = refusal.code
            raise refusal from error
        finally:
            self.metrics.requests.labels(interface, status.name).inc()
            self.metrics.seconds.labels(interface).observe(time.monotonic() - began)

    async def predict(self, signature: str, inputs: Tensors) -> Tensors:
        """The outputs of a signature; raises ``Refusal`` where inputs do not fit."""
        rows = self.model.check_inputs(signature, inputs, self.limits.rows)
        return await self.batcher.draw(signature, inputs, rows)


def _as_refusal(error: Exception, limits: Limits) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, TimeoutError):
        message = f"the request took longer than {limits.seconds:g} s"
        return Refusal(StatusCode.DEADLINE_EXCEEDED, message)
    if isinstance(error, tf.errors.OpError):
        return refusal_of(error)
    _LOG.error("a request failed", exc_info=error)
    return Refusal(StatusCode.INTERNAL, "the server failed")
