"""Packed series: an assessor keeps one for each partition, and no entities."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from itertools import accumulate
from operator import sub
from typing import Final, NamedTuple, Self

from pydantic_core import from_json, to_json

#: Most days are consecutive and most amounts small: the fastest level packs each into a byte.
_LEVEL: Final = 1


class PackedSeries(NamedTuple):
    """A figure over time in a few bytes per day, unpacked at each read."""

    packed_steps: bytes
    packed_reports: bytes
    """The number of summed series with a report on each day, so that one can be removed again."""

    @classmethod
    def of(cls, steps: Mapping[int, int], reports: Iterable[int]) -> Self:
        """Pack amounts by day, and the days of reports; days are proleptic ordinals."""
        return cls(_packed(steps), _packed(dict.fromkeys(reports, 1)))

    @classmethod
    def total(
        cls, base: Self | None, removed: Collection[Self], added: Collection[Self]
    ) -> Self | None:
        """Return a sum with some parts removed and others added; None if nothing is left."""
        parts = (*(() if base is None else (base,)), *added)
        steps = _added((one.packed_steps for one in parts), (one.packed_steps for one in removed))
        reports = _added(
            (one.packed_reports for one in parts), (one.packed_reports for one in removed)
        )
        if not any(steps.values()) and not any(reports.values()):
            return None
        return cls(_packed(steps), _packed(reports))

    @property
    def steps(self) -> Mapping[int, int]:
        """The change of the figure on each day."""
        return _unpacked(self.packed_steps)

    @property
    def reports(self) -> Collection[int]:
        """The days on which facts took effect."""
        return _unpacked(self.packed_reports).keys()


def _added(parts: Iterable[bytes], removed: Iterable[bytes]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for day, amount in _unpacked(part).items():
            total[day] = total.get(day, 0) + amount
    for part in removed:
        for day, amount in _unpacked(part).items():
            total[day] = total.get(day, 0) - amount
    return total


def _packed(amounts: Mapping[int, int]) -> bytes:
    """Pack the days, each as the distance from the one before, followed by the amounts."""
    days = sorted(day for day, amount in amounts.items() if amount)
    return zlib.compress(
        to_json([*map(sub, days, [0, *days]), *map(amounts.__getitem__, days)]), _LEVEL
    )


def _unpacked(packed: bytes) -> dict[int, int]:
    numbers = from_json(zlib.decompress(packed))
    count = len(numbers) // 2
    return dict(zip(accumulate(numbers[:count]), numbers[count:], strict=True))
