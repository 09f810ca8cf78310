import asyncio
import threading

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.serving.server.refusals import Refusal
from cargan_tf.serving.server.service import Batcher


class Doubler:
    """Doubles ``x``; refuses 13 and breaks at 99; can be held up."""

    def __init__(self):
        self.runs = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, signature, inputs):
        self.open.wait(10)
        x = inputs["x"]
        self.runs.append((signature, x[..., 0].tolist()))
        if (x == 13).any():
            raise tf.errors.InvalidArgumentError(None, None, "assertion failed: [13 was received]")
        if (x == 99).any():
            raise RuntimeError("broken")
        return {"y": 2 * x, "first": x[:, 0]}


def with_batcher(scenario, max_rows=4, wait_seconds=0.02):
    """Run ``scenario(batcher, doubler)`` and close; returns the doubler and the result."""
    doubler, sizes = Doubler(), []

    async def run():
        batcher = Batcher(doubler, max_rows, wait_seconds, sizes.append)
        batcher.start()
        try:
            return await scenario(batcher, doubler)
        finally:
            doubler.open.set()
            await batcher.close()

    result = asyncio.run(run())
    assert sizes == [len(rows) for _, rows in doubler.runs]
    return doubler, result


def draw(batcher, *values, signature="double", width=1):
    x = np.repeat(np.array(values, np.float32)[:, None], width, axis=1)
    return asyncio.ensure_future(batcher.run(signature, {"x": x}, len(values)))


def test_what_arrives_together_is_drawn_together_and_given_back_apart():
    async def scenario(batcher, doubler):
        return await asyncio.gather(draw(batcher, 1), draw(batcher, 2, 3), draw(batcher, 4))

    doubler, answers = with_batcher(scenario)
    assert doubler.runs == [("double", [1, 2, 3, 4])]
    assert [answer["y"].ravel().tolist() for answer in answers] == [[2], [4, 6], [8]]
    assert [answer["first"].tolist() for answer in answers] == [[1], [2, 3], [4]]


def test_no_batch_is_larger_than_allowed_and_the_order_is_kept():
    async def scenario(batcher, doubler):
        return await asyncio.gather(*(draw(batcher, value) for value in range(10)))

    doubler, answers = with_batcher(scenario)
    assert [rows for _, rows in doubler.runs] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [answer["y"].item() for answer in answers] == list(range(0, 20, 2))


def test_a_request_of_more_rows_than_a_batch_is_drawn_in_parts():
    async def scenario(batcher, doubler):
        return await draw(batcher, *range(10))

    doubler, answer = with_batcher(scenario)
    assert max(len(rows) for _, rows in doubler.runs) == 4
    assert answer["first"].tolist() == list(range(10))


def test_other_shapes_and_signatures_go_apart():
    async def scenario(batcher, doubler):
        first, wide = draw(batcher, 1), draw(batcher, 2, width=3)
        other, last = draw(batcher, 3, signature="other"), draw(batcher, 4)
        return await asyncio.gather(first, wide, other, last)

    doubler, answers = with_batcher(scenario)
    assert doubler.runs == [("double", [1, 4]), ("double", [2]), ("other", [3])]
    assert [answer["y"].tolist() for answer in answers] == [[[2]], [[4, 4, 4]], [[6]], [[8]]]


def test_one_refusal_does_not_touch_the_others():
    async def scenario(batcher, doubler):
        requests = [draw(batcher, value) for value in (1, 13, 3)]
        return await asyncio.gather(*requests, return_exceptions=True)

    doubler, (first, refused, third) = with_batcher(scenario)
    assert (first["y"].item(), third["y"].item()) == (2, 6)
    assert isinstance(refused, Refusal)
    assert str(refused) == "13 was received"
    assert [rows for _, rows in doubler.runs] == [[1, 13, 3], [1], [13], [3]]


def test_a_fault_of_the_program_reaches_its_request_and_the_work_goes_on():
    async def scenario(batcher, doubler):
        with pytest.raises(RuntimeError, match="broken"):
            await draw(batcher, 99)
        return await draw(batcher, 5)

    assert with_batcher(scenario)[1]["y"].item() == 10


def test_a_full_batch_does_not_wait():
    async def scenario(batcher, doubler):
        async with asyncio.timeout(5):
            return await draw(batcher, 1, 2, 3, 4)

    assert with_batcher(scenario, wait_seconds=60)[1]["first"].tolist() == [1, 2, 3, 4]


def test_who_gave_up_is_not_drawn_for():
    async def scenario(batcher, doubler):
        doubler.open.clear()
        running = draw(batcher, 1)
        await asyncio.sleep(0.1)
        given_up, patient = draw(batcher, 2, 3, 4, 5, 6), draw(batcher, 7)
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        doubler.open.set()
        await asyncio.gather(running, patient)

    doubler, _ = with_batcher(scenario)
    assert [rows for _, rows in doubler.runs] == [[1], [7]]


def test_at_the_end_what_is_waiting_is_drawn():
    async def scenario(batcher, doubler):
        requests = [draw(batcher, value) for value in range(6)]
        await asyncio.sleep(0)
        await batcher.close()
        return [answer["y"].item() for answer in await asyncio.gather(*requests)]

    assert with_batcher(scenario, wait_seconds=60)[1] == list(range(0, 12, 2))


def test_hundreds_of_requests_of_many_sizes_each_get_their_own():
    random = np.random.default_rng(0)
    sent = [random.integers(100, 10_000, random.integers(1, 9)).tolist() for _ in range(300)]

    async def scenario(batcher, doubler):
        requests = []
        for values in sent:
            requests.append(draw(batcher, *values, width=len(values) % 3 + 1))
            await asyncio.sleep(0)
        return await asyncio.gather(*requests)

    _, answers = with_batcher(scenario, wait_seconds=0.001)
    assert [answer["first"].tolist() for answer in answers] == sent
