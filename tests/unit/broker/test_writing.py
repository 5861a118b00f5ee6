"""Sending to Kafka, with a client that a test holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from boundary.errors import SmartRegionError
from broker.writing import MOST_QUEUED_BYTES, KafkaWriter
from events.records import OutgoingRecord

COPY = OutgoingRecord("smartregion.schools", 5, b"k", b"v", (("ce_id", b"1"),))
NOTE = OutgoingRecord("smartregion.dead-letter-outcomes", None, b"0/1", b"{}", ())


class Lost:
    def get(self, timeout: float) -> None:
        raise KafkaTimeoutError(f"nothing after {timeout:.0f} s")


@dataclass
class Had:
    producer: Producer
    size: int

    def get(self, timeout: float) -> None:
        assert timeout > 0
        self.producer.queued -= self.size


@dataclass
class Producer:
    lost: str | None = None
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    queued: int = 0
    most_queued: int = 0
    """Bytes of values without acknowledgement, and the most that there were."""
    ended: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def _sender(self) -> Producer:
        return self

    def send(self, topic: str, **what: Any) -> Lost | Had:
        self.sent.append((topic, what))
        size = len(what["value"] or b"")
        self.queued += size
        self.most_queued = max(self.most_queued, self.queued)
        return Lost() if topic == self.lost else Had(self, size)

    def force_close(self) -> None:
        self.ended.append("dropped")

    def close(self, timeout: float) -> None:
        self.ended.append(f"closed within {timeout:.0f} s")


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    ours = Producer()

    def opened(_: object, __: str, **settings: Any) -> Producer:
        ours.settings = settings
        return ours

    monkeypatch.setattr("broker.writing.opened", opened)
    return ours


def test_an_acknowledgement_that_does_not_come_ends_the_command(producer: Producer) -> None:
    producer.lost = NOTE.topic

    with (
        pytest.raises(SmartRegionError, match=r"outcomes: .*nothing after 31 s.*run the"),
        KafkaWriter("b:1") as post,
    ):
        post.send([COPY, NOTE])

    assert producer.sent[0] == (
        "smartregion.schools",
        {"key": b"k", "value": b"v", "partition": 5, "headers": [("ce_id", b"1")]},
    )
    assert producer.ended == ["dropped", "closed within 1 s"]


def test_large_records_are_not_all_queued_at_once(producer: Producer) -> None:
    large = COPY._replace(value=bytes(5 * 1024 * 1024))
    with KafkaWriter("b:1") as post:
        post.send([large] * 10)

    assert len(producer.sent) == 10
    assert producer.most_queued <= MOST_QUEUED_BYTES + len(large.value or b"")
    assert producer.queued == 0
