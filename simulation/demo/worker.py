"""The worker on the demo's embedded broker, run as `python -m simulation.demo.worker`."""

from __future__ import annotations

import sys
from typing import Final

from boundary.terminal import show_traceback
from streams.batch_transport import BatchConsumer, BatchProducer, BatchTransport
from streams.settings import load_settings
from streams.worker import run_worker

EMBEDDED_WORKER: Final = (sys.executable, "-m", "simulation.demo.worker")


class _EmbeddedConsumer(BatchConsumer):
    """A consumer of a broker whose end offset is that of the last batch's first record."""

    has_exact_ends = False


class _EmbeddedProducer(BatchProducer):
    """A producer for a broker without idempotence."""

    idempotent = False


class EmbeddedTransport(BatchTransport):
    """The worker's transport, with what the embedded broker needs."""

    Consumer = _EmbeddedConsumer
    Producer = _EmbeddedProducer


if __name__ == "__main__":
    sys.excepthook = show_traceback
    sys.exit(run_worker(load_settings(), transport=EmbeddedTransport))
