"""A publisher that says what it waits for, where that takes longer than a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Self

from events.cloudevent import CloudEvent
from operations.client import DeliveryReport, Publisher


@contextmanager
def telling(
    destination: str,
    open_publisher: Callable[[], Publisher],
    *,
    say: Callable[[str], None],
    seconds: float,
) -> Iterator[Publisher]:
    """Open a publisher and yield it; say once for what it waits longer than so many seconds.

    Another thread says it. Raises as `open_publisher` and its publisher.
    """
    notice = _Notice(f"waiting for {destination}", say, seconds)
    try:
        notice.begin()
        with open_publisher() as publisher:
            notice.end()
            yield _TellingPublisher(publisher, notice)
    finally:
        notice.end()


class _Notice:
    """A line that is said at most once, if what has begun does not end soon."""

    def __init__(self, line: str, say: Callable[[str], None], seconds: float) -> None:
        self._line, self._say, self._seconds = line, say, seconds
        self._said = False
        self._timer: Timer | None = None

    def begin(self) -> None:
        if self._timer is None and not self._said:
            self._timer = Timer(self._seconds, self._tell)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._said = True
        self._say(self._line)


class _TellingPublisher:
    """A publisher whose wait is from the first event to the report of it."""

    def __init__(self, publisher: Publisher, notice: _Notice) -> None:
        self._publisher, self._notice = publisher, notice

    def publish(self, event: CloudEvent) -> None:
        """Queue an event; where the queue is full this waits as well."""
        self._notice.begin()
        self._publisher.publish(event)

    def flush(self) -> DeliveryReport:
        """Return the outcomes of what was queued."""
        try:
            return self._publisher.flush()
        finally:
            self._notice.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the publisher to `telling`."""
