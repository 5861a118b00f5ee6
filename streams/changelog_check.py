"""The check of a changelog reader: compares what it has read with what the workers wrote."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from broker.clients import administering
from broker.offsets import committed_offsets, partition_offsets
from events.registry import Family
from events.topics import changelog_name, topic_name
from streams.batch_transport import Committed
from streams.changelog_tally import ReadTally
from streams.commit_metadata import decode_commit_metadata
from streams.settings import Settings
from streams.state_check import loss_of_states
from streams.topic_faults import FaultKind, TopicFault

__all__ = ["ChangelogCheck"]

logger = logging.getLogger(__name__)

FamilyPartition = tuple[Family, int]


class ChangelogCheck:
    """Compares the changelogs with the metadata of the workers' committed offsets.

    Without the right to describe the group, it compares the summaries in the changelogs only.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the committed offsets at once: they must be older than the changelogs' end."""
        self._settings = settings
        self._committed = self._read_committed()

    def have_offsets_gone_back(self) -> bool:
        """Read the offsets again; return True where they went back, which a rebuild causes."""
        before = self._committed
        now = self._read_committed()
        if before is None or now is None:
            return False
        return any(key not in now or now[key].offset < one.offset for key, one in before.items())

    def faults(
        self,
        tally_of: Callable[[Family, int], ReadTally],
        families: Collection[Family] = tuple(Family),
    ) -> list[TopicFault]:
        """Return the losses of the changelogs of some families, which are read to their end."""
        found = []
        extents = self._extents() if self._committed else {}
        for family in families:
            for partition in range(self._settings.partitions):
                key, tally = (family, partition), tally_of(family, partition)
                committed = (self._committed or {}).get(key)
                if committed is None:
                    loss = tally.loss()
                else:
                    loss = loss_of_states(committed, *extents[key], tally)
                if loss is not None:
                    topic = changelog_name(self._settings.app_id, family)
                    found.append(TopicFault(topic, partition, FaultKind.CHANGELOG_LOST, loss))
        return found

    def _read_committed(self) -> Mapping[FamilyPartition, Committed] | None:
        settings, families = self._settings, {topic_name(family): family for family in Family}
        try:
            with administering(
                settings.broker, what="topics", security=settings.security()
            ) as admin:
                found = committed_offsets(admin, settings.app_id)
        except Exception as error:  # noqa: BLE001 - it may be refused, or the group unknown
            logger.debug("committed offsets not read error=%r", error)
            return None
        return {
            (families[tp.topic], tp.partition): Committed(
                one.offset, decode_commit_metadata(one.metadata)
            )
            for tp, one in found.items()
            if tp.topic in families
        }

    def _extents(self) -> Mapping[FamilyPartition, tuple[int, int]]:
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
