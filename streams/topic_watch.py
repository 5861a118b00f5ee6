"""The check of topics and of the group's assignment while a worker runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Final

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import GroupMembers, group_members
from broker.topic_admin import SeenTopic, seen_topics, with_settings
from broker.writing import KafkaWriter
from events.records import OutgoingRecord
from events.topics import FAMILIES
from streams.commit_metadata import Committed
from streams.decisions import (
    KnownPartition,
    KnownTopic,
    partition_record,
    read_decisions,
    topic_record,
)
from streams.membership import Membership
from streams.settings import Settings
from streams.topic_faults import (
    FaultKind,
    TopicFault,
    faults_of_settings,
    faults_of_topics,
    has_committed,
    ids_of,
    is_compacted,
    recreated,
    unowned,
)

logger = logging.getLogger(__name__)

#: A change is reported within three intervals.
INTERVAL_SECONDS: Final = 10.0
#: After this many failed checks in a row, a minute of them, the log reports it once.
FAILURES_TO_REPORT: Final = 6

#: Commits are noted this often: of a log that is cut later, so much may be lost unseen if the group
#: has expired too.
NOTE_SECONDS: Final = 600.0

#: Faults that end the worker if they persist: its restart checks them again.
_ENDING: Final = frozenset({FaultKind.TOPIC_MISSING, FaultKind.PARTITION_UNOWNED})


class KnownTopics:
    """What the ledger knows of the topics that a worker reads: their ids, and commits."""

    def __init__(
        self,
        settings: Settings,
        known: Mapping[str, KnownTopic],
        noted: Mapping[tuple[str, int], Committed],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._known = known
        self.noted = noted
        """The commits that are on the ledger, by topic and partition."""
        self._clock = clock
        self._noted_at = -inf
        self.faults: Sequence[TopicFault] = ()
        """The topics that were recreated, as of the last look."""

    def look(self, ids: Mapping[str, str]) -> None:
        """Compare the ids of topics with the ledger's, and write missing ones to the ledger.

        If they differ, the ledger is read again: an operator may have accepted the new topic.
        Raises the errors of `read_topics` and of `has_committed`.
        """
        if not self._known or recreated(ids, self._known, is_read=False):
            security = self._settings.security()
            self._known = read_decisions(self._settings.broker, security=security).topics
        is_lost = not self._known and has_committed(self._settings)
        self.faults = recreated(ids, self._known, is_read=is_lost)
        missing = sorted(ids.keys() - self._known.keys())
        if missing and not is_lost:
            now = self._settings.make_clock().now()
            new = [KnownTopic(topic=name, id=ids[name], at=now) for name in missing]
            self._known = {**self._known, **{one.topic: one for one in new}}
            self._write(map(topic_record, new))

    def note(self, commits: Mapping[tuple[str, int], Committed]) -> None:
        """Write what the group has committed to the ledger: at once if new, else at intervals."""
        lasting = {
            at: one.without_attempts() for at, one in commits.items() if at[0] in self._known
        }
        changed = {at: one for at, one in lasting.items() if self.noted.get(at) != one}
        now = self._clock()
        is_due = now >= self._noted_at + NOTE_SECONDS or changed.keys() - self.noted.keys()
        if not changed or not is_due:
            return
        self.noted, self._noted_at = {**self.noted, **changed}, now
        at = self._settings.make_clock().now()
        self._write(
            partition_record(
                KnownPartition(
                    topic=topic,
                    partition=partition,
                    id=self._known[topic].id,
                    offset=one.offset,
                    metadata=one.metadata,
                    at=at,
                )
            )
            for (topic, partition), one in changed.items()
        )

    def _write(self, records: Iterable[OutgoingRecord]) -> None:
        try:
            with KafkaWriter(self._settings.broker, security=self._settings.security()) as writer:
                writer.send([*records])
        except SmartRegionError as error:
            logger.warning("events that are lost while no worker runs may go unnoticed: %s", error)


class TopicWatch:
    """Checks regularly whether topics have changed since the start of the worker."""

    def __init__(
        self,
        settings: Settings,
        membership: Membership,
        known_topics: KnownTopics,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._membership = membership
        self._known_topics = known_topics
        self._clock = clock
        #: The ids of the topics that this process has read.
        self._ids: Mapping[str, str] = {}
        self._topic_settings: dict[str, Mapping[str, str]] = {}
        #: Topics that are compacted, or were when last seen.
        self._compacted: frozenset[str] = frozenset()
        self._unowned: frozenset[TopicFault] = frozenset()
        self._since: dict[TopicFault, float] = {}
        self._failures = 0
        membership.topic_faults = known_topics.faults

    async def run(self) -> None:
        """Check regularly; raise SmartRegionError if a topic has changed permanently."""
        while True:
            await self.check()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def check(self) -> None:
        """Check once. An unreachable broker does not end the worker: heartbeats detect that."""
        try:
            seen, group = await asyncio.to_thread(self._describe)
        except Exception as error:  # noqa: BLE001 - a check that fails ends nothing
            self._failures += 1
            if self._failures == FAILURES_TO_REPORT:
                logger.warning(
                    "topics not described in %d checks: one that is deleted is not noticed: %s",
                    self._failures,
                    error,
                )
            return
        if self._failures >= FAILURES_TO_REPORT:
            logger.info("topics described again after %d failed checks", self._failures)
        self._failures = 0
        self.judge(seen, group)
        await self._read_compacted_again()

    def judge(self, seen: Mapping[str, SeenTopic], group: GroupMembers | None) -> None:
        """Publish the faults of topics.

        Raises SmartRegionError if one persists, or if a topic was recreated since the start: its
        offsets mean other records. A partition without an owner is a fault only if seen twice in a
        row: members change.
        """
        now, partitions = self._clock(), self._settings.partitions
        without_owner = unowned(seen, group, partitions=partitions)
        self._topic_settings |= {name: one.settings for name, one in seen.items() if one.settings}
        found = [
            *faults_of_topics(seen, partitions=partitions),
            *self._known_topics.faults,
            *sorted(without_owner & self._unowned),
            *faults_of_settings(self._topic_settings),
        ]
        self._unowned = without_owner
        self._since = {fault: self._since.get(fault, now) for fault in found}
        for fault, since in self._since.items():
            if since == now:
                logger.error("topic: %s", fault)
        self._membership.topic_faults = tuple(fault for fault in found if fault.withholds)
        meters = self._membership.engine.meters
        meters.topic_warnings = tuple(fault for fault in found if not fault.withholds)
        for name, identity in ids_of(seen).items():
            if identity != self._ids.get(name, identity):
                raise _ended(f"{name} was deleted and created again")
        self._ids = {**self._ids, **ids_of(seen)}
        for fault, since in self._since.items():
            lasted = now - since
            if fault.fault in _ENDING and lasted > self._settings.stall_timeout:
                raise _ended(f"{fault}, for {lasted:.0f} s")

    async def _read_compacted_again(self) -> None:
        """Read topics again that are no longer compacted: records in the middle may be gone."""
        compacted = {name for name, one in self._topic_settings.items() if is_compacted(one)}
        if ended := self._compacted - compacted:
            await self._membership.read_again(ended)
        self._compacted = frozenset(compacted)

    def _describe(self) -> tuple[Mapping[str, SeenTopic], GroupMembers | None]:
        settings = self._settings
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            seen = seen_topics(admin, FAMILIES)
            try:
                seen = with_settings(admin, seen)
            except Exception as error:  # noqa: BLE001 - the demo's broker may not answer
                logger.debug("settings not described error=%r", error)
            self._known_topics.look(ids_of(seen))
            self._known_topics.note(self._membership.commits())
            try:
                return seen, group_members(admin, settings.app_id)
            except Exception as error:  # noqa: BLE001 - the demo's broker answers in an unknown format
                logger.debug("group not described error=%r", error)
                return seen, None


def _ended(reason: str) -> SmartRegionError:
    return SmartRegionError(
        f"topics: {reason}: this worker ends; the next start checks the topics and what they hold,"
        " and says what to do (runbook TopicFaulty)"
    )
