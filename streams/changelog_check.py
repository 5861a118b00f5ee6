"""The check of a changelog reader: compares what it has read with what the workers wrote."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from time import monotonic, sleep
from typing import Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import AuthorizationError

from broker.clients import administering
from broker.errors import BrokerUnreachableError, PartitionsMissingError
from broker.offsets import committed_offsets, partition_offsets
from events.fact import Family
from events.topics import changelog_name, topic_name
from streams.batch_transport import Committed
from streams.changelog_tally import ReadTally
from streams.commit_metadata import decode_commit_metadata
from streams.settings import Settings
from streams.state_check import ATTEMPT_INTERVAL_SECONDS, ATTEMPTS, loss_of_states
from streams.topic_faults import FaultKind, TopicFault

logger = logging.getLogger(__name__)

COORDINATOR_SECONDS: Final = 15.0
"""How long the group's offsets are asked for while its coordinator moves, loads or is made."""

FamilyPartition = tuple[Family, int]
Ends = tuple[int, int]
"""The first and the next offset of a partition."""


class ChangelogCheck:
    """Compares the changelogs with the metadata of the workers' committed offsets.

    Without the right to describe the group, it compares the summaries in the changelogs only, and
    says so once in the log.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the committed offsets at once: they must be older than the changelogs' end.

        Raises as `administering`.
        """
        self._settings = settings
        self._lost: Mapping[FamilyPartition, Ends] = {}
        self._committed = self._read_committed(wait_seconds=COORDINATOR_SECONDS)
        if self._committed is None:
            logger.warning(
                "changelogs: compared with their own summaries only: this user may not describe the"
                " group %s; `smart-region topics acl` has the rights of its role",
                settings.app_id,
            )

    def is_rebuilt(self) -> bool:
        """Return True once lost states were rebuilt, or are being rebuilt, after `faults`.

        A rebuild sets the committed offsets back, and deletes what the changelogs had. Nothing is
        known of it while the broker does not answer.
        """
        try:
            lost = self._ends_of(self._lost)
            if any(_is_made_anew(lost[key], before) for key, before in self._lost.items()):
                return True
            now = self._read_committed()
        except (BrokerUnreachableError, PartitionsMissingError) as error:
            logger.debug("not known whether states are rebuilt error=%r", error)
            return False
        before = self._committed
        if before is None or now is None:
            return False
        return any(key not in now or now[key].offset < one.offset for key, one in before.items())

    def faults(
        self,
        tally_of: Callable[[Family, int], ReadTally],
        families: Collection[Family] = tuple(Family),
    ) -> list[TopicFault]:
        """Return the losses of the changelogs of some families, which are read to their end.

        A new partition leader may return too low an end for a moment: a loss is asked for several
        times, and none where one answer shows none. Raises as `administering`.
        """
        asked = [(one, number) for one in families for number in range(self._settings.partitions)]
        losses: dict[FamilyPartition, str] = {}
        ends: dict[FamilyPartition, Ends] = {}
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(ATTEMPT_INTERVAL_SECONDS)
            try:
                # Losses that the summaries show need no ends, but for `is_rebuilt`.
                known = asked if self._committed else [key for key in asked if key in losses]
                ends |= self._ends_of(known)
            except BrokerUnreachableError:
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            found = ((key, self._loss(key, ends.get(key), tally_of(*key))) for key in asked)
            losses = {key: loss for key, loss in found if loss is not None}
            if not losses:
                return []
            asked = list(losses)
        self._lost = {key: ends[key] for key in losses}
        return [
            TopicFault(
                changelog_name(self._settings.app_id, family),
                partition,
                FaultKind.CHANGELOG_LOST,
                loss,
            )
            for (family, partition), loss in losses.items()
        ]

    def _loss(self, key: FamilyPartition, ends: Ends | None, tally: ReadTally) -> str | None:
        committed = (self._committed or {}).get(key)
        if committed is None or ends is None:
            return tally.loss()
        return loss_of_states(committed, *ends, tally)

    def _read_committed(
        self, *, wait_seconds: float = 0.0
    ) -> Mapping[FamilyPartition, Committed] | None:
        """Return the group's offsets; None where this user may not describe it."""
        settings, families = self._settings, {topic_name(family): family for family in Family}
        give_up_at = monotonic() + wait_seconds
        while True:
            try:
                with administering(
                    settings.broker, what="topics", security=settings.security()
                ) as admin:
                    try:
                        found = committed_offsets(admin, settings.app_id)
                    except AuthorizationError as error:
                        logger.debug("committed offsets not read error=%r", error)
                        return None
                break
            except BrokerUnreachableError:
                if monotonic() >= give_up_at:
                    raise
                sleep(ATTEMPT_INTERVAL_SECONDS)
        return {
            (families[tp.topic], tp.partition): Committed(
                one.offset, decode_commit_metadata(one.metadata)
            )
            for tp, one in found.items()
            if tp.topic in families
        }

    def _ends_of(self, keys: Iterable[FamilyPartition]) -> Mapping[FamilyPartition, Ends]:
        settings = self._settings
        of = {
            TopicPartition(changelog_name(settings.app_id, family), number): (family, number)
            for family, number in keys
        }
        if not of:
            return {}
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            starts = partition_offsets(admin, of, OffsetSpec.EARLIEST)
            ends = partition_offsets(admin, of, OffsetSpec.LATEST)
        return {of[tp]: (starts[tp], ends[tp]) for tp in of}


def _is_made_anew(now: Ends, before: Ends) -> bool:
    """Return whether a log was emptied or created again since, or is written to for the first time.

    A worker that knows of the loss writes nothing; one that does not may go on writing.
    """
    was_empty = before[0] == before[1]
    return now[0] > before[0] or now[1] < before[1] or (was_empty and now[1] > before[1])
