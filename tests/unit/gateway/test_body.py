"""How much of requests' bodies is held, of whom, and what gives way."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from gateway.body import BodyReader, announced_length
from gateway.problems import ProblemError


class Sender:
    """A client that sends its body when a test lets it."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[Message] = asyncio.Queue()
        self.request = Request({"type": "http"}, self._parts.get)

    def send(self, size: int, *, more: bool = True) -> None:
        """Send bytes."""
        self._parts.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})


def reader(**bounds: int) -> BodyReader:
    """Make a reader with small bounds."""
    small = {
        "most_held": 300,
        "most_of_one": 200,
        "most_unproven": 300,
        "most_of_address": 200,
        **bounds,
    }
    return BodyReader(seconds=20, **small)


async def begun(bodies: BodyReader, address: str, size: int) -> tuple[Sender, asyncio.Task[str]]:
    """Begin a body from an address; the task tells what became of it."""
    sender = Sender()

    async def read() -> str:
        with bodies.room_for_stranger(address, None) as room:
            try:
                return str(len(await room.read(sender.request)))
            except ProblemError as error:
                return error.kind.name

    task = asyncio.create_task(read())
    sender.send(size)
    await settle()
    return sender, task


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_an_address_left_lying_gives_way_to_what_it_begins_then() -> None:
    """It is told so; the newer one goes on."""

    async def both() -> None:
        bodies = reader()
        _, first = await begun(bodies, "a", 150)
        sender, second = await begun(bodies, "a", 100)
        sender.send(0, more=False)
        assert (await first, await second) == ("overloaded", "100")

    asyncio.run(both())


def test_the_address_that_holds_most_gives_way_to_another() -> None:
    """Whoever sends little is not kept out by those who send much."""

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


def test_of_many_small_bodies_the_one_that_rests_gives_way() -> None:
    """Very many addresses that hold a little each do not keep out a body that goes on coming."""

    async def many() -> None:
        bodies = reader(most_unproven=800, most_of_address=400)
        crowd = [(await begun(bodies, f"crowd {number}", 70))[1] for number in range(10)]
        sender, honest = await begun(bodies, "a", 60)
        more = [(await begun(bodies, f"more {number}", 70))[1] for number in range(3)]
        sender.send(30)
        await settle()
        more += [(await begun(bodies, f"last {number}", 70))[1] for number in range(6)]
        sender.send(0, more=False)
        assert await honest == "90"
        assert await crowd[0] == "overloaded"
        for task in (*crowd, *more):
            task.cancel()

    asyncio.run(many())


def test_one_body_larger_than_its_share_is_refused() -> None:
    """It gives way to itself, and what it held is free again."""

    async def one() -> None:
        bodies = reader()
        sender, task = await begun(bodies, "a", 150)
        sender.send(100)
        assert await task == "overloaded"
        sender, task = await begun(bodies, "a", 200)
        sender.send(0, more=False)
        assert await task == "200"

    asyncio.run(one())


def test_who_proves_nothing_takes_no_room_from_those_who_do() -> None:
    """A full pool of the unproven leaves the producers' pool as it is."""

    async def full() -> None:
        bodies = reader()
        tasks = [(await begun(bodies, address, 150))[1] for address in "ab"]
        sender = Sender()
        sender.send(200, more=False)
        with bodies.room_of("lycees", None) as room:
            assert len(await room.read(sender.request)) == 200
        for task in tasks:
            task.cancel()

    asyncio.run(full())


def test_one_producer_does_not_have_all_the_room() -> None:
    """Beyond its share it is told to come back, and another producer is not."""

    async def two() -> None:
        bodies = reader()
        with bodies.room_of("lycees", None) as held:
            sender = Sender()
            sender.send(200, more=False)
            await held.read(sender.request)
            for producer, expected in (("lycees", None), ("formation", 50)):
                sender = Sender()
                sender.send(50, more=False)
                with bodies.room_of(producer, None) as room:
                    if expected is None:
                        with pytest.raises(ProblemError, match="overloaded"):
                            await room.read(sender.request)
                    else:
                        assert len(await room.read(sender.request)) == expected

    asyncio.run(two())


def test_a_proven_body_counts_as_its_producer_s() -> None:
    """Its address has its room back, and the producer's share is asked."""

    async def proven() -> None:
        bodies = reader()
        sender = Sender()
        sender.send(150, more=False)
        with bodies.room_for_stranger("a", None) as room:
            await room.read(sender.request)
            bodies.prove(room, "lycees")
            other, task = await begun(bodies, "a", 200)
            other.send(0, more=False)
            assert await task == "200"
            sender = Sender()
            sender.send(100, more=False)
            with bodies.room_for_stranger("a", None) as second:
                await second.read(sender.request)
                with pytest.raises(ProblemError, match="overloaded"):
                    bodies.prove(second, "lycees")
        with bodies.room_of("lycees", None) as room:
            sender = Sender()
            sender.send(200, more=False)
            assert len(await room.read(sender.request)) == 200

    asyncio.run(proven())


@pytest.mark.parametrize(
    ("told", "length"),
    [(b"0", 0), (b"12", 12), (b"", None), (b"-1", None), (b"1e3", None), (b"9" * 5_000, None)],
)
def test_a_length_is_a_number_that_can_be(told: bytes, length: int | None) -> None:
    """Anything else says nothing."""
    assert announced_length({b"content-length": told}) == length
