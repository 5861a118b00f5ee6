"""Work beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from starlette.requests import ClientDisconnect

from gateway.problems import ProblemError
from gateway.slow_work import FEW, LARGE, MOST_LARGE, SLICE, SMALL, WorkScheduler


def test_small_work_is_done_at_once() -> None:
    """In the event loop's own thread: to hand it over would cost more than it does."""

    async def where() -> int:
        return await WorkScheduler().run("lycees", LARGE, threading.get_ident)

    assert asyncio.run(where()) == threading.get_ident()


def test_the_event_loop_goes_on_between_slices_of_many_items() -> None:
    """Each producer has one in a round, however many of its bodies are here."""
    now = 0.0
    order: list[str] = []

    def work(item: str) -> None:
        nonlocal now
        now += SLICE / 2
        order.append(item)

    async def send() -> None:
        bench = WorkScheduler(clock=lambda: now)
        await asyncio.gather(
            *(bench.run_each("many", FEW + 1, ["a"] * (FEW + 1), work) for _ in range(2)),
            bench.run_each("one", FEW + 1, ["b"] * (FEW + 1), work),
        )

    asyncio.run(send())

    assert "".join(order) == "aabb" * 4 + "ab" + "a" * (FEW + 1)


def test_few_small_items_are_worked_on_at_once() -> None:
    """Nobody else goes on before they are done."""
    order: list[str] = []

    async def send() -> None:
        bench = WorkScheduler()
        await asyncio.gather(
            *(bench.run_each("one", SMALL, [name] * FEW, order.append) for name in "ab")
        )

    asyncio.run(send())

    assert "".join(order) == "a" * FEW + "b" * FEW


def test_the_event_loop_goes_on_during_large_work() -> None:
    """What the work waits for comes from the loop: were it in its way, it would wait for ever."""
    answered = threading.Event()

    async def both() -> bool:
        work = asyncio.ensure_future(
            WorkScheduler().run("lycees", LARGE + 1, lambda: answered.wait(20))
        )
        await asyncio.sleep(0)
        answered.set()
        return await work

    assert asyncio.run(both())


def test_an_error_of_large_work_is_the_callers() -> None:
    """As if it had been done at once."""

    def fail() -> None:
        raise ProblemError("batch_too_large", "too many")

    with pytest.raises(ProblemError, match="too many"):
        asyncio.run(WorkScheduler().run("lycees", LARGE + 1, fail))


def test_large_work_of_a_client_that_has_left_is_not_done() -> None:
    """Its turn comes, and is the next one's."""
    done: list[str] = []

    async def has_left() -> bool:
        return True

    async def send() -> None:
        scheduler = WorkScheduler()
        with pytest.raises(ClientDisconnect):
            await scheduler.run("one", LARGE + 1, lambda: done.append("one"), has_left=has_left)
        await scheduler.run("one", LARGE + 1, lambda: done.append("next"))

    asyncio.run(send())

    assert done == ["next"]


def test_producers_take_turns() -> None:
    """Who sent five bodies before has the second of them worked on after another's first."""
    order: list[str] = []
    all_are_here = threading.Event()

    def told(name: str) -> Callable[[], None]:
        def work() -> None:
            all_are_here.wait(20)
            order.append(name)

        return work

    async def send() -> None:
        bench = WorkScheduler()
        works = [bench.run("many", LARGE + 1, told(f"many {number}")) for number in range(5)]
        waiting = [
            asyncio.ensure_future(work)
            for work in (*works, bench.run("one", LARGE + 1, told("one")))
        ]
        await asyncio.sleep(0)
        all_are_here.set()
        await asyncio.gather(*waiting)

    asyncio.run(send())

    assert order == ["many 0", "one", "many 1", "many 2", "many 3", "many 4"]


def test_one_large_body_too_many_is_told_to_come_back() -> None:
    """Of one producer: others, and small ones, have room; and so has it when one is done."""
    bench = WorkScheduler()
    rooms = [bench.room_for("many", LARGE + 1) for _ in range(MOST_LARGE)]
    for room in rooms:
        room.__enter__()

    with pytest.raises(ProblemError) as told, bench.room_for("many", LARGE + 1):
        pass
    with bench.room_for("one", LARGE + 1), bench.room_for("many", LARGE):
        pass
    rooms[0].__exit__(None, None, None)
    with bench.room_for("many", LARGE + 1):
        pass

    assert told.value.kind.name == "overloaded"
    assert "Retry-After" in told.value.headers
