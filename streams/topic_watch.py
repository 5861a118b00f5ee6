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
from broker.topic_admin import ABSENT, SeenTopic, seen_topics, with_settings
from events.fact import Family
from events.topics import FAMILIES, declared_topics, topic_name
from streams.known_topics import KnownTopics, ids_of
from streams.membership import Membership
from streams.settings import Settings
from streams.topic_faults import FaultKind, TopicFault

logger = logging.getLogger(__name__)

#: A change is reported within three intervals.
INTERVAL_SECONDS: Final = 10.0
#: After this many failed checks in a row, a minute of them, the log reports it once.
FAILURES_TO_REPORT: Final = 6

#: With any other value, a broker deletes events or keeps the producers' timestamps.
_WATCHED_SETTINGS: Final = (
    "cleanup.policy",
    "message.timestamp.type",
    "retention.ms",
    "retention.bytes",
)
#: Faults that end the worker if they persist: its restart checks them again.
_ENDING: Final = frozenset({FaultKind.TOPIC_MISSING, FaultKind.PARTITION_UNOWNED})


def faults_of_topics(
    names: Sequence[str],
    seen: Mapping[str, SeenTopic],
    *,
    known: Mapping[str, SeenTopic],
    partitions: int,
) -> list[TopicFault]:
    """Return how topics differ from those first seen and from their declaration."""
    found = []
    for name in names:
        now, before = seen.get(name), known.get(name)
        if now is None:
            problem = "is missing: it was deleted"
            found.append(TopicFault(name, None, FaultKind.TOPIC_MISSING, problem))
        elif before is not None and now.identity != before.identity:
            problem = "was deleted and created again"
            found.append(TopicFault(name, None, FaultKind.TOPIC_RECREATED, problem))
        elif now.partitions > partitions:
            problem = (
                f"has {now.partitions} partitions, not {partitions}: no worker processes those "
                "that were added"
            )
            found.append(TopicFault(name, None, FaultKind.PARTITIONS_ADDED, problem))
    return found


def faults_of_settings(settings: Mapping[str, Mapping[str, str]]) -> list[TopicFault]:
    """Return the event topics whose settings delete records or keep the producers' timestamps.

    `settings` has the settings in force, by topic; none for a topic that our user may not describe.
    """
    found = []
    for spec in declared_topics():
        actual = settings.get(spec.name)
        if not actual or spec.name not in FAMILIES:
            continue
        wrong = [
            f"{name}={actual.get(name, ABSENT)}, not {spec.config[name]}"
            for name in _WATCHED_SETTINGS
            if actual.get(name) != spec.config[name]
        ]
        if wrong:
            problem = f"has {'; '.join(wrong)}: run `smart-region topics apply --alter-settings`"
            found.append(TopicFault(spec.name, None, FaultKind.SETTINGS_CHANGED, problem))
    return found


def unowned(
    seen: Mapping[str, SeenTopic], group: GroupMembers, *, partitions: int
) -> list[TopicFault]:
    """Return the partitions of events that no member of a stable group is assigned."""
    if not group.is_stable:
        return []
    return [
        TopicFault(
            name, partition, FaultKind.PARTITION_UNOWNED, "belongs to no member of the stable group"
        )
        for family in Family
        if (name := topic_name(family)) in seen
        for partition in range(partitions)
        if (name, partition) not in group.assigned
    ]


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
        self._names = [topic_name(family) for family in Family]
        self._known: Mapping[str, SeenTopic] = {}
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
        """Publish the faults of topics; raise SmartRegionError if one persists.

        A partition without an owner is a fault only if seen twice in a row: members change.
        """
        now, partitions = self._clock(), self._settings.partitions
        found = faults_of_topics(self._names, seen, known=self._known, partitions=partitions)
        self._known = {**seen, **self._known}
        # These do not end the worker: a restart would find them again.
        recreated_before = frozenset(self._known_topics.faults) - frozenset(found)
        found += sorted(recreated_before)
        without_owner = frozenset(unowned(seen, group, partitions=partitions) if group else ())
        found += sorted(without_owner & self._unowned)
        self._unowned = without_owner
        self._topic_settings |= {name: one.settings for name, one in seen.items() if one.settings}
        found += faults_of_settings(self._topic_settings)
        self._since = {fault: self._since.get(fault, now) for fault in found}
        for fault, since in self._since.items():
            if since == now:
                logger.error("topic: %s", fault)
        self._membership.topic_faults = tuple(fault for fault in found if fault.withholds)
        meters = self._membership.engine.meters
        meters.topic_warnings = tuple(fault for fault in found if not fault.withholds)
        for fault, since in self._since.items():
            lasted = now - since
            is_new = fault.fault is FaultKind.TOPIC_RECREATED and fault not in recreated_before
            if is_new or (fault.fault in _ENDING and lasted > self._settings.stall_timeout):
                raise SmartRegionError(
                    f"topics: {fault}, for {lasted:.0f} s: this worker ends; the next start checks"
                    " the topics and what they hold, and names what is to be done (runbook"
                    " TopicFaulty)"
                )

    def _describe(self) -> tuple[Mapping[str, SeenTopic], GroupMembers | None]:
        settings = self._settings
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            seen = seen_topics(admin, self._names)
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
