"""The memory budgets of request bodies, and which body is evicted."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from gateway.body import BodyReader, announced_length
from gateway.problems import ProblemError


class Sender:
    """A client that sends its body as the test says."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self.request = Request({"type": "http"}, self._parts.get)

    def send(self, size: int, *, more: bool = True) -> None:
        self._parts.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})


def reader(**bounds: int) -> BodyReader:
    small = {
        "max_held": 300,
        "max_per_client": 200,
        "max_unauthenticated": 300,
        "max_per_address": 200,
        **bounds,
    }
    return BodyReader(seconds=20, **small)


async def begun(bodies: BodyReader, address: str, size: int) -> tuple[Sender, asyncio.Task[str]]:
    sender = Sender()

    async def read() -> str:
        with bodies.reserve_unauthenticated(address, None) as reservation:
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


def test_an_address_s_unfinished_body_is_evicted_for_its_next() -> None:
    async def both() -> None:
        bodies = reader()
        _, first = await begun(bodies, "a", 150)
        sender, second = await begun(bodies, "a", 100)
        sender.send(0, more=False)
        assert (await first, await second) == ("overloaded", "100")

    asyncio.run(both())


def test_a_body_of_the_address_that_holds_most_is_evicted() -> None:
    async def three() -> None:
        bodies = reader()
        little, spared = await begun(bodies, "a", 50)
        _, first = await begun(bodies, "b", 100)
        much, second = await begun(bodies, "b", 100)
        newcomer, third = await begun(bodies, "c", 80)
        for sender in (little, much, newcomer):
            sender.send(0, more=False)
        assert (await spared, await first, await second, await third) == (
            "50",
            "overloaded",
            "100",
            "80",
        )

    asyncio.run(three())


def test_of_many_small_bodies_the_least_recently_received_is_evicted() -> None:
    async def many() -> None:
        bodies = reader(max_unauthenticated=800, max_per_address=400)
        idle = [(await begun(bodies, f"idle {number}", 70))[1] for number in range(10)]
        sender, honest = await begun(bodies, "a", 60)
        more = [(await begun(bodies, f"more {number}", 70))[1] for number in range(3)]
        sender.send(30)
        await settle()
        more += [(await begun(bodies, f"last {number}", 70))[1] for number in range(6)]
        sender.send(0, more=False)
        assert await honest == "90"
        assert await idle[0] == "overloaded"
        for task in (*idle, *more):
            task.cancel()

    asyncio.run(many())


def test_one_body_larger_than_its_share_is_refused() -> None:
    async def one() -> None:
        bodies = reader()
        sender, task = await begun(bodies, "a", 150)
        sender.send(100)
        assert await task == "overloaded"
        sender, task = await begun(bodies, "a", 200)
        sender.send(0, more=False)
        assert await task == "200"

    asyncio.run(one())


def test_unauthenticated_bodies_take_no_memory_from_producers() -> None:
    async def full() -> None:
        bodies = reader()
        tasks = [(await begun(bodies, address, 150))[1] for address in "ab"]
        sender = Sender()
        sender.send(200, more=False)
        with bodies.reserve("lycees", None) as reservation:
            assert len(await reservation.read(sender.request)) == 200
        for task in tasks:
            task.cancel()

    asyncio.run(full())


def test_one_producer_does_not_exhaust_the_budget() -> None:
    async def two() -> None:
        bodies = reader()
        with bodies.reserve("lycees", None) as held:
            sender = Sender()
            sender.send(200, more=False)
            await held.read(sender.request)
            for producer, expected in (("lycees", None), ("formation", 50)):
                sender = Sender()
                sender.send(50, more=False)
                with bodies.reserve(producer, None) as reservation:
                    if expected is None:
                        with pytest.raises(ProblemError, match="overloaded"):
                            await reservation.read(sender.request)
                    else:
                        assert len(await reservation.read(sender.request)) == expected

    asyncio.run(two())


def test_an_authenticated_body_counts_in_its_producer_s_budget() -> None:
    async def authenticated() -> None:
        bodies = reader()
        sender = Sender()
        sender.send(150, more=False)
        with bodies.reserve_unauthenticated("a", None) as reservation:
            await reservation.read(sender.request)
            bodies.assign(reservation, "lycees")
            other, task = await begun(bodies, "a", 200)
            other.send(0, more=False)
            assert await task == "200"
            sender = Sender()
            sender.send(100, more=False)
            with bodies.reserve_unauthenticated("a", None) as second:
                await second.read(sender.request)
                with pytest.raises(ProblemError, match="overloaded"):
                    bodies.assign(second, "lycees")
        with bodies.reserve("lycees", None) as reservation:
            sender = Sender()
            sender.send(200, more=False)
            assert len(await reservation.read(sender.request)) == 200

    asyncio.run(authenticated())


@pytest.mark.parametrize(
    ("text", "length"),
    [(b"0", 0), (b"12", 12), (b"", None), (b"-1", None), (b"1e3", None), (b"9" * 5_000, None)],
)
def test_a_length_is_a_plain_number(text: bytes, length: int | None) -> None:
    assert announced_length({b"content-length": text}) == length
