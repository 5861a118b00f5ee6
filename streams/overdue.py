"""The event records that have waited longer than a worker usually needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from faust.types import TP

#: Under load some records always wait, but for less than this.
OVERDUE_SECONDS: Final = 10.0


class OverdueRecords:
    """Counts the waiting records that a worker already knew of OVERDUE_SECONDS ago.

    Records that a partition had when it was assigned count at once: they may have waited long.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self.count = 0
        """As of the last look."""
        self._clock = clock
        #: The ends of partitions at earlier times; the first entry is the latest old enough one.
        self._looks: deque[tuple[float, Mapping[TP, int]]] = deque()

    def look(self, ends: Mapping[TP, int], lag: Mapping[TP, int]) -> None:
        """Record the ends of the owned partitions, and how many records before them wait."""
        now = self._clock()
        self._looks.append((now, ends))
        while len(self._looks) > 1 and self._looks[1][0] <= now - OVERDUE_SECONDS:
            self._looks.popleft()
        self.count = sum(
            # A truncated log ends before its former end.
            min(waiting, max(0, waiting - (ends[tp] - self._earlier_end(tp))))
            for tp, waiting in lag.items()
            if waiting and tp in ends
        )

    def _earlier_end(self, tp: TP) -> int:
        return next(known[tp] for _, known in self._looks if tp in known)
