"""A `dead-letters replay` that is killed on the way: `python -m tests.support.killed_replay …`.

SMARTREGION_TEST_KILL says when, `POINT:N`, at the Nth time that records are sent (first the
copies of some entries, then their outcomes, and so on):

- `before:N`: nothing of it is sent;
- `half:N`: half of it is on the broker;
- `unacknowledged:N`: all is sent, and no acknowledgement was awaited;
- `after:N`: all is on the broker;
- `later:SECONDS`: that long after the first send began.

SMARTREGION_TEST_CHUNK sets how many entries are sent together.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Sequence

from broker.writing import KafkaWriter
from events.records import OutgoingRecord
from operations.dead_letters import replay


def kill() -> None:
    """End this process by SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(moment: str) -> None:
    """Schedule the kill before the command starts."""
    point, _, number = moment.partition(":")
    if point == "later":
        _kill_later(float(number))
        return
    sends = itertools.count(1)
    send = KafkaWriter.send

    def send_or_kill(self: KafkaWriter, records: Sequence[OutgoingRecord]) -> None:
        if next(sends) != int(number):
            send(self, records)
            return
        match point:
            case "half":
                send(self, records[: len(records) // 2])
            case "unacknowledged":
                for topic, partition, key, value, headers in records:
                    self._producer.send(
                        topic, key=key, value=value, partition=partition, headers=list(headers)
                    )
            case "after":
                send(self, records)
        kill()

    KafkaWriter.send = send_or_kill  # type: ignore[method-assign]


def _kill_later(seconds: float) -> None:
    send = KafkaWriter.send
    timer = threading.Timer(seconds, kill)
    timer.daemon = True

    def send_or_kill(self: KafkaWriter, records: Sequence[OutgoingRecord]) -> None:
        if not timer.is_alive():
            timer.start()
        send(self, records)

    KafkaWriter.send = send_or_kill  # type: ignore[method-assign]


if __name__ == "__main__":
    from smart_region import main

    if moment := os.environ.get("SMARTREGION_TEST_KILL"):
        kill_at(moment)
    setattr(replay, "CHUNK", int(os.environ.get("SMARTREGION_TEST_CHUNK", "10")))  # noqa: B010
    main()
