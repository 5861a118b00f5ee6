"""What waits to be delivered, in its order: in memory here, on disk in the spool."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

__all__ = ["MemoryQueue", "Queue", "Waiting", "taken_together"]


class Waiting(NamedTuple):
    """An event in its queue: its place, which grows with every event, and its JSON."""

    place: int
    event: bytes


class Queue(Protocol):
    """Events in the order in which they came."""

    def __len__(self) -> int:
        """How many wait."""

    def append(self, event: bytes) -> None:
        """Take an event in, behind all others."""

    def head(self, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """The first events, as many as fit, and one at least where any waits."""

    def remove(self, waiting: Collection[Waiting]) -> None:
        """Forget events: what became of them is known."""

    def close(self) -> None:
        """Let go of what it holds."""


class MemoryQueue:
    """A queue that lives as long as its process; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: OrderedDict[int, bytes] = OrderedDict()
        self._next = 0

    def __len__(self) -> int:
        return len(self._events)

    def append(self, event: bytes) -> None:
        """Take an event in, behind all others."""
        with self._lock:
            self._events[self._next] = event
            self._next += 1

    def head(self, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """The first events, as many as fit, and one at least where any waits."""
        with self._lock:
            waiting = (Waiting(place, event) for place, event in self._events.items())
            return taken_together(waiting, most_events, most_bytes)

    def remove(self, waiting: Collection[Waiting]) -> None:
        """Forget events."""
        with self._lock:
            for one in waiting:
                self._events.pop(one.place, None)

    def close(self) -> None:
        """Hold nothing."""


def taken_together(
    waiting: Iterable[Waiting], most_events: int, most_bytes: int
) -> Sequence[Waiting]:
    """The first events that fit into one body, brackets and commas of a JSON array included."""
    batch: list[Waiting] = []
    size = len(b"[]")
    for one in waiting:
        size += len(one.event) + bool(batch)
        if batch and (len(batch) == most_events or size > most_bytes):
            break
        batch.append(one)
    return batch
