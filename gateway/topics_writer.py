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
from time import monotonic
from typing import Any, Final, NamedTuple, Self, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

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
PROBE_SECONDS: Final = 3.0
"""How long a probe of the broker may take."""
PAUSE_SECONDS: Final = 1.0
"""How long after a probe the next one begins."""
CHECK_BROKER: Final = "check SMART_REGION_BROKER, and that the broker is up"
CHECK_REPLICAS: Final = "check that enough replicas are in sync, and the brokers' logs"
SEE_CAUSE: Final = "the cause says what to do"


class Written(NamedTuple):
    """A record's position; the offset is None if the broker no longer knew it, after a retry."""

    topic: str
    partition: int
    offset: int | None


_Waiting: TypeAlias = tuple[OutgoingRecord, "asyncio.Future[Written | None]"]
"""A record, and its future position; None if it is not acknowledged."""


class _PartitionQueue:
    """The records that wait for one partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[_Waiting] = deque()
        self.task: asyncio.Task[None] | None = None
        self.sending_since: float | None = None

    @property
    def is_idle(self) -> bool:
        return self.task is None or self.task.done()

    def end(self, task: asyncio.Task[None]) -> None:
        """Give up the records still waiting after the task, unless another task has begun."""
        while self.waiting and self.task is task:
            _resolve(self.waiting.popleft(), None)


class TopicsWriter:
    """A producer that waits for all replicas, and monitors whether its broker is available.

    It starts without a broker, and probes it until it is available. After an outage it reconnects,
    with the password that its file then contains. Entering the context raises BrokerEntryError if
    the broker refuses this client; leaving it waits for records in flight.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: BrokerSecurity = PLAINTEXT,
        delivery_seconds: float = 10.0,
    ) -> None:
        self._bootstrap = addresses_of(bootstrap)
        self._security = security
        self._pinned = security
        self._delivery_seconds = delivery_seconds
        self._needed = [spec.name for spec in declared_topics() if not spec.compacted]
        self._partitions: dict[str, int] = {}
        self._queues: dict[tuple[str, int], _PartitionQueue] = {}
        self._producer: AIOKafkaProducer | None = None
        self._has_failed = False
        self._attempts = FailedAttempts()
        self._contexts = ExitStack()
        self._logged: set[str] = set()
        self._monitor_task: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self.waiting_for: str | None = "the first answer of the broker"
        """Why no records are accepted, as text; None while they are."""

    async def __aenter__(self) -> Self:
        # A wrong configuration fails the start; later it is retried, since it may be corrected.
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
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await self._close()
        self._contexts.close()

    async def write(self, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        """Write records; return the position of each, None where it was not acknowledged in time.

        A record that was not acknowledged may still be written. Nothing is sent while the broker is
        known to be unavailable.
        """
        if self.waiting_for is not None or not records:
            return [None] * len(records)
        positions = [self._enqueue(record) for record in records]
        try:
            async with asyncio.timeout(self._delivery_seconds):
                return [await one for one in positions]
        except TimeoutError:
            self._mark_stuck()
        finally:
            for one in positions:  # A record that was not sent yet will not be sent.
                one.cancel()
        return [None if one.cancelled() else one.result() for one in positions]

    def _enqueue(self, record: OutgoingRecord) -> asyncio.Future[Written | None]:
        position: asyncio.Future[Written | None] = asyncio.get_running_loop().create_future()
        queue = self._queue_of(record)
        queue.waiting.append((record, position))
        if queue.is_idle:
            queue.task = asyncio.create_task(self._drive(queue))
            queue.task.add_done_callback(queue.end)
        return position

    def _queue_of(self, record: OutgoingRecord) -> _PartitionQueue:
        partition = partition_for(record.key or b"", self._partitions[record.topic])
        key = (record.topic, partition)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _PartitionQueue(*key)
        return queue

    async def _drive(self, queue: _PartitionQueue) -> None:
        """Send the records of a queue, batch after batch, until it is empty."""
        while queue.waiting and (producer := self._producer) is not None:
            batch = producer.create_batch()
            taken = _fill(batch, queue.waiting)
            if taken:
                await self._send(queue, producer, batch, taken)

    async def _send(
        self,
        queue: _PartitionQueue,
        producer: AIOKafkaProducer,
        batch: Any,  # noqa: ANN401 - aiokafka's
        taken: list[_Waiting],
    ) -> None:
        queue.sending_since = monotonic()
        positions: Sequence[Written | None] = [None] * len(taken)
        try:
            delivery = await producer.send_batch(batch, queue.topic, partition=queue.partition)
            first: int | None = (await delivery).offset
            if first is None or first < 0:  # After a retry the broker may not know it any more.
                positions = [Written(queue.topic, queue.partition, None)] * len(taken)
            else:
                offsets = range(first, first + len(taken))
                positions = [Written(queue.topic, queue.partition, one) for one in offsets]
        except (KafkaError, OSError, AssertionError) as error:
            # The client has already retried what can be retried: this producer is unusable.
            logger.warning("not delivered topic=%s cause=%r", queue.topic, error)
            if producer is self._producer:
                self._has_failed = True
                self._mark_unavailable(repr(error), CHECK_BROKER)
        finally:
            queue.sending_since = None
            for one, position in zip(taken, positions, strict=True):
                _resolve(one, position)

    async def _monitor(self) -> None:
        """Probe the broker regularly, and replace a producer that has failed."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                if self._has_failed:
                    await self._close()
                await self._probe()
            except Exception as error:  # noqa: BLE001 - nothing else probes the broker
                logger.error("not probed error=%s", traceback_of(error))  # noqa: TRY400
                self._has_failed = True
                self._mark_unavailable(repr(error), CHECK_BROKER)

    async def _probe(self) -> None:
        self._attempts.forget()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                producer = self._producer or await self._open()
                metadata = await producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            # The client would keep a silent connection until its own timeout, which is longer.
            self._has_failed |= isinstance(error, TimeoutError)
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
        """True if the broker answers, but acknowledges nothing: too few replicas, perhaps."""
        latest = monotonic() - self._delivery_seconds
        return any(
            queue.sending_since is not None and queue.sending_since < latest
            for queue in self._queues.values()
        )

    def _mark_stuck(self) -> None:
        cause = f"no acknowledgement within {self._delivery_seconds:g} s"
        self._mark_unavailable(cause, CHECK_REPLICAS)

    def _mark_unavailable(self, cause: str, remedy: str) -> None:
        """Accept no records; log an outage once, and each cause in it that has its own remedy."""
        self.waiting_for = cause
        logged = cause if remedy == SEE_CAUSE else remedy
        if logged in self._logged:
            return
        self._logged.add(logged)
        logger.warning(
            "the broker does not acknowledge, events are answered 503 broker=%s cause=%s remedy=%s",
            ",".join(self._bootstrap),
            cause,
            remedy,
        )

    async def _open(self) -> AIOKafkaProducer:
        self._pinned = self._security.pinned()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._delivery_seconds * 1000),
            **self._pinned.client_config(),
        )
        try:
            await producer.start()
        except BaseException:  # Also after a timeout.
            await producer.stop()
            raise
        self._producer = producer
        self._has_failed = False
        return producer

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        self._give_up()
        stopping = asyncio.create_task(_stop(producer))
        # A stop that exceeds the timeout continues in the background. The reference is kept: if the
        # stop were cancelled or collected, the client's own tasks would run on or be destroyed.
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)

    def _give_up(self) -> None:
        """Stop waiting for what was sent: a stopped producer waits for metadata for ever."""
        for task in self._tasks():
            task.cancel()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [one.task for one in self._queues.values() if one.task and not one.is_idle]


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer; only log an error, since nothing waits for it any more."""
    try:
        await producer.stop()
    except Exception as error:  # noqa: BLE001 - whatever the client raises
        logger.warning("producer did not stop cleanly cause=%r", error)


def _resolve(waiting: _Waiting, position: Written | None) -> None:
    _, known = waiting
    if not known.done():
        known.set_result(position)


def _fill(batch: Any, waiting: deque[_Waiting]) -> list[_Waiting]:  # noqa: ANN401 - aiokafka's
    """Move as many records as fit from a queue into a batch; drop those no longer awaited."""
    taken: list[_Waiting] = []
    while waiting:
        record, position = waiting[0]
        if not position.done():
            added = batch.append(
                timestamp=None, key=record.key, value=record.value, headers=[*record.headers]
            )
            if added is None:
                break
            taken.append(waiting[0])
        waiting.popleft()
    return taken
