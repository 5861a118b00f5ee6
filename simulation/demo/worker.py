"""The worker on the demo's embedded broker, run as `python -m simulation.demo.worker`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from boundary.terminal import show_traceback
from streams.batch_transport import BatchProducer, BatchTransport
from streams.settings import load_settings
from streams.worker import run_worker

EMBEDDED_WORKER: Final = (sys.executable, "-m", "simulation.demo.worker")


class _EmbeddedProducer(BatchProducer):
    """A producer for a broker without idempotence, whose end offset is that of a batch's first.

    The last record of a write is a batch of its own: a recovery would stop before it otherwise.
    """

    idempotent = False

    async def write_batch(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[bytes, bytes]],
        *,
        last_headers: Sequence[tuple[str, bytes]] = (),
    ) -> int | None:
        if len(records) > 1:
            await super().write_batch(topic, partition, records[:-1])
        return await super().write_batch(topic, partition, records[-1:], last_headers=last_headers)


class EmbeddedTransport(BatchTransport):
    """The worker's transport, with what the embedded broker needs to be exact."""

    Producer = _EmbeddedProducer


if __name__ == "__main__":
    sys.excepthook = show_traceback
    sys.exit(run_worker(load_settings(), transport=EmbeddedTransport))
