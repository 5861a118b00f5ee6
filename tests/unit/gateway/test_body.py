"""The memory budgets of request bodies, and which body is evicted."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from gateway.body import MAX_BODY, MOST_UNVERIFIED, BodyReader
from gateway.problems import ProblemError
from tests.support.async_tests import played


class Sender:
    """A client that sends its body as the test says."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self.request = Request({"type": "http"}, self._parts.get)

    def send(self, size: int, *, more: bool = True) -> None:
        self._parts.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})


def reader(**bounds: int) -> BodyReader:
    return BodyReader(
        seconds=20, **{"max_held": 300, "max_per_producer": 200, "max_unverified": 800, **bounds}
    )


async def begun(bodies: BodyReader, address: str, size: int) -> tuple[Sender, asyncio.Task[str]]:
    sender = Sender()

    async def read() -> str:
        with bodies.reserve_unverified(address) as reservation:
            try:
                return str(len(await reservation.read(sender.request)))
            except ProblemError as error:
                return error.kind.name

    task = asyncio.create_task(read())
    sender.send(size)
    await settle()
    return sender, task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def read_of(bodies: BodyReader, producer: str, size: int) -> int:
    sender = Sender()
    sender.send(size, more=False)
    with bodies.reserve(producer) as reservation:
        return len(await reservation.read(sender.request))


@played
async def test_a_body_of_an_address_with_a_large_share_is_evicted_first() -> None:
    bodies = reader()
    little, spared = await begun(bodies, "a", 50)
    _, first = await begun(bodies, "b", 300)
    much, second = await begun(bodies, "b", 300)
    newcomer, third = await begun(bodies, "c", 300)
    for sender in (little, much, newcomer):
        sender.send(0, more=False)
    ends = [await one for one in (spared, first, second, third)]
    assert ends == ["50", "overloaded", "300", "300"]


@played
async def test_of_many_small_bodies_the_least_recently_received_is_evicted() -> None:
    bodies = reader()
    idle = [(await begun(bodies, f"idle {number}", 70))[1] for number in range(10)]
    sender, honest = await begun(bodies, "a", 60)
    more = [(await begun(bodies, f"more {number}", 70))[1] for number in range(3)]
    sender.send(30)
    await settle()
    more += [(await begun(bodies, f"last {number}", 70))[1] for number in range(9)]
    sender.send(0, more=False)
    assert await honest == "90"
    assert await idle[0] == "overloaded"
    for task in (*idle, *more):
        task.cancel()


@played
async def test_of_too_many_bodies_the_least_recently_received_is_evicted() -> None:
    """Whatever has come of them: also those that are too large, of which nothing is held."""
    bodies = reader(max_unverified=2 * MAX_BODY)
    large = (await begun(bodies, "large", MAX_BODY + 1))[1]
    others = [
        (await begun(bodies, f"other {number}", number % 2))[1] for number in range(MOST_UNVERIFIED)
    ]
    assert await large == "overloaded"
    assert not any(one.done() for one in others)
    for task in others:
        task.cancel()


@played
async def test_a_body_has_a_deadline() -> None:
    _, task = await begun(BodyReader(seconds=0.01), "a", 10)
    assert await task == "slow_request"


@played
async def test_unverified_bodies_take_no_memory_from_producers() -> None:
    bodies = reader()
    tasks = [(await begun(bodies, address, 400))[1] for address in "ab"]
    assert await read_of(bodies, "lycees", 200) == 200
    for task in tasks:
        task.cancel()


@played
async def test_one_producer_does_not_exhaust_the_budget() -> None:
    bodies = reader()
    with bodies.reserve("lycees") as held:
        sender = Sender()
        sender.send(200, more=False)
        await held.read(sender.request)
        with pytest.raises(ProblemError, match="overloaded"):
            await read_of(bodies, "lycees", 50)
        assert await read_of(bodies, "formation", 50) == 50


@played
async def test_a_verified_body_counts_in_its_producer_s_budget() -> None:
    bodies = reader(max_unverified=200)
    with bodies.reserve_unverified("a") as reservation:
        sender = Sender()
        sender.send(150, more=False)
        await reservation.read(sender.request)
        bodies.assign(reservation, "lycees")
        other, task = await begun(bodies, "a", 200)
        other.send(0, more=False)
        assert await task == "200"
        with pytest.raises(ProblemError, match="overloaded"):
            await read_of(bodies, "lycees", 100)
    assert await read_of(bodies, "lycees", 200) == 200
