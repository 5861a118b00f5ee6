"""Continuous traffic straight to Kafka, and the memory of what was acknowledged where."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import cycle
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.partitioning import partition_for
from events.topics import topic_name
from tests.support.gateway_senders import Position, is_right, with_id
from tests.support.traffic import PARTITIONS, Message, region

FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2017, 12, 31)
TICK_SECONDS: Final = 0.02
MOST_PENDING: Final = 20_000
"""Records without an answer; beyond, the producer waits as a real one would."""
MOST_BEHIND_SECONDS: Final = 1.0
"""What could not be sent for longer is not caught up on: the rate stays what was asked for."""
REQUEST_MS: Final = 10_000
DRAIN_SECONDS: Final = 120.0
DOUBLED: Final = 0.01
MISROUTED: Final = 0.005
"""Parts of the records that are sent twice, and to a partition that is not their entity's."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A simulated record, and whether it is an event that the contracts take."""

    message: Message
    is_event: bool


def prepared_messages(seed: int) -> Sequence[Prepared]:
    """Return two years of the simulated Région, mixed, invalid records among them."""
    messages = [Prepared(one, is_right(one)) for one in region(7, FIRST_DAY, LAST_DAY)]
    Random(f"traffic {seed}").shuffle(messages)
    return messages


class KafkaTraffic:
    """A producer at a rate; each event has an id of its own, and is sent until acknowledged."""

    def __init__(
        self,
        bootstrap: str,
        messages: Sequence[Prepared],
        *,
        rate: int,
        seed: int,
        linger_ms: int,
    ) -> None:
        self.sent = self.repeated = self.invalid = 0
        """Records, sendings made again, and the records that no contract takes."""
        self.doubled = 0
        self.acknowledged: dict[Position, int] = {}
        """The hash of the value that is at each position."""
        self.trouble: BaseException | None = None
        self._bootstrap = bootstrap
        self._messages = cycle(messages)
        self._rate = rate
        self._linger_ms = linger_ms
        self._chance = Random(f"routes {seed}")
        self._again: deque[tuple[Message, int]] = deque()
        self._pending = 0

    @property
    def events(self) -> int:
        return self.sent - self.invalid - self.doubled

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send within the block; after it everything that was sent is acknowledged."""
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(2 * DRAIN_SECONDS)
        if self.trouble is not None:
            raise self.trouble

    def _run(self, over: threading.Event) -> None:
        try:
            asyncio.run(self._flow(over))
        except BaseException as error:  # noqa: BLE001 - raised where the traffic is used
            self.trouble = error

    async def _flow(self, over: threading.Event) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            linger_ms=self._linger_ms,
            max_batch_size=2**18,
            request_timeout_ms=REQUEST_MS,
        )
        await producer.start()
        try:
            await self._at_rate(producer, over)
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._again or self._pending:
                    await self._repeat(producer)
                    await asyncio.sleep(TICK_SECONDS)
        finally:
            await producer.stop()

    async def _at_rate(self, producer: Any, over: threading.Event) -> None:  # noqa: ANN401 - no types
        now = asyncio.get_running_loop().time
        due = now()
        while not over.is_set():
            await self._repeat(producer)
            due = max(due, now() - MOST_BEHIND_SECONDS)
            while due < now() and self._pending < MOST_PENDING and not over.is_set():
                due += 1 / self._rate
                await self._send_next(producer)
            await asyncio.sleep(TICK_SECONDS)

    async def _repeat(self, producer: Any) -> None:  # noqa: ANN401
        for _ in range(len(self._again)):
            message, partition = self._again.popleft()
            self.repeated += 1
            await self._send(producer, message, partition)

    async def _send_next(self, producer: Any) -> None:  # noqa: ANN401
        prepared = next(self._messages)
        self.sent += 1
        self.invalid += not prepared.is_event
        message = prepared.message
        if prepared.is_event:
            message = Message(
                message.family, message.key, with_id(message.value, f"chaos-{self.sent}")
            )
        partition = partition_for(message.key, PARTITIONS)
        if self._chance.random() < MISROUTED:
            partition = self._chance.randrange(PARTITIONS)
        await self._send(producer, message, partition)
        if prepared.is_event and self._chance.random() < DOUBLED:
            self.sent += 1
            self.doubled += 1
            await self._send(producer, message, partition)

    async def _send(self, producer: Any, message: Message, partition: int) -> None:  # noqa: ANN401
        try:
            future = await producer.send(
                topic_name(message.family),
                message.value,
                key=message.key,
                partition=partition,
                headers=list(message.headers),
            )
        except KafkaError:
            self._again.append((message, partition))
            return
        self._pending += 1
        future.add_done_callback(partial(self._answered, message, partition))

    def _answered(self, message: Message, partition: int, future: asyncio.Future[Any]) -> None:
        self._pending -= 1
        if future.cancelled() or future.exception() is not None:
            self._again.append((message, partition))
            return
        found = future.result()
        self.acknowledged[found.topic, found.partition, found.offset] = hash(message.value)
