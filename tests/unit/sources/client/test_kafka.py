"""The publisher on Kafka without a broker; it is tested on a real one, too."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAuthorizationFailedError

from broker.errors import BrokerRefusedError, TopicsMissingError
from events.cloudevent import EncodedRecord
from sources.client import KafkaPublisher, PublisherOptions
from tests.support.histories import event, uai

EVENT = event("school.closed", uai("0750001"), "2019-03-11")


class FakeFuture:
    """The outcome of one record."""

    def __init__(self) -> None:
        self.receipt: object = None
        self.error: KafkaError | None = None

    @property
    def is_done(self) -> bool:
        """Whether it is known."""
        return self.receipt is not None or self.error is not None

    def get(self, *, timeout: float) -> object:
        """Return the receipt, or fail; do not wait."""
        assert timeout > 0
        if not self.is_done:
            raise KafkaTimeoutError
        if self.error is not None:
            raise self.error
        return self.receipt


class FakeProducer:
    """Kafka's client without Kafka: a test decides the outcome of each record."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, FakeFuture]] = []
        self.refuses: KafkaError | None = None
        self.describes: KafkaError | None = None
        self.answers = True
        self.closed = False
        self._sender = self

    def partitions_for(self, _topic: str) -> set[int]:
        if self.describes is not None:
            raise self.describes
        return {0, 1, 2}

    def send(self, topic: str, *, partition: int, **_record: object) -> FakeFuture:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append((topic, partition, FakeFuture()))
        return self.sent[-1][2]

    def flush(self, *, timeout: float) -> None:
        assert timeout > 0
        if not self.answers:
            raise KafkaTimeoutError
        while self.sent:
            topic, partition, future = self.sent.pop(0)
            future.receipt = SimpleNamespace(topic=topic, partition=partition, offset=41)

    def force_close(self) -> None:
        """Fail everything at once, as the sender's thread does."""
        waiting, self.sent = self.sent, []
        for _, _, future in waiting:
            future.error = KafkaError("closed forcefully")

    def close(self, *, timeout: float) -> None:
        assert timeout > 0
        assert not self.sent
        self.closed = True


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    producer = FakeProducer()
    monkeypatch.setattr("sources.client.kafka.opened", lambda *_, **__: producer)
    return producer


def with_short_timeouts(**options: Any) -> KafkaPublisher:
    """A Kafka publisher that gives a silent broker up after a moment."""
    publisher = KafkaPublisher("b:1", options=PublisherOptions(**options))
    publisher._delivery_timeout = 0.01
    return publisher


def test_a_full_publisher_waits_and_then_gives_up(producer: FakeProducer) -> None:
    """Once as many events wait as may, `publish` waits for room, not for ever."""
    producer.answers = False
    with with_short_timeouts(in_flight=2) as publisher:
        for _ in range(3):
            publisher.publish(EVENT)
        assert len(publisher.flush().failed) == 3


def test_raw_records_count_as_events_do(producer: FakeProducer) -> None:
    record = EncodedRecord(b"key", b"not an event", [])
    with with_short_timeouts() as publisher:
        publisher.publish_raw("smartregion.schools", record)
        assert publisher.flush().delivered == 1
        producer.refuses = KafkaError("no")
        publisher.publish_raw("smartregion.schools", record)
        assert len(publisher.flush().raw_failures) == 1


def test_an_exception_drops_what_waits(producer: FakeProducer) -> None:
    """Ctrl-C does not wait for a broker, and is not replaced by another error."""
    producer.answers = False

    def be_interrupted() -> None:
        with with_short_timeouts() as publisher:
            publisher.publish(EVENT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert producer.closed


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KafkaTimeoutError(), TopicsMissingError),
        (TopicAuthorizationFailedError(), BrokerRefusedError),
    ],
)
def test_a_topic_that_cannot_be_had(
    producer: FakeProducer, error: KafkaError, expected: type[Exception]
) -> None:
    """A missing topic is another error than one that this user may not write."""
    producer.describes = error
    with pytest.raises(expected, match=r"smartregion\.schools"), with_short_timeouts() as publisher:
        publisher.publish(EVENT)
