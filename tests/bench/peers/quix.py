"""Quix Streams: parse, keep the last value of each entity as state. A program of its own."""

from __future__ import annotations

import logging
import signal
import tempfile
from pathlib import Path
from typing import Any

from quixstreams import Application as QuixApplication
from quixstreams.utils.json import loads
from rocksdict import AccessType, Rdict

from events.topics import topic_name
from tests.bench.application import Application, Restoring, Stopwatch


def run(application: Application) -> None:
    """Process an application's events, print how long it took, and stay until ended.

    Without events it restores its states from the changelog, and prints when it has them.
    """
    stopwatch = Stopwatch()
    disk = tempfile.mkdtemp()
    quix = QuixApplication(
        application.bootstrap,
        consumer_group=application.app_id,
        auto_offset_reset="earliest",
        state_dir=disk,
    )

    def keep(value: bytes, state: Any) -> None:  # noqa: ANN401 - Quix Streams' state
        stopwatch.start()
        if "specversion" not in loads(value):
            raise ValueError(f"not a CloudEvent: {value!r}")
        state.set_bytes("latest", value)

    topic = quix.topic(topic_name(application.family), value_deserializer="bytes")
    quix.dataframe(topic).update(keep, stateful=True)
    if application.events:
        # It ends with a checkpoint: states and changelog written, offsets committed.
        quix.run(count=application.events, collect=False)
        stopwatch.stop()
    else:
        logging.getLogger("quixstreams.state.recovery").addHandler(EndOfRecovery(quix))
        quix.run()
        Restoring.counted(count_states(Path(disk)))
    signal.pause()


class EndOfRecovery(logging.Handler):
    """Hears that the recovery is complete, which Quix Streams says in its log alone."""

    def __init__(self, quix: QuixApplication) -> None:
        super().__init__()
        self._quix = quix

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Recovery process complete"):
            Restoring.ended()
            self._quix.stop()


def count_states(disk: Path) -> int:
    stores = [found.parent for found in disk.rglob("CURRENT")]
    return sum(
        sum(1 for _ in Rdict(str(store), access_type=AccessType.read_only()).keys())  # noqa: SIM118 - no dictionary
        for store in stores
    )


if __name__ == "__main__":
    run(Application.from_arguments())
