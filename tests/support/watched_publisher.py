"""Replacements for Kafka's publisher that keep what is published."""

from __future__ import annotations

from dataclasses import replace

from events.cloudevent import CloudEvent
from sources.client import DeliveryReport, FailedDelivery, NullPublisher


class RecordingPublisher(NullPublisher):
    """A publisher that delivers everything into `events`."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        super().publish(event)
        self.events.append(event)


class FailingPublisher(RecordingPublisher):
    """A publisher that delivers so many events, and loses or refuses all others."""

    def __init__(self, delivered: int, *, refused: bool = False) -> None:
        super().__init__()
        self._left = delivered
        self._refused = refused
        self._failed: list[FailedDelivery] = []

    def publish(self, event: CloudEvent) -> None:
        if len(self.events) < self._left:
            super().publish(event)
        else:
            self._failed.append(FailedDelivery(event, "broken", refused=self._refused))

    def flush(self) -> DeliveryReport:
        failed, self._failed = tuple(self._failed), []
        return replace(super().flush(), failed=failed)


class WatchedPublisher(RecordingPublisher):
    """A publisher that records its instances, for the commands that send events."""

    made: list[WatchedPublisher] = []  # noqa: RUF012 - the fixture sets another for each test

    def __init__(self, bootstrap: str, *, security: object) -> None:
        super().__init__()
        self.bootstrap = bootstrap
        self.security = security
        self.made.append(self)
