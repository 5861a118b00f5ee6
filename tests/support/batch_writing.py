"""A worker's producer that writes to a broker whose acknowledgements a test gives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from streams.batch_transport import BatchProducer, BatchTransport
from tests.support.group_member import build_app


class Builder:
    """Stands for aiokafka's batch builder: full after two records."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.closed = False

    def append(self, *, key: bytes, value: bytes, timestamp: int | None, headers: object) -> object:  # noqa: ARG002
        """Take a record, if there is room."""
        if len(self.keys) == 2:
            return None
        self.keys.append(key)
        return object()

    def close(self) -> None:
        """Let nothing change any more."""
        self.closed = True


class Broker:
    """Stands for aiokafka's producer: what was sent, and its acknowledgements to give."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answers: list[asyncio.Future[object]] = []

    def create_batch(self) -> Builder:
        """Begin a batch."""
        return Builder()

    async def send_batch(self, batch: Builder, topic: str, *, partition: int) -> Any:  # noqa: ANN401
        """Queue a batch."""
        assert batch.closed, "an open batch may still change"
        return self._take((topic, partition, batch.keys))

    async def send(self, topic: str, value: bytes, **parts: Any) -> Any:  # noqa: ANN401
        """Queue a record."""
        return self._take((topic, value, parts))

    def _take(self, sent: object) -> asyncio.Future[object]:
        self.sent.append(sent)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def producing(
    transport: type[BatchTransport] = BatchTransport,
) -> tuple[BatchProducer, Broker]:
    """Return the app's producer and the broker that it writes to. Needs a running loop."""
    producer = cast("BatchProducer", build_app(transport=transport).producer)
    broker = Broker()
    producer._producer = broker
    return producer, broker


def states(keys: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return records to write."""
    return [(key, b"state") for key in keys]


async def turns() -> None:
    """Let everything happen that can happen now."""
    for _ in range(20):
        await asyncio.sleep(0)
