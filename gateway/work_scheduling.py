"""Schedules work on bodies, so that large ones do not delay small requests."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

SMALL: Final = 1024
"""Work on a few items of at most this many bytes, as in most requests, runs immediately."""
FEW: Final = 8
LARGE: Final = 64 * 1024
"""Work on more bytes than this runs in a thread; other work runs in slices on the event loop."""
SLICE: Final = 0.004
"""Seconds of work after which the event loop turns to other tasks; an item may take longer."""


class WorkScheduler:
    """Runs long work in slices or in a thread, round-robin by producer.

    There is only one thread: Python's threads share a processor, so more of them would leave less
    of it for the event loop. `clock` returns seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-bodies")
        self._turns: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, producer: str, size: int, work: Callable[[], _Result]) -> _Result:
        """Return what `work` returns, or raise what it raises; `size` is its input in bytes."""
        [result] = await self.run_each(producer, size, [work], lambda one: one())
        return result

    async def run_each(
        self,
        producer: str,
        size: int,
        items: Sequence[_Item],
        work: Callable[[_Item], _Result],
    ) -> list[_Result]:
        """Return what `work` returns for each item; `size` is in bytes of all of them.

        Each producer has at most one piece of work in the thread or its queue, and gets one turn in
        each round on the event loop: a producer that sends much delays only itself.
        """
        if size <= SMALL and len(items) <= FEW:
            return [work(one) for one in items]
        async with self._turns[producer, size > LARGE]:
            if size > LARGE:
                return await asyncio.get_running_loop().run_in_executor(
                    self._thread, lambda: [work(one) for one in items]
                )
            done: list[_Result] = []
            until = self._clock() + SLICE
            for one in items:
                if self._clock() >= until:
                    await asyncio.sleep(0)
                    until = self._clock() + SLICE
                done.append(work(one))
            return done
