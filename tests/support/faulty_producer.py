"""A spooling producer with a planted fault, which SMARTREGION_TEST_FAULT names.

- `forgets`: events leave the spool when they are read to be sent;
- `leaves-to-the-system`: the spool does not wait until the disk has what it writes.

Run as `tests.support.spooling_producer` is.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Sequence

from sources.client import Spool
from sources.client.spool import Waiting


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
    plant(os.environ["SMARTREGION_TEST_FAULT"])
    runpy.run_module("tests.support.spooling_producer", run_name="__main__", alter_sys=True)
