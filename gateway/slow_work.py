"""Work on large bodies beside the event loop, so that small requests and probes are answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect

from gateway.problems import ProblemError

__all__ = ["FEW", "LARGE", "MOST_LARGE", "SMALL", "WorkScheduler"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

SMALL: Final = 1024
"""Bytes up to which work is done at once, where there are few items: nearly every request's."""
FEW: Final = 8
LARGE: Final = 64 * 1024
"""Bytes from which on the event loop does not wait for the work: less is done in slices."""
SLICE: Final = 0.004
"""Seconds of work after which the event loop turns to others; an item may take longer."""
MOST_LARGE: Final = 16
"""Large bodies of one producer at once; the next one is told to come back."""
_NOT_COUNTED: Final = nullcontext()


async def _never() -> bool:
    return False


class WorkScheduler:
    """Runs what takes long in slices or in a thread, and lets the producers take turns.

    In one thread, as Python's threads share a processor: more of them would only leave less of it
    to the event loop. `clock` tells seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="workbench")
        self._turns: dict[str, asyncio.Lock] = {}
        self._turns_in_slices: dict[str, asyncio.Lock] = {}
        self._large: Counter[str] = Counter()

    def room_for(self, producer: str, size: int) -> AbstractContextManager[None]:
        """Count a producer's body of a size, in bytes, until the context ends.

        Raises ProblemError (overloaded) where the producer has too many large ones here already.
        """
        return _NOT_COUNTED if size <= LARGE else self._room_for_large(producer)

    @contextmanager
    def _room_for_large(self, producer: str) -> Iterator[None]:
        if self._large[producer] >= MOST_LARGE:
            raise ProblemError(
                "overloaded", "nothing was taken: send it again later", headers={"Retry-After": "1"}
            )
        self._large[producer] += 1
        try:
            yield
        finally:
            self._large[producer] -= 1

    async def run(
        self,
        producer: str,
        size: int,
        work: Callable[[], _Result],
        *,
        has_left: Callable[[], Awaitable[bool]] = _never,
    ) -> _Result:
        """Return what some work returns, or raise what it raises; `size` is what it works on.

        One work of a producer is in the thread or waits for it, and one is done on the event loop
        in each of its rounds, so that who sends much waits for nobody but itself. Raises
        ClientDisconnect, without doing large work, where the client `has_left` before its turn.
        """
        if size <= SMALL:
            return work()
        if size <= LARGE:
            async with self._turns_in_slices.setdefault(producer, asyncio.Lock()):
                return work()
        async with self._turns.setdefault(producer, asyncio.Lock()):
            if await has_left():
                raise ClientDisconnect
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def run_each(
        self,
        producer: str,
        size: int,
        items: Sequence[_Item],
        work: Callable[[_Item], _Result],
        *,
        has_left: Callable[[], Awaitable[bool]] = _never,
    ) -> list[_Result]:
        """Return what some work returns for each item; `size` is that of all of them.

        As `run`, and in slices on the event loop: others go on between two of them.
        """
        if size <= SMALL and len(items) <= FEW:
            return [work(one) for one in items]
        if size > LARGE:
            return await self.run(
                producer, size, lambda: [work(one) for one in items], has_left=has_left
            )
        done: list[_Result] = []
        clock = self._clock
        async with self._turns_in_slices.setdefault(producer, asyncio.Lock()):
            until = clock() + SLICE
            for one in items:
                if clock() >= until:
                    await asyncio.sleep(0)
                    until = clock() + SLICE
                done.append(work(one))
        return done
