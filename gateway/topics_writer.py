"""Writes records on their topics, and tells where each is once the broker has acknowledged it.

A lane for each partition puts what waits into one batch, as long as the batch before is on its
way: one request or a thousand at once cost the broker about as many writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from boundary.errors import SmartRegionError
from broker.clients import PLAINTEXT, BrokerSecurity
from broker.errors import BrokerEntryError
from broker.preflight import preflight
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import declared_topics

__all__ = ["BrokerAwayError", "TopicsWriter", "WriteTimeouts", "Written"]

logger = logging.getLogger(__name__)

BATCH_BYTES: Final = 512 * 1024
"""Half of what a broker takes at once, so that a batch is never refused for its size."""
STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class WriteTimeouts:
    """Timeouts and intervals of the writer, in seconds."""

    delivery: float = 10.0
    """From a record to its acknowledgement; then `write` returns None for it."""
    probe: float = 3.0
    """Of one probe of the broker."""
    between_probes: float = 1.0


class BrokerAwayError(SmartRegionError):
    """The broker does not acknowledge; nothing was given to it."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(f"broker: does not acknowledge, value {cause!r}: send again later")


class Written(NamedTuple):
    """Where a record is. The offset is None where the broker no longer knew that of a retry."""

    topic: str
    partition: int
    offset: int | None


class _Write:
    """The records of one caller, and the places that they have got so far."""

    __slots__ = ("done", "left", "places", "records")

    def __init__(self, records: Sequence[OutgoingRecord], done: asyncio.Future[None]) -> None:
        self.records = records
        self.places: list[Written | None] = [None] * len(records)
        self.left = len(records)
        self.done = done

    @property
    def is_awaited(self) -> bool:
        return not self.done.done()

    def settle(self, number: int, place: Written | None) -> None:
        self.places[number] = place
        self.left -= 1
        if self.left == 0 and self.is_awaited:
            self.done.set_result(None)


