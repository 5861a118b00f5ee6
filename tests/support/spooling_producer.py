"""A producer to kill: publishes numbered events through a spool, and notes which are safe.

Run as `python -m tests.support.spooling_producer URL SPOOL NOTES LAST TOKEN`. It continues
after the last number in NOTES, adds a line there each time `publish` returns, and ends when all
events up to LAST have arrived. Errors are printed in one line.

SMARTREGION_TEST_FAULT may name a fault to plant:

- `forgets`: events leave the spool when they are read to be sent;
- `leaves-to-the-system`: the spool does not wait until the disk has what it writes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.school import SchoolClosed
from sources.client import BearerToken, GatewayPublisher, RetryPolicy, Spool, SpoolFullError
from sources.client.spool import Waiting

SOURCE = "urn:iledefrance:lycees"
MOST_SPOOLED = 40
"""So few that the spool is sometimes full."""
EVENTS_PER_FLUSH = 7


def numbered(number: int) -> CloudEvent:
    return CloudEvent(
        id=str(number),
        source=SOURCE,
        time=datetime(2019, 3, 11, 9, 30, tzinfo=UTC),
        fact=SchoolClosed(uai="0750419Y", closed_on=date(2019, 3, 11)),
    )


def main(url: str, spool_file: Path, notes: Path, last: int, token: str) -> None:
    spool = Spool(spool_file, most_events=MOST_SPOOLED)
    retry_policy = RetryPolicy(total=0.3, first_pause=0.02)
    credentials = BearerToken(SecretStr(token))
    noted = notes.read_text().split() if notes.exists() else []
    following = int(noted[-1]) + 1 if noted else 0
    with (
        notes.open("a") as safe,
        GatewayPublisher(url, credentials, spool=spool, retry_policy=retry_policy) as publisher,
    ):
        for number in range(following, last + 1):
            while True:
                try:
                    publisher.publish(numbered(number))
                    break
                except SpoolFullError:
                    publisher.flush()
            safe.write(f"{number}\n")
            safe.flush()
            if number % EVENTS_PER_FLUSH == 0:
                publisher.flush()
        while publisher.flush().waiting:
            pass


def plant(fault: str) -> None:
    head, opened = Spool.head, Spool._opened

    def forgetful_head(self: Spool, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        batch = head(self, most_events, most_bytes)
        self.remove(batch)
        return batch

    def hasty_opened(self: Spool) -> tuple[int, int]:
        found = opened(self)
        self._database.execute("PRAGMA synchronous = OFF")
        return found

    if fault == "forgets":
        Spool.head = forgetful_head  # type: ignore[method-assign]
    else:
        Spool._opened = hasty_opened  # type: ignore[method-assign]


if __name__ == "__main__":
    if fault := os.environ.get("SMARTREGION_TEST_FAULT"):
        plant(fault)
    try:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    except SmartRegionError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
