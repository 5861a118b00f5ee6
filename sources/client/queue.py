"""Queues of events to deliver, in order: in memory here, on disk in the spool."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple


class Waiting(NamedTuple):
    """A queued event: its position, which grows with every event, and its JSON."""

    position: int
    event: bytes


class MemoryQueue:
    """A queue in memory, in the order of `append`; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: OrderedDict[int, bytes] = OrderedDict()
        self._next = 0

    def __len__(self) -> int:
        return len(self._events)

    def append(self, event: bytes) -> None:
        """Append an event."""
        with self._lock:
            self._events[self._next] = event
            self._next += 1

    def head(self, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """Return the first events that fit, at least one where any is queued."""
        with self._lock:
            waiting = (Waiting(position, event) for position, event in self._events.items())
            return taken_together(waiting, most_events, most_bytes)

    def remove(self, waiting: Collection[Waiting]) -> None:
        """Remove events whose outcome is known."""
        with self._lock:
            for one in waiting:
                self._events.pop(one.position, None)

    def close(self) -> None:
        """Release nothing: the events are in memory."""


def taken_together(
    waiting: Iterable[Waiting], most_events: int, most_bytes: int
) -> Sequence[Waiting]:
    """Return the first events that fit into one body; a JSON array's brackets and commas count."""
    batch: list[Waiting] = []
    size = len(b"[]")
    for one in waiting:
        size += len(one.event) + bool(batch)
        if batch and (len(batch) == most_events or size > most_bytes):
            break
        batch.append(one)
    return batch