class _Lane:
    """What waits for one partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[tuple[_Write, int]] = deque()
        self.task: asyncio.Task[None] | None = None
        self.sending_since: float | None = None


class TopicsWriter:
    """A producer that waits for all replicas, and knows whether its broker is there.

    It starts without a broker and looks for it until it is found; it looks again when one is lost,
    with the password that its file has then. Entering the context raises BrokerEntryError where the
    broker does not let us in; leaving it waits for what is on its way.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: BrokerSecurity = PLAINTEXT,
        timeouts: WriteTimeouts | None = None,
    ) -> None:
        self._bootstrap = [address.strip() for address in bootstrap.split(",")]
        self._security = security
        self._shown = security
        self._timeouts = timeouts or WriteTimeouts()
        self._needed = [spec.name for spec in declared_topics() if not spec.compacted]
        self._partitions: dict[str, int] = {}
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._producer: Any = None
        self._is_spoilt = False
        self._keeper: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self.waiting_for: str | None = "the first answer of the broker"
        """Why nothing is taken, in words; None: records are taken."""

    async def __aenter__(self) -> Self:
        # What an operator got wrong ends the start; later on it may be put right meanwhile.
        await preflight(self._bootstrap, self._security)
        await self._look()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in tasks:
                task.cancel()
        await self._close()

    async def write(self, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        """Write records; None for each that was not acknowledged in time.

        One of those may still arrive. Raises BrokerAwayError where the broker is known to be
        away: then nothing was given to it.
        """
        if self.waiting_for is not None:
            raise BrokerAwayError(self.waiting_for)
        if not records:
            return []
        write = _Write(records, asyncio.get_running_loop().create_future())
        for number, record in enumerate(records):
            lane = self._lane(record)
            lane.waiting.append((write, number))
            if lane.task is None:
                lane.task = asyncio.create_task(self._drive(lane))
        try:
            async with asyncio.timeout(self._timeouts.delivery):
                await write.done
        except TimeoutError:
            self._lost(f"no acknowledgement within {self._timeouts.delivery:g} s")
        finally:
            write.done.cancel()
            write.records = ()  # Those that have not left yet will not leave.
        return write.places

    def _lane(self, record: OutgoingRecord) -> _Lane:
        partition = partition_for(record.key or b"", self._partitions[record.topic])
        place = (record.topic, partition)
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(*place)
        return lane

    async def _drive(self, lane: _Lane) -> None:
        """Send what waits in a lane, batch after batch, until nothing waits."""
        try:
            while lane.waiting and self._producer is not None:
                batch = self._producer.create_batch()
                taken = _fill(batch, lane.waiting)
                if taken:
                    await self._send(lane, batch, taken)
            while lane.waiting:  # The producer that they came for has failed.
                write, number = lane.waiting.popleft()
                write.settle(number, None)
        finally:
            lane.task = None

    async def _send(self, lane: _Lane, batch: Any, taken: list[tuple[_Write, int]]) -> None:  # noqa: ANN401 - aiokafka's
        lane.sending_since = monotonic()
        first: int | None = None
        producer = self._producer
        try:
            acknowledged = await producer.send_batch(batch, lane.topic, partition=lane.partition)
            first = (await acknowledged).offset
        except (KafkaError, OSError, AssertionError) as error:
            # What can be tried again, the client has tried again: this producer is of no more use.
            logger.warning("not delivered topic=%s cause=%r", lane.topic, error)
            if producer is self._producer:
                self._is_spoilt = True
                self._lost(repr(error))
            for write, number in taken:
                write.settle(number, None)
            return
        finally:
            lane.sending_since = None
        for place, (write, number) in enumerate(taken):
            offset = None if first is None or first < 0 else first + place
            write.settle(number, Written(lane.topic, lane.partition, offset))

    async def _keep(self) -> None:
        """Look after the broker, and replace a producer that has failed for good."""
        while True:
            await asyncio.sleep(self._timeouts.between_probes)
            if self._is_spoilt:
                await self._close()
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(self._timeouts.probe):
                if self._producer is None:
                    await self._open()
                known = await self._producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            self._lost(await self._refusal() or str(error) or "no answer")
            return
        except SmartRegionError as error:  # A file of ours that cannot be used any more.
            self._lost(str(error))
            return
        if self._is_spoilt:
            return
        self._partitions = {
            topic: len(known.partitions_for_topic(topic) or ()) for topic in self._needed
        }
        missing = [topic for topic, partitions in self._partitions.items() if not partitions]
        if missing:
            self._lost(f"no topic {missing[0]}: create it with `smart-region topics apply`")
        elif self._is_stuck:
            self._lost(f"no acknowledgement within {self._timeouts.delivery:g} s")
        elif self.waiting_for is not None:
            logger.info("the broker acknowledges broker=%s", ",".join(self._bootstrap))
            self.waiting_for = None

    async def _refusal(self) -> str | None:
        """Return why the broker does not let us in any more; our password may have changed."""
        try:
            await preflight(self._bootstrap, self._shown)
        except BrokerEntryError as error:
            self._is_spoilt = True
            return str(error)
        return None

    @property
    def _is_stuck(self) -> bool:
        """True where the broker answers, but acknowledges nothing: too few replicas, perhaps."""
        latest = monotonic() - self._timeouts.delivery
        return any(
            lane.sending_since is not None and lane.sending_since < latest
            for lane in self._lanes.values()
        )

    def _lost(self, cause: str) -> None:
        if cause != self.waiting_for:
            logger.warning("the broker does not acknowledge cause=%s", cause)
        self.waiting_for = cause

    async def _open(self) -> None:
        self._shown = self._security.pinned()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._timeouts.delivery * 1000),
            **self._shown.client_config(),
        )
        try:
            await producer.start()
        except BaseException:  # Also where it took too long.
            await producer.stop()
            raise
        self._producer = producer
        self._is_spoilt = False

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        stopping = asyncio.create_task(producer.stop())
        # One that is late waits for the broker, and goes on by itself. It is held: cut short or
        # forgotten, the client's own tasks would go on for ever or be destroyed while pending.
        self._leaving.add(stopping)
        stopping.add_done_callback(self._left)
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)

    def _left(self, stopped: asyncio.Task[None]) -> None:
        self._leaving.discard(stopped)
        if not stopped.cancelled() and (error := stopped.exception()) is not None:
            logger.warning("producer not stopped in order cause=%r", error)


def _fill(batch: Any, waiting: deque[tuple[_Write, int]]) -> list[tuple[_Write, int]]:  # noqa: ANN401 - aiokafka's
    """Move what fits from a lane into a batch; what nobody waits for any more is dropped."""
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
