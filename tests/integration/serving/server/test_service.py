import asyncio
import logging

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.refusals import Refusal, invalid
from cargan_tf.serving.server.service import Service


def failure(service, error=None, action=None):
    """The refusal of a request in which ``error`` is raised, or ``action`` done."""

    async def run():
        async with service.request("rest"):
            if action is not None:
                await action()
            raise error

    with pytest.raises(Refusal) as caught:
        asyncio.run(run())
    return caught.value


def counted(service, status):
    return f'cargan_requests_total{{interface="rest",status="{status}"}} 1.0' in (
        service.metrics.page().decode()
    )


@pytest.fixture
def service(invented):
    return Service(invented, Limits(seconds=0.1, requests=2))


def test_a_refusal_passes_and_is_counted(service):
    assert str(failure(service, invalid("no"))) == "no"
    assert counted(service, "INVALID_ARGUMENT")


def test_what_takes_too_long_is_given_up(service):
    refusal = failure(service, action=lambda: asyncio.sleep(10))
    assert refusal.code == StatusCode.DEADLINE_EXCEEDED
    assert "longer than 0.1 s" in str(refusal)


def test_the_graphs_errors_are_told(service):
    refusal = failure(service, tf.errors.InvalidArgumentError(None, None, "too short"))
    assert (refusal.code, str(refusal)) == (StatusCode.INVALID_ARGUMENT, "too short")


def test_a_fault_of_the_program_is_told_to_the_log_alone(service, caplog):
    with caplog.at_level(logging.ERROR):
        refusal = failure(service, RuntimeError("/home/somebody/secret"))
    assert (refusal.code, str(refusal)) == (StatusCode.INTERNAL, "the server failed")
    assert "/home/somebody/secret" in caplog.text


def test_more_than_the_limit_are_turned_away_and_a_place_is_free_again(service):
    async def run():
        leave = asyncio.Event()

        async def hold():
            async with service.request("rest"):
                await leave.wait()

        held = [asyncio.create_task(hold()) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            async with service.request("rest"):
                raise AssertionError("let in")
        leave.set()
        await asyncio.gather(*held)
        async with service.request("rest"):
            pass
        return caught.value

    refusal = asyncio.run(run())
    assert (refusal.code, refusal.http_status) == (StatusCode.RESOURCE_EXHAUSTED, 429)
    assert counted(service, "RESOURCE_EXHAUSTED")
    assert "cargan_requests_in_flight 0.0" in service.metrics.page().decode()


def test_inputs_are_checked_before_they_wait(service):
    async def run():
        async with service.request("rest"):
            await service.predict("serving_default", {"label": np.array([b"cello"], object)})

    with pytest.raises(Refusal, match="takes label and waveform"):
        asyncio.run(run())


def test_whoever_goes_away_is_not_counted_as_answered(service):
    async def run():
        async def wait():
            async with service.request("rest"):
                await asyncio.sleep(10)

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(run())
    assert counted(service, "CANCELLED")
