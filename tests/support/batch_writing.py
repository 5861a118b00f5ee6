"""A worker's producer that writes to a broker whose acknowledgements a test gives."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from streams.batch_transport import BatchProducer, BatchTransport
from tests.support.group_member import build_app


class Broker:
    """Stands for aiokafka's producer: what was sent, and its acknowledgements to give."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answers: list[asyncio.Future[object]] = []

    async def send(self, topic: str, value: bytes, **parts: Any) -> Any:  # noqa: ANN401
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
