"""The watch for states that another process wrote to the changelogs of this worker's partitions.

A request of a worker that has lost a partition may reach the broker after its successor has
written. A recovery merges such records, and what they had overwritten is written again. Without a
recovery within `min.compaction.lag.ms`, compaction would drop the overwritten state for good. So
the worker joins its group again, and recovers with that, once it sees records that are not its own.
Tombstones of an erasure are merged in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from faust.types import TP

from events.fact import Family
from events.topics import changelog_name
from streams.membership import Membership
from streams.settings import Settings

logger = logging.getLogger(__name__)

#: The timeout of the request for the ends of changelogs.
TIMEOUT_SECONDS: Final = 10.0


class LateWriteWatch:
    """Checks regularly whether changelogs have records that are not in this worker's states."""

    def __init__(self, settings: Settings, membership: Membership) -> None:
        self._settings = settings
        self._membership = membership
        self._ends: Mapping[TP, int] = {}
        #: Up to where a recovery was asked for: once for the same records.
        self._asked: dict[TP, int] = {}

    async def run(self) -> None:
        """Check regularly, by `self_check_interval`."""
        while True:
            await asyncio.sleep(self._settings.self_check_interval)
            if self._membership.waiting_for() is None:
                await self.check()

    async def check(self) -> None:
        """Ask for a recovery where the records of the check before are not merged yet.

        Those that have come since may be of writes that wait for their answer. A broker that does
        not answer is asked again.
        """
        logs, tallies = self._logs(), self._membership.engine.tallies
        unread = {
            tp: end
            for tp, end in self._ends.items()
            if tp in logs and self._asked.get(tp, -1) < end and tallies.of(*logs[tp]).merged < end
        }
        self._ends = {}
        if unread:
            logger.warning(
                "another process has written states: joining the group again, to merge them at=%s",
                ",".join(f"{topic}[{partition}]" for topic, partition in sorted(unread)),
            )
            self._asked.update(unread)
            await self._membership.consumer.rejoin()
            return
        try:
            self._ends = await asyncio.wait_for(
                self._membership.consumer.highwaters(*logs), timeout=TIMEOUT_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - the client may raise anything; asked again
            logger.warning("ends of changelogs not read error=%r", error)

    def _logs(self) -> Mapping[TP, tuple[Family, int]]:
        """Return the changelogs of the partitions that this worker owns."""
        return {
            TP(changelog_name(self._settings.app_id, family), partition): (family, partition)
            for partition in self._membership.owned()
            for family in Family
        }
