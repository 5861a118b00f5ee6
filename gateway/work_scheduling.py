"""Schedules work on large bodies beside the event loop, so that small requests are not delayed."""

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

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

SMALL: Final = 1024
"""Bytes up to which work on a few items runs at once: those of nearly every request."""
FEW: Final = 8
LARGE: Final = 64 * 1024
"""Bytes above which work runs in a thread; below, it runs in slices on the event loop."""
SLICE: Final = 0.004
"""Seconds of work after which the event loop continues with others; an item may take longer."""
MAX_LARGE: Final = 16
"""Large bodies of one producer at once; the next is answered 503."""
_NOT_COUNTED: Final = nullcontext()


async def _never() -> bool:
    return False


class WorkScheduler:
    """Runs long work in slices or in a thread, round-robin by producer.

    There is one thread, since Python's threads share a processor: more of them would only leave
    less of it to the event loop. `clock` returns seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-bodies")
        self._thread_locks: dict[str, asyncio.Lock] = {}
        self._slice_locks: dict[str, asyncio.Lock] = {}
        self._large: Counter[str] = Counter()

    def admit(self, producer: str, size: int) -> AbstractContextManager[None]:
        """Count a producer's body of `size` bytes until the context ends.

        Raises ProblemError (overloaded) where the producer has MAX_LARGE large ones already.
        """
        return _NOT_COUNTED if size <= LARGE else self._admit_large(producer)

    @contextmanager
    def _admit_large(self, producer: str) -> Iterator[None]:
        if self._large[producer] >= MAX_LARGE:
            raise ProblemError(
                "overloaded",
                "nothing was accepted: send it again later",
                headers={"Retry-After": "1"},
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
        """Return what `work` returns, or raise what it raises; `size` is in bytes of its input.

        Of each producer one piece of work is in the thread or its queue, and one runs on the event
        loop in each of its rounds: a producer that sends much delays only itself. Raises
        ClientDisconnect, without doing large work, where the client `has_left` before its turn.
        """
        if size <= SMALL:
            return work()
        if size <= LARGE:
            async with self._slice_locks.setdefault(producer, asyncio.Lock()):
                return work()
        async with self._thread_locks.setdefault(producer, asyncio.Lock()):
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
        """Return what `work` returns for each item; `size` is in bytes of all of them.

        As `run`; on the event loop it runs in slices, between which others continue.
        """
        if size <= SMALL and len(items) <= FEW:
            return [work(one) for one in items]
        if size > LARGE:
            return await self.run(
                producer, size, lambda: [work(one) for one in items], has_left=has_left
            )
        done: list[_Result] = []
        clock = self._clock
        async with self._slice_locks.setdefault(producer, asyncio.Lock()):
            until = clock() + SLICE
            for one in items:
                if clock() >= until:
                    await asyncio.sleep(0)
                    until = clock() + SLICE
                done.append(work(one))
        return done
