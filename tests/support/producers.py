"""Declared producers for tests."""

from collections.abc import Sequence
from typing import Any

from events.frequency import Frequency
from events.producers.model import Producer, Quota


def producer(
    name: str,
    *sources: str,
    types: tuple[str, ...] = ("school.*",),
    owns: Sequence[Any] = (),
) -> Producer:
    return Producer(
        id=name,
        title=f"Système {name}",
        contact="exploitation",
        sources=sources,
        types=types,
        owns=tuple(owns),
        quota=Quota(events_per_second=1_000, burst=10_000),
        expected_every=Frequency.WEEKLY,
    )
