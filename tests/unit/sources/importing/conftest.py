"""What the commands that import send, without Kafka."""

from __future__ import annotations

from typing import ClassVar

import pytest

from events.cloudevent import CloudEvent
from sources.client import RecordingPublisher


class Broker(RecordingPublisher):
    """What a broker has got, from every publisher that a command makes."""

    got: ClassVar[list[CloudEvent]]

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()
        self.events = self.got


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> list[CloudEvent]:
    """Return what the broker has got, in place of Kafka."""
    Broker.got = []
    monkeypatch.setattr("sources.client.KafkaPublisher", Broker)
    return Broker.got
