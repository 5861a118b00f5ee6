"""The writer gives what waits to its broker in batches, and says when that does not acknowledge."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from boundary.errors import SmartRegionError
from events.records import OutgoingRecord
from events.topics import declared_topics
from gateway import topics_writer
from gateway.topics_writer import TopicsWriter, Written
from tests.support.async_tests import played

TOPIC = "smartregion.schools"
DEADLINE = 20.0


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics_writer, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(topics_writer, "PAUSE_SECONDS", 0.01)


@dataclass
class Broker:
    sent: list[list[bytes]] = field(default_factory=list)
    in_flight: int = 0
    """Batches that wait for their acknowledgement."""
    probes: int = 0
    asked: int = 0
    """How often it was asked, whether it answered or not."""
    producers: int = 0
    is_there: bool = True
    failed_probes: list[Exception] = field(default_factory=list)
    """What the client raises at the next probes."""
    topics: set[str] = field(default_factory=lambda: {one.name for one in declared_topics()})
    failures: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_known: bool = True
    """False: a producer waits for metadata before it sends."""
    waiting: int = 0
    """Batches that did."""
    lets_leave: bool = True
    """False: a producer that stops has to wait, as for a broker that is away."""
    leaving: weakref.WeakSet[FakeProducer] = field(default_factory=weakref.WeakSet)
    left: int = 0

    def let_leave(self) -> None:
        for producer in list(self.leaving):
            producer.flushed.set_result(None)


class FakeBatch:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_: object) -> object | None:
        if len(self.values) == 3:
            return None
        self.values.append(value)
        return object()


class FakeProducer:
    broker: ClassVar[Broker]

    def __init__(self, **_: object) -> None:
        self.client = self

    async def start(self) -> None:
        self._ask()
        self.broker.producers += 1

    async def stop(self) -> None:
        """Leave: a task of its own flushes, and nobody but its waiter knows of it."""
        if not self.broker.lets_leave:
            self.flushed = asyncio.get_running_loop().create_future()
            self.broker.leaving.add(self)
            await asyncio.wait([asyncio.create_task(self._flush())])
        self.broker.left += 1

    async def _flush(self) -> None:
        await self.flushed

    async def fetch_all_metadata(self) -> FakeProducer:
        self._ask()
        if self.broker.failed_probes:
            raise self.broker.failed_probes.pop()
        self.broker.probes += 1
        return self

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0} if topic in self.broker.topics else set()

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> Awaitable[Any]:
        assert (topic, partition) == (TOPIC, 0)
        if not self.broker.is_known:
            # As aiokafka's, also when the producer is stopped meanwhile.
            self.broker.waiting += 1
            await asyncio.get_running_loop().create_future()
        return asyncio.ensure_future(self._acknowledged(batch))

    async def _acknowledged(self, batch: FakeBatch) -> Any:  # noqa: ANN401 - has an offset
        self.broker.in_flight += 1
        await self.broker.gate.wait()
        self.broker.in_flight -= 1
        if self.broker.failures:
            raise self.broker.failures.pop()
        first = sum(map(len, self.broker.sent))
        self.broker.sent.append(batch.values)
        return type("Metadata", (), {"offset": first})

    def _ask(self) -> None:
        self.broker.asked += 1
        if not self.broker.is_there:
            raise KafkaConnectionError("nobody listens")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(topics_writer, "AIOKafkaProducer", FakeProducer)
    FakeProducer.broker = Broker()
    return FakeProducer.broker


def records(*values: bytes) -> list[OutgoingRecord]:
    return [OutgoingRecord(TOPIC, None, b"key", value, []) for value in values]


@asynccontextmanager
async def opened(broker: Broker, *, delivery_seconds: float = 0.2) -> AsyncIterator[TopicsWriter]:
    broker.gate.set()
    async with (
        asyncio.timeout(DEADLINE),
        TopicsWriter("a:1", delivery_seconds=delivery_seconds) as writer,
    ):
        yield writer
        broker.gate.set()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.001)


@played
async def test_what_waits_goes_together(broker: Broker) -> None:
    async with opened(broker) as writer:
        broker.gate.clear()
        writes = [asyncio.create_task(writer.write(records(b"%d" % n))) for n in range(4)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        broker.gate.set()
        positions = await asyncio.gather(*writes)

        assert broker.sent in ([[b"0"], [b"1", b"2", b"3"]], [[b"0", b"1", b"2"], [b"3"]])
        assert [one[0] for one in positions] == [Written(TOPIC, 0, n) for n in range(4)]


@played
async def test_a_broker_that_acknowledges_again_is_believed(broker: Broker) -> None:
    async with opened(broker) as writer:
        broker.gate.clear()
        await writer.write(records(b"0"))
        probes = broker.probes
        await until(lambda: broker.probes > probes + 2)
        assert writer.waiting_for is not None
        broker.gate.set()
        await until(lambda: writer.waiting_for is None)

        assert await writer.write(records(b"1")) == [Written(TOPIC, 0, 1)]


@played
async def test_a_record_that_is_no_longer_awaited_is_not_sent(broker: Broker) -> None:
    async with opened(broker) as writer:
        broker.gate.clear()
        first = asyncio.create_task(writer.write(records(b"on its way")))
        await until(lambda: broker.in_flight == 1)
        second = asyncio.create_task(writer.write(records(b"waiting", b"behind it")))
        left = asyncio.create_task(writer.write(records(b"of a client", b"that left")))
        await asyncio.sleep(0)
        left.cancel()
        assert await first == [None]
        assert await second == [None, None]
        assert left.cancelled()
        broker.gate.set()
        await until(lambda: writer.waiting_for is None)

        assert await writer.write(records(b"later")) == [Written(TOPIC, 0, 1)]
        assert broker.sent == [[b"on its way"], [b"later"]]


@played
async def test_a_producer_that_failed_for_good_is_replaced(broker: Broker) -> None:
    async with opened(broker) as writer:
        broker.failures.append(OutOfOrderSequenceNumber())

        assert await writer.write(records(b"0")) == [None]
        await until(lambda: writer.waiting_for is None)
        assert broker.producers == 2
        assert await writer.write(records(b"1")) == [Written(TOPIC, 0, 0)]


@played
async def test_a_batch_of_a_producer_that_was_replaced_is_given_up(broker: Broker) -> None:
    """It waits for metadata that nobody asks for any more; the writer would never be ready."""
    async with opened(broker) as writer:
        broker.is_known = False
        writing = asyncio.create_task(writer.write(records(b"0")))
        await until(lambda: broker.waiting == 1)
        broker.is_known = True
        writer._has_failed = True

        assert await writing == [None]
        await until(lambda: writer.waiting_for is None)
        assert await writer.write(records(b"1")) == [Written(TOPIC, 0, 0)]


@played
async def test_an_outage_is_logged_once_with_its_remedy(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    broker.is_there = False

    async with opened(broker) as writer:
        asked = broker.asked
        await until(lambda: broker.asked > asked + 5)
        broker.is_there = True
        await until(lambda: writer.waiting_for is None)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            (
                "the broker does not acknowledge, events are answered 503 broker=a:1"
                " cause=KafkaConnectionError: nobody listens"
                " remedy=check SMART_REGION_BROKER, and that the broker is up"
            ),
        ),
        ("INFO", "the broker acknowledges broker=a:1"),
    ]


@played
async def test_a_file_that_cannot_be_read_while_the_broker_is_away_is_waited_for(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates are replaced as brokers restart: nothing probed the broker any more."""
    unusable = SmartRegionError("SMART_REGION_SSL_CAFILE: cannot be used")

    async def preflight(*_: object) -> None:
        raise unusable

    async with opened(broker) as writer:
        monkeypatch.setattr(topics_writer, "preflight", preflight)
        broker.is_there = False
        await until(lambda: writer.waiting_for == str(unusable))
        broker.is_there = True
        await until(lambda: writer.waiting_for is None)

        assert await writer.write(records(b"0")) == [Written(TOPIC, 0, 0)]


@played
async def test_whatever_a_probe_raises_the_next_one_follows(broker: Broker) -> None:
    async with opened(broker) as writer:
        broker.failed_probes.append(RuntimeError("unexpected"))
        await until(lambda: broker.producers == 2)
        await until(lambda: writer.waiting_for is None)

        assert await writer.write(records(b"0")) == [Written(TOPIC, 0, 0)]


@played
async def test_a_producer_that_is_late_to_leave_is_not_cut_short(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics_writer, "STOP_SECONDS", 0.01)
    # A log that is kept for a test's report would hold the error, and so the producer.
    monkeypatch.setattr(topics_writer.logger, "disabled", True)
    complaints: list[str] = []

    # The record must be sent, also on a busy machine: only a failed producer is replaced.
    async with opened(broker, delivery_seconds=10.0) as writer:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        broker.lets_leave = False
        broker.failures.append(KafkaConnectionError("gone"))
        assert await writer.write(records(b"1")) == [None]
        await until(lambda: broker.producers == 2)
        gc.collect()
        assert complaints == []
        broker.lets_leave = True
        broker.let_leave()
        await until(lambda: broker.left == 1)
