"""A publisher in place of Kafka's, for the commands that send events."""

from __future__ import annotations

from sources.client import RecordingPublisher


class WatchedPublisher(RecordingPublisher):
    """A publisher that remembers how it was asked for."""

    made: list[WatchedPublisher] = []  # noqa: RUF012 - the fixture sets another for each test

    def __init__(self, bootstrap: str, *, security: object) -> None:
        super().__init__()
        self.bootstrap = bootstrap
        self.security = security
        self.made.append(self)
