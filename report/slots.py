"""A bound on expensive work: how much is done at once, how much waits for it, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from report.errors import BusyError

_T = TypeVar("_T")


class Slots:
    """Runs work in threads of its own, so that work of another kind always finds its own free.

    `at_once` is the number of threads, `waiting` how many wait for one, `seconds` how long each of
    them does (None: without end). Those beyond get `busy`.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        seconds: float | None = None,
        busy: Callable[[], BusyError] = BusyError,
    ) -> None:
        self._most_waiting: Final = waiting
        self._seconds: Final = seconds
        self._busy = busy
        self._turns = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="slot")
        self._waiting = 0

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what work returns. Raises BusyError, and what work raises."""
        if self._turns.locked() and self._waiting >= self._most_waiting:
            raise self._busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Return once no work is being done; what waits for a thread is cancelled."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
