"""Writes records to their topics, and returns the position of each once it is acknowledged.

A queue for each partition collects records into one batch while the batch before it is in flight:
one request or a thousand at once cost the broker about as many writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from boundary.errors import SmartRegionError
from boundary.logs import traceback_of
from broker.errors import BrokerEntryError
from broker.preflight import FailedAttempts, preflight
from broker.security import PLAINTEXT, BrokerSecurity
from broker.settings import addresses_of
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import declared_topics

logger = logging.getLogger(__name__)

BATCH_BYTES: Final = 512 * 1024
"""Half of the largest batch that a broker accepts, so that none is refused for its size."""
STOP_SECONDS: Final = 5.0
MOST_LOGGED: Final = 8
"""How many lines an outage has at most, each another cause: causes may come in turn."""
CHECK_BROKER: Final = "check SMART_REGION_BROKER, and that the broker is up"
CHECK_REPLICAS: Final = "check that enough replicas are in sync, and the brokers' logs"
SEE_CAUSE: Final = "the cause says what to do"


@dataclass(frozen=True, slots=True)
class WriteTimeouts:
    """Timeouts and intervals of the writer, in seconds."""

    delivery: float = 10.0
    """From a record to its acknowledgement; then `write` returns None for it."""
    probe: float = 3.0
    """Of one probe of the broker."""
    between_probes: float = 1.0


class BrokerUnavailableError(SmartRegionError):
    """The broker does not acknowledge; nothing was sent to it."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"broker: does not acknowledge, value {cause!r}: send again later")


class Written(NamedTuple):
    """A record's position. The offset is None where the broker no longer knew that of a retry."""

    topic: str
    partition: int
    offset: int | None


class _Write:
    """The records of one call, and the positions that are known so far."""

    __slots__ = ("done", "left", "positions", "records")

    def __init__(self, records: Sequence[OutgoingRecord], done: asyncio.Future[None]) -> None:
        self.records = records
        self.positions: list[Written | None] = [None] * len(records)
        self.left = len(records)
        self.done = done

    @property
    def is_awaited(self) -> bool:
        return not self.done.done()

    def resolve(self, number: int, position: Written | None) -> None:
        self.positions[number] = position
        self.left -= 1
        if self.left == 0 and self.is_awaited:
            self.done.set_result(None)


class _PartitionQueue:
    """The records that wait for one partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[tuple[_Write, int]] = deque()
        self.task: asyncio.Task[None] | None = None
        self.sending_since: float | None = None


class _OpenProducer:
    """A Kafka producer that has started, and what still waits for it once it has stopped."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.client = client
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def acknowledged(self, batch: Any, queue: _PartitionQueue) -> int | None:  # noqa: ANN401 - aiokafka's
        """Send a batch, and return the offset of its first record.

        Raises ProducerClosed where the producer stops meanwhile: while it waits for metadata, it
        would never answer.
        """

        async def sent() -> int | None:
            delivery = await self.client.send_batch(batch, queue.topic, partition=queue.partition)
            offset: int | None = (await delivery).offset
            return offset

        sending = asyncio.create_task(sent())
        try:
            either: set[asyncio.Future[Any]] = {sending, self.stopped}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ProducerClosed
            return sending.result()
        finally:
            sending.cancel()

    async def stop(self) -> None:
        """Stop the producer; only log where that fails, since nobody waits for it any more."""
        try:
            await self.client.stop()
        except Exception as error:  # noqa: BLE001 - whatever the client raises
            logger.warning("producer did not stop cleanly cause=%r", error)
        finally:
            self.stopped.set_result(None)


