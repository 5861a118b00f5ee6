"""Work on large bodies beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from starlette.requests import ClientDisconnect

from gateway.problems import ProblemError
from gateway.work_scheduling import FEW, LARGE, MAX_LARGE, SLICE, SMALL, WorkScheduler


def test_small_work_is_done_at_once() -> None:
    """In the event loop's own thread: a handover would cost more than the work."""

    async def where() -> int:
        return await WorkScheduler().run("lycees", LARGE, threading.get_ident)

    assert asyncio.run(where()) == threading.get_ident()


def test_the_event_loop_goes_on_between_slices_of_many_items() -> None:
    now = 0.0
    order: list[str] = []

    def work(item: str) -> None:
        nonlocal now
        now += SLICE / 2
        order.append(item)

    async def send() -> None:
        scheduler = WorkScheduler(clock=lambda: now)
        await asyncio.gather(
            *(scheduler.run_each("many", FEW + 1, ["a"] * (FEW + 1), work) for _ in range(2)),
            scheduler.run_each("one", FEW + 1, ["b"] * (FEW + 1), work),
        )

    asyncio.run(send())

    assert "".join(order) == "aabb" * 4 + "ab" + "a" * (FEW + 1)


def test_few_small_items_are_worked_on_at_once() -> None:
    order: list[str] = []

    async def send() -> None:
        scheduler = WorkScheduler()
        await asyncio.gather(
            *(scheduler.run_each("one", SMALL, [name] * FEW, order.append) for name in "ab")
        )

    asyncio.run(send())

    assert "".join(order) == "a" * FEW + "b" * FEW


def test_the_event_loop_goes_on_during_large_work() -> None:
    """The work waits for an event of the loop: if it blocked the loop, it would wait for ever."""
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
    def fail() -> None:
        raise ProblemError("batch_too_large", "too many")

    with pytest.raises(ProblemError, match="too many"):
        asyncio.run(WorkScheduler().run("lycees", LARGE + 1, fail))


def test_large_work_of_a_client_that_has_left_is_not_done() -> None:
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
    order: list[str] = []
    all_are_queued = threading.Event()

    def recorded(name: str) -> Callable[[], None]:
        def work() -> None:
            all_are_queued.wait(20)
            order.append(name)

        return work

    async def send() -> None:
        scheduler = WorkScheduler()
        works = [
            scheduler.run("many", LARGE + 1, recorded(f"many {number}")) for number in range(5)
        ]
        waiting = [
            asyncio.ensure_future(work)
            for work in (*works, scheduler.run("one", LARGE + 1, recorded("one")))
        ]
        await asyncio.sleep(0)
        all_are_queued.set()
        await asyncio.gather(*waiting)

    asyncio.run(send())

    assert order == ["many 0", "one", "many 1", "many 2", "many 3", "many 4"]


def test_one_large_body_too_many_is_answered_overloaded() -> None:
    scheduler = WorkScheduler()
    admitted = [scheduler.admit("many", LARGE + 1) for _ in range(MAX_LARGE)]
    for one in admitted:
        one.__enter__()

    with pytest.raises(ProblemError) as refused, scheduler.admit("many", LARGE + 1):
        pass
    with scheduler.admit("one", LARGE + 1), scheduler.admit("many", LARGE):
        pass
    admitted[0].__exit__(None, None, None)
    with scheduler.admit("many", LARGE + 1):
        pass

    assert refused.value.kind.name == "overloaded"
    assert "Retry-After" in refused.value.headers
