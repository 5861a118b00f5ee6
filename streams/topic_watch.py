"""The check of topics and of the group's assignment while a worker runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import GroupMembers, group_members
from broker.topic_admin import SeenTopic, seen_topics, with_settings
from broker.writing import KafkaWriter
from events.topics import FAMILIES
from streams.decisions import KnownTopic, read_decisions, topic_record
from streams.membership import Membership
from streams.settings import Settings
from streams.topic_faults import (
    FaultKind,
    TopicFault,
    faults_of_settings,
    faults_of_topics,
    ids_of,
    recreated,
    unowned,
)

logger = logging.getLogger(__name__)

#: A change is reported within three intervals.
INTERVAL_SECONDS: Final = 10.0
#: After this many failed checks in a row, a minute of them, the log reports it once.
FAILURES_TO_REPORT: Final = 6

#: Faults that end the worker if they persist: its restart checks them again.
_ENDING: Final = frozenset({FaultKind.TOPIC_MISSING, FaultKind.PARTITION_UNOWNED})


class KnownTopics:
    """The topics that a worker reads, compared with the ids on the ledger."""

    def __init__(self, settings: Settings, known: Mapping[str, KnownTopic]) -> None:
        self._settings = settings
        self._known = known
        self.faults: Sequence[TopicFault] = ()
        """The topics that were recreated, as of the last look."""

    def look(self, ids: Mapping[str, str]) -> None:
        """Compare the ids of topics with the ledger's, and write missing ones to the ledger.

        If they differ, the ledger is read again: an operator may have accepted the new topic.
        Raises the errors of `read_topics`.
        """
        if recreated(ids, self._known):
            security = self._settings.security()
            self._known = read_decisions(self._settings.broker, security=security).topics
        if missing := sorted(ids.keys() - self._known.keys()):
            now = self._settings.make_clock().now()
            read = [KnownTopic(topic=name, id=ids[name], at=now) for name in missing]
            self._known = {**self._known, **{one.topic: one for one in read}}
            self._note(read)
        self.faults = recreated(ids, self._known)

    def _note(self, topics: Sequence[KnownTopic]) -> None:
        try:
            with KafkaWriter(self._settings.broker, security=self._settings.security()) as writer:
                writer.send([topic_record(one) for one in topics])
        except SmartRegionError as error:
            # The user of an earlier release lacks the right.
            logger.warning("a topic that is created again will not be noticed: %s", error)


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

    def _describe(self) -> tuple[Mapping[str, SeenTopic], GroupMembers | None]:
        settings = self._settings
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            seen = seen_topics(admin, FAMILIES)
            try:
                seen = with_settings(admin, seen)
            except Exception as error:  # noqa: BLE001 - the demo's broker may not answer
                logger.debug("settings not described error=%r", error)
            self._known_topics.look(ids_of(seen))
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
