"""Work on large bodies beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from gateway.problems import ProblemError
from gateway.work_scheduling import FEW, LARGE, SLICE, WorkScheduler
from tests.support.async_tests import played


@played
async def test_the_event_loop_goes_on_between_slices_of_many_items() -> None:
    now = 0.0
    order: list[str] = []

    def work(item: str) -> None:
        nonlocal now
        now += SLICE / 2
        order.append(item)

    scheduler = WorkScheduler(clock=lambda: now)
    await asyncio.gather(
        *(scheduler.run_each("many", FEW + 1, ["a"] * (FEW + 1), work) for _ in range(2)),
        scheduler.run_each("one", FEW + 1, ["b"] * (FEW + 1), work),
    )

    assert "".join(order) == "aabb" * 4 + "ab" + "a" * (FEW + 1)


@played
async def test_the_event_loop_goes_on_during_large_work() -> None:
    """The work waits for an event of the loop: if it blocked the loop, it would wait for ever."""
    answered = threading.Event()
    work = asyncio.ensure_future(
        WorkScheduler().run("lycees", LARGE + 1, lambda: answered.wait(20))
    )
    await asyncio.sleep(0)
    answered.set()

    assert await work


@played
async def test_an_error_of_large_work_is_the_callers() -> None:
    def fail() -> None:
        raise ProblemError("batch_too_large", "too many")

    with pytest.raises(ProblemError, match="too many"):
        await WorkScheduler().run("lycees", LARGE + 1, fail)


@played
async def test_producers_take_turns() -> None:
    order: list[str] = []
    all_are_queued = threading.Event()

    def recorded(name: str) -> Callable[[], None]:
        def work() -> None:
            all_are_queued.wait(20)
            order.append(name)

        return work

    scheduler = WorkScheduler()
    works = [scheduler.run("many", LARGE + 1, recorded(f"many {number}")) for number in range(5)]
    waiting = [
        asyncio.ensure_future(work)
        for work in (*works, scheduler.run("one", LARGE + 1, recorded("one")))
    ]
    await asyncio.sleep(0)
    all_are_queued.set()
    await asyncio.gather(*waiting)

    assert order == ["many 0", "one", "many 1", "many 2", "many 3", "many 4"]
