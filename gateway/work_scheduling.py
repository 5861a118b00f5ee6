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
"""Bytes up to which work on a few items runs at once: those of nearly every request."""
FEW: Final = 8
LARGE: Final = 64 * 1024
"""Bytes above which work runs in a thread; below, it runs in slices on the event loop."""
SLICE: Final = 0.004
"""Seconds of work after which the event loop continues with others; an item may take longer."""


class WorkScheduler:
    """Runs long work in slices or in a thread, round-robin by producer.

    There is one thread, since Python's threads share a processor: more of them would only leave
    less of it to the event loop. `clock` returns seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-bodies")
        self._turns: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, producer: str, size: int, work: Callable[[], _Result]) -> _Result:
        """Return what `work` returns, or raise what it raises; `size` is in bytes of its input."""
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

        Of each producer one piece of work is in the thread or its queue, and one runs on the event
        loop in each of its rounds: a producer that sends much delays only itself.
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
