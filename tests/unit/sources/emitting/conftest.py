"""What the tests of commands that send events share."""

from __future__ import annotations

import pytest

from tests.support.watched_publisher import WatchedPublisher


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[WatchedPublisher]:
    """Return the publishers that a command will have made, in place of Kafka's."""
    made: list[WatchedPublisher] = []
    monkeypatch.setattr(WatchedPublisher, "made", made)
    monkeypatch.setattr("sources.client.KafkaPublisher", WatchedPublisher)
    return made
