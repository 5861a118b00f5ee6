"""Record batches built by hand and sent as they are, such as no client would write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

Headers = Sequence[tuple[str, bytes | None]]
LEADER_SECONDS = 10.0
NOW = 1_577_836_800_000
"""2020-01-01, in milliseconds: later than the events of tests, and past for any broker."""


class HeaderName(str):
    """A header's name that is any bytes: Kafka takes them, and clients only offer text."""

    __slots__ = ("written",)
    written: bytes

    def __new__(cls, written: bytes) -> Self:
        name = super().__new__(cls, written.decode(errors="replace"))
        name.written = written
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        return self.written


class RawContent(NamedTuple):
    """A record of a batch."""

    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()
    time: int = NOW


class RawBatch(NamedTuple):
    """A batch to store on a partition."""

    topic: str
    partition: int
    content: bytes


def batch_bytes(records: Iterable[RawContent], *, codec: int = 0) -> bytes:
    """Return records as a batch of message format 2, compressed if that makes it smaller."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 2**31)
    for offset, one in enumerate(records):
        builder.append(offset, one.time, one.key, one.value, list(one.headers))
    return bytes(builder.build())


def fetched_records(
    content: bytes, *, partition: int = 0, start: int = 0, check_crcs: bool = True
) -> fetcher.PartitionRecords:
    """Return the content of a fetch from an offset on; aiokafka decodes it during iteration."""
    return fetcher.PartitionRecords(
        TopicPartition("t", partition),
        fetcher.MemoryRecords(content),
        aborted_transactions=None,
        fetch_offset=start,
        key_deserializer=None,
        value_deserializer=None,
        check_crcs=check_crcs,
        isolation_level=fetcher.READ_UNCOMMITTED,
    )


def produce(bootstrap: str, batches: Iterable[RawBatch]) -> None:
    """Send batches separately, and return once the broker has all. Raises if it refuses one."""
    asyncio.run(_produce(bootstrap, list(batches)))


async def _sent(client: AIOKafkaClient, node: int, request: ProduceRequest) -> None:
    deadline = monotonic() + LEADER_SECONDS
    while True:
        answer = await client.send(node, request)
        [(topic, [(partition, code, *_)])] = answer.topics
        if not code:
            return
        error = for_code(code)
        # The leader of a new topic may not know it yet.
        if not error.retriable or monotonic() > deadline:
            raise error(topic, partition)
        await asyncio.sleep(0.1)


async def _produce(bootstrap: str, batches: Sequence[RawBatch]) -> None:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        for batch in batches:
            await client.add_topic(batch.topic)
        await client.force_metadata_update()
        [node] = [broker.nodeId for broker in client.cluster.brokers()]
        for topic, partition, content in batches:
            request = ProduceRequest(
                transactional_id=None,
                required_acks=-1,
                timeout=30_000,
                topics=[(topic, [(partition, content)])],
            )
            await _sent(client, node, request)
    finally:
        await client.close()
