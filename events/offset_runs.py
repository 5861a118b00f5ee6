"""A set of offsets of one partition, stored as runs of consecutive offsets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Self


def offsets_in(runs: Iterable[tuple[int, int]]) -> int:
    """Return the number of offsets in runs, each given by its first and last offset."""
    return sum(last - first + 1 for first, last in runs)


class OffsetRuns:
    """A set of offsets; its memory grows with the number of runs, not their length."""

    def __init__(self, offsets: Iterable[int] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for offset in offsets:
            self.add(offset, offset)

    @classmethod
    def of(cls, runs: Iterable[tuple[int, int]]) -> Self:
        """Return the set of all offsets in some runs."""
        offsets = cls()
        for run in runs:
            offsets.add(*run)
        return offsets

    def add(self, first: int, last: int) -> None:
        """Add all offsets from `first` to `last`, which is not smaller."""
        # The runs from `low` to before `high` overlap or touch the new one.
        low, high = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def missing(self, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield, in order and as runs, the offsets of some runs that are not in the set."""
        for start, last in runs:
            first = start
            for at in range(bisect_left(self._lasts, first), bisect_right(self._firsts, last)):
                if first < self._firsts[at]:
                    yield first, self._firsts[at] - 1
                first = self._lasts[at] + 1
            if first <= last:
                yield first, last

    def __contains__(self, offset: int) -> bool:
        number = bisect_left(self._lasts, offset)
        return number < len(self._firsts) and self._firsts[number] <= offset

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The first and the last offset of each run, in order; none overlaps or touches another."""
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)
