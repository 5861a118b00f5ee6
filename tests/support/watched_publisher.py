"""Publishers in place of Kafka's, which keep what is published."""

from __future__ import annotations

from events.cloudevent import CloudEvent
from sources.client import NullPublisher


class RecordingPublisher(NullPublisher):
    """A publisher that delivers everything into `events`."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        super().publish(event)
        self.events.append(event)


class WatchedPublisher(RecordingPublisher):
    """A publisher that remembers how it was made, for the commands that send events."""

    made: list[WatchedPublisher] = []  # noqa: RUF012 - the fixture sets another for each test

    def __init__(self, bootstrap: str, *, security: object) -> None:
        super().__init__()
        self.bootstrap = bootstrap
        self.security = security
        self.made.append(self)
