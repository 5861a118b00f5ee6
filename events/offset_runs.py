"""A set of offsets of one partition, held as runs of consecutive offsets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


def offsets_in(runs: Iterable[tuple[int, int]]) -> int:
    """Return how many offsets some runs have: the first and the last offset of each."""
    return sum(last - first + 1 for first, last in runs)


class OffsetRuns:
    """A set of offsets; its memory grows with the number of runs, whatever their length."""

    def __init__(self, offsets: Iterable[int] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for offset in offsets:
            self.add(offset, offset)

    def add(self, first: int, last: int) -> None:
        """Add all offsets from `first` to `last`, which is not smaller."""
        # The runs from `low` to before `high` overlap the new one, or touch it.
        low, high = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def __contains__(self, offset: int) -> bool:
        number = bisect_left(self._lasts, offset)
        return number < len(self._firsts) and self._firsts[number] <= offset

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The first and the last offset of each run, in order; none overlaps or touches another."""
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)
