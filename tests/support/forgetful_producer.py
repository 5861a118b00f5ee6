"""A producer with a planted fault: its spool forgets events when they are read to be sent.

Run as `tests.support.spooling_producer` is.
"""

from __future__ import annotations

import runpy
from collections.abc import Sequence

from operations.client import Spool
from operations.client.queue import Waiting

if __name__ == "__main__":
    head = Spool.head

    def forgetful_head(self: Spool, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """Return the first events, and remove them."""
        batch = head(self, most_events, most_bytes)
        self.remove(batch)
        return batch

    Spool.head = forgetful_head  # type: ignore[method-assign]
    runpy.run_module("tests.support.spooling_producer", run_name="__main__", alter_sys=True)
