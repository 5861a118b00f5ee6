"""Expensive work: how much is done at once, how much waits, for how long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from report.errors import BusyError
from report.slots import Slots

DEADLINE = 30.0


class BlockedWork:
    def __init__(self) -> None:
        self.proceed = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun.release()
        assert self.proceed.wait(DEADLINE)
        return "done"

    async def has_begun(self, *, times: int) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.begun.acquire, timeout=DEADLINE)


@pytest.fixture
def work() -> Iterator[BlockedWork]:
    made = BlockedWork()
    yield made
    made.proceed.set()


def test_no_more_is_done_at_once(work: BlockedWork) -> None:
    async def run() -> list[str]:
        slots = Slots(at_once=2, waiting=1)
        tasks = [asyncio.create_task(slots.run(work)) for _ in range(3)]
        await work.has_begun(times=2)
        assert not work.begun.acquire(blocking=False)
        work.proceed.set()
        results = await asyncio.gather(*tasks)
        await slots.close()
        return results

    assert asyncio.run(run()) == ["done"] * 3


def test_what_would_wait_beyond_the_bound_is_refused(work: BlockedWork) -> None:
    async def run() -> None:
        slots = Slots(at_once=1, waiting=1, busy=partial(BusyError, "jours passés"))
        tasks = [asyncio.create_task(slots.run(work)) for _ in range(2)]
        await work.has_begun(times=1)
        with pytest.raises(BusyError, match="jours passés"):
            await slots.run(work)
        work.proceed.set()
        await asyncio.gather(*tasks)
        await slots.close()

    asyncio.run(run())


def test_what_waits_for_too_long_is_refused(work: BlockedWork) -> None:
    async def run() -> None:
        slots = Slots(at_once=1, waiting=1, seconds=0.01)
        task = asyncio.create_task(slots.run(work))
        await work.has_begun(times=1)
        for _ in range(2):
            with pytest.raises(BusyError, match="trop de pages"):
                await slots.run(work)
        work.proceed.set()
        await task
        assert await slots.run(work) == "done"
        await slots.close()

    asyncio.run(run())


def test_a_failure_gives_its_slot_back() -> None:
    async def run() -> int:
        slots = Slots(at_once=1, waiting=0)
        with suppress(ZeroDivisionError):
            await slots.run(lambda: 1 // 0)
        found = await slots.run(lambda: 1)
        await slots.close()
        return found

    assert asyncio.run(run()) == 1
