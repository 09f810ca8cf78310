"""Handle requests for both interfaces: admit, validate, run the model, count for Prometheus."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from grpc import StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.refusals import Refusal, refusal_of
from cargan_tf.serving.server.served_model import ServedModel, Tensors

Run = Callable[[str, Tensors], Tensors]


#: Seconds; an image takes some milliseconds at 64×64 and a second or more at 256×256.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Rows of one request, and where its answer goes."""

    signature: str
    inputs: Tensors
    rows: int
    answer: asyncio.Future[Tensors]

    @property
    def kind(self) -> tuple[Any, ...]:
        """What can be put together: the same signature, and rows of one shape."""
        shapes = sorted((name, value.shape[1:]) for name, value in self.inputs.items())
        return (self.signature, *shapes)


class Batcher:
    """Runs waiting requests, oldest first, in batches of one kind.

    Rows are put together in the order of their requests and given back by it, so a request gets
    its own rows. What one request did wrong does not touch the others: a batch that is refused is
    run again one by one. There is one run at a time, as it keeps all cores busy.
    """

    def __init__(
        self,
        run: Run,
        max_rows: int,
        wait_seconds: float,
        on_batch: Callable[[int], None] = lambda rows: None,
    ) -> None:
        """Call ``start`` in the event loop that will use it.

        Args:
            run: signature and inputs to outputs; called in a thread.
            max_rows: of a batch.
            wait_seconds: that the first of a batch waits for others.
            on_batch: called with the rows of each batch.
        """
        self._run, self._max_rows, self._wait_seconds = run, max_rows, wait_seconds
        self._on_batch = on_batch
        self._waiting: list[_Waiting] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    def start(self) -> None:
        """Start."""
        self._arrived = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Finish the waiting requests, then stop."""
        self._closing = True
        self._arrived.set()
        await self._task
        self._thread.shutdown()

    async def run(self, signature: str, inputs: Tensors, rows: int) -> Tensors:
        """The outputs of one request; one with more rows than a batch is split.

        Raises:
            Refusal: the graph refused it, or failed.
        """
        parts = [
            self._enqueue(signature, {name: v[at : at + size] for name, v in inputs.items()}, size)
            for at in range(0, rows, self._max_rows)
            for size in [min(self._max_rows, rows - at)]
        ]
        try:
            generated = await asyncio.gather(*parts)
        finally:
            for part in parts:  # not for canceled requests
                part.cancel()
        return {name: np.concatenate([part[name] for part in generated]) for name in generated[0]}

    def _enqueue(self, signature: str, inputs: Tensors, rows: int) -> asyncio.Future[Tensors]:
        answer: asyncio.Future[Tensors] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(signature, inputs, rows, answer))
        self._arrived.set()
        return answer

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            if not self._waiting:
                if self._closing:
                    return
                self._arrived.clear()
                continue
            if sum(item.rows for item in self._waiting) < self._max_rows and not self._closing:
                await asyncio.sleep(self._wait_seconds)
            batch = self._take()
            if batch:
                await self._draw_batch(batch)

    def _take(self) -> list[_Waiting]:
        """The oldest request and those that go with it, in order, up to a batch's rows."""
        self._waiting = [item for item in self._waiting if not item.answer.done()]
        batch: list[_Waiting] = []
        rest: list[_Waiting] = []
        rows = 0
        for item in self._waiting:
            goes_with = not batch or item.kind == batch[0].kind
            if goes_with and rows + item.rows <= self._max_rows:
                batch.append(item)
                rows += item.rows
            else:
                rest.append(item)
        self._waiting = rest
        return batch

    async def _draw_batch(self, batch: list[_Waiting]) -> None:
        self._on_batch(sum(item.rows for item in batch))
        names = batch[0].inputs
        try:
            together = {
                name: np.concatenate([item.inputs[name] for item in batch]) for name in names
            }
            outputs = await self._in_thread(batch[0].signature, together)
        except Exception as error:
            if len(batch) > 1:
                for item in batch:
                    if not item.answer.done():  # not for canceled requests
                        await self._draw_batch([item])
            elif not batch[0].answer.done():
                refused = refusal_of(error) if isinstance(error, tf.errors.OpError) else error
                batch[0].answer.set_exception(refused)
            return
        first = 0
        for item in batch:
            if not item.answer.done():
                own = {name: value[first : first + item.rows] for name, value in outputs.items()}
                item.answer.set_result(own)
            first += item.rows

    async def _in_thread(self, signature: str, inputs: Tensors) -> Tensors:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, signature, inputs)


class Metrics:
    """The counters of one server."""

    def __init__(self, max_batch: int) -> None:
        """Batches of up to ``max_batch`` sounds are counted."""
        registry = CollectorRegistry()
        self.requests = Counter(
            "cargan_requests",
            "Requests answered, by interface and status",
            ["interface", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "cargan_request_seconds",
            "From a request's first byte to its answer",
            ["interface"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "cargan_requests_in_flight",
            "Requests being read, waiting or running",
            registry=registry,
        )
        self.batch = Histogram(
            "cargan_batch_sounds",
            "Sounds per batch",
            buckets=range(1, max_batch + 1),
            registry=registry,
        )
        self._registry = registry

    def page(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)


class Service:
    """One model behind a queue."""

    def __init__(self, model: ServedModel, limits: Limits) -> None:
        self.model, self.limits = model, limits
        self.metrics = Metrics(limits.batch)
        self.batcher = Batcher(
            model.run, limits.batch, limits.wait_seconds, self.metrics.batch.observe
        )
        self._in_flight = 0

    @asynccontextmanager
    async def request(self, interface: str) -> AsyncIterator[None]:
        """Admit a request, limit its time, count it; every failure leaves as a ``Refusal``.

        Raises:
            Refusal: RESOURCE_EXHAUSTED where there are too many already, DEADLINE_EXCEEDED,
                INTERNAL for a bug of the program (details in the log only), or what was raised
                inside.
        """
        began, status = time.monotonic(), StatusCode.OK
        try:
            if self._in_flight >= self.limits.requests:
                raise Refusal(StatusCode.RESOURCE_EXHAUSTED, "the server is busy; try again later")
            self._in_flight += 1
            self.metrics.in_flight.set(self._in_flight)
            try:
                async with asyncio.timeout(self.limits.seconds):
                    yield
            finally:
                self._in_flight -= 1
                self.metrics.in_flight.set(self._in_flight)
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
        # Labels are compared with all that the model knows: meanwhile others are answered.
        known = await asyncio.to_thread(self.model.with_known_labels, inputs)
        return await self.batcher.run(signature, known, rows)


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
