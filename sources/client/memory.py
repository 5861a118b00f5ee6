"""Publishers without a broker: into a list for tests, or nowhere for a dry run."""

from __future__ import annotations

from typing import Self

from events.cloudevent import CloudEvent
from sources.client.protocol import DeliveryReport


class NullPublisher:
    """A publisher for a dry run; it only counts."""

    def __init__(self) -> None:
        self._count = 0

    def publish(self, event: CloudEvent) -> None:  # noqa: ARG002 - only counted
        """Count the event."""
        self._count += 1

    def flush(self) -> DeliveryReport:
        """Report everything as delivered."""
        report = DeliveryReport(self._count)
        self._count = 0
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


class RecordingPublisher(NullPublisher):
    """A publisher for tests; its events are in `events`."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        """Append the event."""
        super().publish(event)
        self.events.append(event)
