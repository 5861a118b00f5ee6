"""Publishing into a list, for tests, or nowhere, for a dry run."""

from __future__ import annotations

from typing import Self

from events.cloudevent import CloudEvent
from operations.client.protocol import DeliveryReport

__all__ = ["NullPublisher", "RecordingPublisher"]


class _NothingToClose:
    """A publisher that holds nothing when it is left."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave everything as it is."""


class RecordingPublisher(_NothingToClose):
    """Keeps what is published in `events`, for tests."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self._reported = 0

    def publish(self, event: CloudEvent) -> None:
        """Keep the event."""
        self.events.append(event)

    def flush(self) -> DeliveryReport:
        """Report everything as delivered."""
        report = DeliveryReport(len(self.events) - self._reported)
        self._reported = len(self.events)
        return report


class NullPublisher(_NothingToClose):
    """Forgets what is published: for a dry run."""

    def __init__(self) -> None:
        self._count = 0

    def publish(self, event: CloudEvent) -> None:  # noqa: ARG002 - forgotten on purpose
        """Count the event."""
        self._count += 1

    def flush(self) -> DeliveryReport:
        """Report everything as delivered."""
        report = DeliveryReport(self._count)
        self._count = 0
        return report
