"""The check of a replica: whether the changelogs that were read hold what the workers wrote."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from broker.administration import administering
from broker.offsets import committed_offsets, partition_offsets
from events.registry import Family
from events.topics import changelog_name, topic_name
from streams.batch_transport import Committed
from streams.commit_metadata import decode_commit_metadata
from streams.state_check import loss_of_states
from streams.topic_faults import FaultKind, TopicFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.changelog_tally import ChangelogTallies
    from streams.settings import Settings

__all__ = ["ChangelogCheck"]

logger = logging.getLogger(__name__)

Place = tuple[Family, int]


class ChangelogCheck:
    """Asks for the workers' committed offsets, and compares what was read with what is beside them.

    Where a user may not see the group, only the summaries in the changelogs are compared.
    """

    def __init__(self, settings: Settings) -> None:
        """Ask at once: before the changelogs are read, so that what is noted is in what is read."""
        self._settings = settings
        self._committed = self._ask_committed()

    @property
    def is_outdated(self) -> bool:
        """Ask again, and tell whether offsets went back: somebody rebuilds the states."""
        before = self._committed
        now = self._ask_committed()
        if before is None or now is None:
            return False
        return any(
            place not in now or now[place].offset < one.offset for place, one in before.items()
        )

    def faults(self, tallies: ChangelogTallies) -> list[TopicFault]:
        """Say what the changelogs have lost, now that they are read to their end."""
        found = []
        extents = self._extents() if self._committed else {}
        for family in Family:
            for partition in range(self._settings.partitions):
                place, tally = (family, partition), tallies.of(family, partition)
                committed = (self._committed or {}).get(place)
                if committed is None:
                    loss = tally.loss()
                else:
                    loss = loss_of_states(committed, *extents[place], tally)
                if loss is not None:
                    topic = changelog_name(self._settings.app_id, family)
                    found.append(TopicFault(topic, partition, FaultKind.CHANGELOG_LOST, loss))
        return found

    def _ask_committed(self) -> Mapping[Place, Committed] | None:
        settings, families = self._settings, {topic_name(family): family for family in Family}
        try:
            with administering(
                settings.broker, what="topics", security=settings.security()
            ) as admin:
                found = committed_offsets(admin, settings.app_id)
        except Exception as error:  # noqa: BLE001 - it may not be allowed, or the group unknown
            logger.debug("the workers' offsets are not known error=%r", error)
            return None
        return {
            (families[tp.topic], tp.partition): Committed(
                one.offset, decode_commit_metadata(one.metadata)
            )
            for tp, one in found.items()
            if tp.topic in families
        }

    def _extents(self) -> Mapping[Place, tuple[int, int]]:
        settings = self._settings
        of = {
            TopicPartition(changelog_name(settings.app_id, family), number): (family, number)
            for family in Family
            for number in range(settings.partitions)
        }
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            starts = partition_offsets(admin, of, OffsetSpec.EARLIEST)
            ends = partition_offsets(admin, of, OffsetSpec.LATEST)
        return {of[tp]: (starts[tp], ends[tp]) for tp in of}
