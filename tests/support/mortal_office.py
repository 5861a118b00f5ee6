"""A `dead-letters replay` that is killed on the way: `python -m tests.support.mortal_office …`.

SMARTREGION_TEST_DEATH says when, `POINT:N`, at the Nth time that records are sent (first the
copies of some letters, then what is noted of them, and so on):

- `before:N`: nothing of it is sent;
- `amid:N`: half of it is on the broker;
- `unheard:N`: all is on its way, and no answer was waited for;
- `after:N`: all is on the broker;
- `later:SECONDS`: that long after the first sending began.

SMARTREGION_TEST_CHUNK sets how many letters go together.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Sequence

from broker.writing import KafkaWriter
from events.records import OutgoingRecord
from operations.dead_letters import replay as handling


def die() -> None:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def doom(death: str) -> None:
    """Plant a death before the command starts."""
    point, _, number = death.partition(":")
    if point == "later":
        _die_later(float(number))
        return
    sendings = itertools.count(1)
    send = KafkaWriter.send

    def mortal(self: KafkaWriter, records: Sequence[OutgoingRecord]) -> None:
        if next(sendings) != int(number):
            send(self, records)
            return
        match point:
            case "amid":
                send(self, records[: len(records) // 2])
            case "unheard":
                for topic, partition, key, value, headers in records:
                    self._producer.send(
                        topic, key=key, value=value, partition=partition, headers=list(headers)
                    )
            case "after":
                send(self, records)
        die()

    KafkaWriter.send = mortal  # type: ignore[method-assign]


def _die_later(seconds: float) -> None:
    send = KafkaWriter.send
    clock = threading.Timer(seconds, die)
    clock.daemon = True

    def mortal(self: KafkaWriter, records: Sequence[OutgoingRecord]) -> None:
        if not clock.is_alive():
            clock.start()
        send(self, records)

    KafkaWriter.send = mortal  # type: ignore[method-assign]


if __name__ == "__main__":
    from smart_region import main

    if death := os.environ.get("SMARTREGION_TEST_DEATH"):
        doom(death)
    setattr(handling, "CHUNK", int(os.environ.get("SMARTREGION_TEST_CHUNK", "10")))  # noqa: B010
    main()