class TopicsWriter:
    """A producer that waits for all replicas, and monitors whether its broker is available.

    It starts without a broker, and probes it until it is available; it reconnects when the broker
    was unavailable, with the password that its file has then. Entering the context raises
    BrokerEntryError where the broker refuses this client; leaving it waits for records in flight.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: BrokerSecurity = PLAINTEXT,
        timeouts: WriteTimeouts | None = None,
    ) -> None:
        self._bootstrap = addresses_of(bootstrap)
        self._security = security
        self._pinned = security
        self._timeouts = timeouts or WriteTimeouts()
        self._needed = [spec.name for spec in declared_topics() if not spec.compacted]
        self._partitions: dict[str, int] = {}
        self._queues: dict[tuple[str, int], _PartitionQueue] = {}
        self._producer: _OpenProducer | None = None
        self._has_failed = False
        self._attempts = FailedAttempts()
        self._contexts = ExitStack()
        self._logged: set[str] = set()
        self._monitor_task: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self.waiting_for: str | None = "the first answer of the broker"
        """Why no record is accepted, as text; None: records are accepted."""

    async def __aenter__(self) -> Self:
        # A wrong configuration ends the start; later it is retried, since it may be corrected.
        await preflight(self._bootstrap, self._security)
        with ExitStack() as stack:
            stack.enter_context(self._attempts)
            await self._probe()
            self._monitor_task = asyncio.create_task(self._monitor())
            self._contexts = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._monitor_task is not None:
            self._monitor_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._monitor_task
        tasks = [queue.task for queue in self._queues.values() if queue.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in tasks:
                task.cancel()
        await self._close()
        self._contexts.close()

    async def write(self, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        """Write records; return the position of each, None where it was not acknowledged in time.

        Such a record may still be written. Raises BrokerUnavailableError where the broker is known
        to be unavailable: then nothing was sent to it.
        """
        if self.waiting_for is not None:
            raise BrokerUnavailableError(self.waiting_for)
        if not records:
            return []
        write = _Write(records, asyncio.get_running_loop().create_future())
        for number, record in enumerate(records):
            queue = self._queue_of(record)
            queue.waiting.append((write, number))
            if queue.task is None:
                queue.task = asyncio.create_task(self._drive(queue))
        try:
            async with asyncio.timeout(self._timeouts.delivery):
                await write.done
        except TimeoutError:
            self._mark_stuck()
        finally:
            write.done.cancel()
            write.records = ()  # Those that were not sent yet are not sent any more.
        return write.positions

    def _queue_of(self, record: OutgoingRecord) -> _PartitionQueue:
        partition = partition_for(record.key or b"", self._partitions[record.topic])
        key = (record.topic, partition)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _PartitionQueue(*key)
        return queue

    async def _drive(self, queue: _PartitionQueue) -> None:
        """Send the records of a queue, batch after batch, until it is empty."""
        try:
            while queue.waiting and (producer := self._producer) is not None:
                batch = producer.client.create_batch()
                taken = _fill(batch, queue.waiting)
                if taken:
                    await self._send(queue, producer, batch, taken)
            while queue.waiting:  # The producer has failed.
                write, number = queue.waiting.popleft()
                write.resolve(number, None)
        finally:
            queue.task = None

    async def _send(
        self,
        queue: _PartitionQueue,
        producer: _OpenProducer,
        batch: Any,  # noqa: ANN401 - aiokafka's
        taken: list[tuple[_Write, int]],
    ) -> None:
        queue.sending_since = monotonic()
        try:
            first = await producer.acknowledged(batch, queue)
        except (KafkaError, OSError, AssertionError) as error:
            # The client has retried what can be retried: this producer cannot be used any more.
            logger.warning("not delivered topic=%s cause=%r", queue.topic, error)
            if producer is self._producer:
                self._has_failed = True
                self._mark_unavailable(repr(error), CHECK_BROKER)
            for write, number in taken:
                write.resolve(number, None)
            return
        finally:
            queue.sending_since = None
        for index, (write, number) in enumerate(taken):
            offset = None if first is None or first < 0 else first + index
            write.resolve(number, Written(queue.topic, queue.partition, offset))

    async def _monitor(self) -> None:
        """Probe the broker regularly, and replace a producer that has failed."""
        while True:
            await asyncio.sleep(self._timeouts.between_probes)
            try:
                if self._has_failed:
                    await self._close()
                await self._probe()
            except Exception as error:  # noqa: BLE001 - nobody else probes the broker
                logger.error("not probed error=%s", traceback_of(error))  # noqa: TRY400
                self._has_failed = True
                self._mark_unavailable(repr(error), CHECK_BROKER)

    async def _probe(self) -> None:
        self._attempts.forget()
        try:
            async with asyncio.timeout(self._timeouts.probe):
                producer = self._producer or await self._open()
                metadata = await producer.client.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            if refusal := await self._refusal():
                self._mark_unavailable(refusal, SEE_CAUSE)
            else:
                cause = self._attempts.cause or str(error) or "no answer"
                self._mark_unavailable(cause, CHECK_BROKER)
            return
        except SmartRegionError as error:  # A configured file that cannot be used any more.
            self._mark_unavailable(str(error), SEE_CAUSE)
            return
        if self._has_failed:
            return
        self._partitions = {
            topic: len(metadata.partitions_for_topic(topic) or ()) for topic in self._needed
        }
        missing = [topic for topic, partitions in self._partitions.items() if not partitions]
        if missing:
            self._mark_unavailable(
                f"no topic {missing[0]}: create it with `smart-region topics apply`", SEE_CAUSE
            )
        elif self._is_stuck:
            self._mark_stuck()
        elif self.waiting_for is not None:
            logger.info("the broker acknowledges broker=%s", ",".join(self._bootstrap))
            self.waiting_for = None
            self._logged.clear()

    async def _refusal(self) -> str | None:
        """Return why the broker refuses this client, whose password may have changed."""
        try:
            await preflight(self._bootstrap, self._pinned)
        except BrokerEntryError as error:
            self._has_failed = True
            return str(error)
        except SmartRegionError as error:  # A configured file that is being replaced.
            return str(error)
        return None

    @property
    def _is_stuck(self) -> bool:
        """True where the broker answers, but acknowledges nothing: too few replicas, perhaps."""
        latest = monotonic() - self._timeouts.delivery
        return any(
            queue.sending_since is not None and queue.sending_since < latest
            for queue in self._queues.values()
        )

    def _mark_stuck(self) -> None:
        cause = f"no acknowledgement within {self._timeouts.delivery:g} s"
        self._mark_unavailable(cause, CHECK_REPLICAS)

    def _mark_unavailable(self, cause: str, remedy: str) -> None:
        """Accept no records; log an outage once, and each cause in it that has its own remedy."""
        self.waiting_for = cause
        logged = cause if remedy == SEE_CAUSE else remedy
        if logged in self._logged or len(self._logged) >= MOST_LOGGED:
            return
        self._logged.add(logged)
        logger.warning(
            "the broker does not acknowledge, events are answered 503 broker=%s cause=%s remedy=%s",
            ",".join(self._bootstrap),
            cause,
            remedy,
        )

    async def _open(self) -> _OpenProducer:
        self._pinned = self._security.pinned()
        client = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._timeouts.delivery * 1000),
            **self._pinned.client_config(),
        )
        try:
            await client.start()
        except BaseException:  # Also at a timeout.
            await client.stop()
            raise
        self._producer = producer = _OpenProducer(client)
        self._has_failed = False
        return producer

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        stopping = asyncio.create_task(producer.stop())
        # A late one waits for the broker, and continues by itself. A reference is kept: cancelled
        # or collected, the client's own tasks would run on or be destroyed while pending.
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)


def _fill(batch: Any, waiting: deque[tuple[_Write, int]]) -> list[tuple[_Write, int]]:  # noqa: ANN401 - aiokafka's
    """Move as many records as fit from a queue into a batch; drop those no longer awaited."""
    taken: list[tuple[_Write, int]] = []
    while waiting:
        write, number = waiting[0]
        if write.is_awaited:
            record = write.records[number]
            added = batch.append(
                timestamp=None, key=record.key, value=record.value, headers=[*record.headers]
            )
            if added is None:
                break
            taken.append((write, number))
        waiting.popleft()
    return taken
