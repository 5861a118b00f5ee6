"""The rebuild from end to end: its plan, and its execution.

Offsets are reset first. States are sets, so that reading an event again changes nothing:
interrupted anywhere, the command is run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NoError,
)
from kafka.structs import OffsetAndMetadata

from boundary.errors import SmartRegionError
from boundary.terminal import one_line
from broker.clients import administering
from broker.group_members import group_members
from broker.offsets import committed_offsets, partition_offsets
from broker.topic_admin import alter_settings, apply_topics, check_partitions, seen_topics
from events.fact import Family
from events.topics import changelog_name, changelog_topics, topic_name
from streams.settings import Settings

APPLIED_SECONDS: Final = 20.0
APPLIED_PAUSE_SECONDS: Final = 0.1
COORDINATOR_SECONDS: Final = 15.0
"""How long a broker is waited for that has no coordinator yet: a new one makes it when asked."""
NOTHING_DONE: Final = "nothing was done"
OFFSETS_RESET: Final = "the offsets were reset: run it again to end it"


class RebuildError(SmartRegionError):
    """The rebuild was not made, or not ended; the command may be run again as it was."""


class WorkersRunningError(RebuildError):
    """A member of the consumer group would write states meanwhile, and commit offsets."""

    def __init__(self, group: str, members: int) -> None:
        super().__init__(
            f"{group}: the consumer group has {members} members: stop every worker, wait until "
            "SMART_REGION_SESSION_TIMEOUT is over, and run the command again; nothing was done"
        )


class WorkersStartedError(RebuildError):
    """A worker joined the group while its states were taken away."""

    def __init__(self, group: str, members: int) -> None:
        super().__init__(
            f"{group}: the consumer group has {members} members: a worker was started while the "
            "changelogs were emptied, and may have read states that are gone: stop every worker, "
            f"also what starts one again by itself; {OFFSETS_RESET}"
        )


class NoCoordinatorError(RebuildError):
    """No broker keeps the offsets of the consumer group yet."""

    def __init__(self, group: str, *, waited_seconds: float) -> None:
        super().__init__(
            f"{group}: no broker is the group's coordinator after {waited_seconds:g} s: see in the"
            " brokers' logs that __consumer_offsets has a leader, and run the command again; a"
            " broker that is new and empty needs no rebuild"
        )


class EventsMissingError(RebuildError):
    """The raw topics do not hold all that was once read of them."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"events: {'; '.join(missing)}: states made anew would lack what is gone (an erasure "
            "copies what stays, retention does not): restore the topics, or add --accept-missing; "
            "nothing was done"
        )


class UnknownApplicationError(RebuildError):
    """Nothing is known of an application: most likely it is not that of the workers."""

    def __init__(self, app_id: str) -> None:
        super().__init__(
            f"app_id: {app_id!r} has neither changelogs nor committed offsets: set"
            " SMART_REGION_APP_ID to that of the workers; where it is theirs, nothing is to be"
            " reset: create its topics (`smart-region topics apply`) and start them; nothing was"
            " done"
        )


class NoSuchPartitionError(RebuildError):
    """A partition that the topics do not have."""

    def __init__(self, partition: int, *, partitions: int) -> None:
        super().__init__(
            f"partition: is not one of the topics', value {partition}: name one of 0 to "
            f"{partitions - 1}, or set SMART_REGION_PARTITIONS to what the topics have"
        )


class RightLackingError(RebuildError):
    """The broker does not allow this user a step of the rebuild."""

    def __init__(self, right: str, subject: str, *, done: str) -> None:
        super().__init__(
            f"broker: this user lacks the right {right} on {subject}: give it that right, or run "
            f"the command as a super user; {done}"
        )


class ChangelogsLeftError(RebuildError):
    """The offsets were reset, and the changelogs could not be emptied."""

    def __init__(self, app_id: str, *, cause: str) -> None:
        super().__init__(
            f"changelogs: those of {app_id} were not all emptied ({one_line(cause)}): put that"
            f" right before any worker starts; {OFFSETS_RESET}"
        )


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """What is to be reset of one family's partition."""

    family: Family
    partition: int
    events_start: int
    events_end: int
    committed: int
    """The next offset that the workers would have read; 0 where nothing is committed."""
    states_end: int | None
    """Where the changelog ends, before which all is deleted; None where there is no changelog."""

    @property
    def events(self) -> int:
        """How many offsets of events are read again."""
        return self.events_end - self.events_start

    @property
    def missing(self) -> str | None:
        """What the raw topic no longer has; None where it has all."""
        where = f"{topic_name(self.family)}[{self.partition}]"
        if self.committed > self.events_end:
            return f"{where} ends at {self.events_end} and was read up to {self.committed}"
        if self.events_start:
            return f"{where} begins at {self.events_start}, not 0"
        return None


def plan_rebuild(
    settings: Settings, families: Iterable[Family] = (), partitions: Iterable[int] = ()
) -> list[PartitionPlan]:
    """Return the plan of a rebuild, and change nothing; none chosen means all.

    Raises WorkersRunningError, RightLackingError, NoCoordinatorError, NoSuchPartitionError,
    UnknownApplicationError, TopicMismatchError, and as `administering`.
    """
    chosen = sorted(set(partitions)) or range(settings.partitions)
    for partition in chosen:
        if partition not in range(settings.partitions):
            raise NoSuchPartitionError(partition, partitions=settings.partitions)
    wanted = [family for family in Family if family in set(families) or not set(families)]
    pairs = [(family, partition) for family in wanted for partition in chosen]
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        _assert_stopped(admin, settings.app_id)
        logs = {family: changelog_name(settings.app_id, family) for family in wanted}
        there = seen_topics(admin, logs.values())
        # Others would be left as they are.
        check_partitions(
            {name: seen.partitions for name, seen in there.items()}, settings.partitions
        )
        events = [TopicPartition(topic_name(family), number) for family, number in pairs]
        states = [
            TopicPartition(logs[family], number)
            for family, number in pairs
            if logs[family] in there
        ]
        with _needing("Describe", "the event topics and changelogs", done=NOTHING_DONE):
            starts = partition_offsets(admin, events, OffsetSpec.EARLIEST)
            ends = partition_offsets(admin, [*events, *states], OffsetSpec.LATEST)
        with _needing("Describe", f"the group {settings.app_id}", done=NOTHING_DONE):
            committed = committed_offsets(admin, settings.app_id)
    if not there and not committed:
        raise UnknownApplicationError(settings.app_id)
    return [
        PartitionPlan(
            family,
            number,
            events_start=starts[event],
            events_end=ends[event],
            committed=committed[event].offset if event in committed else 0,
            states_end=ends.get(TopicPartition(logs[family], number)),
        )
        for (family, number), event in zip(pairs, events, strict=True)
    ]


def rebuild(
    settings: Settings, plan: Sequence[PartitionPlan], *, accept_missing: bool = False
) -> None:
    """Reset the offsets of the plan's partitions, and empty their changelogs.

    A changelog that is not there is created. Raises EventsMissingError unless that is accepted;
    ChangelogsLeftError, WorkersStartedError; else as `plan_rebuild`, `apply_topics` and
    `administering`.
    """
    missing = [one.missing for one in plan if one.missing]
    if missing and not accept_missing:
        raise EventsMissingError(missing)
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        _assert_stopped(admin, settings.app_id)
        _reset_offsets(admin, settings.app_id, plan)
        _empty_changelogs(admin, settings.app_id, plan)
        # What such a worker has in memory it would not write again.
        if members := _members(admin, settings.app_id):
            raise WorkersStartedError(settings.app_id, members)
    absent = {one.family for one in plan if one.states_end is None}
    specs = [
        spec
        for spec in changelog_topics(
            partitions=settings.partitions, replication=settings.replication, app_id=settings.app_id
        )
        if spec.name in {changelog_name(settings.app_id, family) for family in absent}
    ]
    if specs:
        apply_topics(settings.broker, specs, security=settings.security())


def _assert_stopped(admin: Any, group: str) -> None:  # noqa: ANN401 - untyped client
    with _needing("Describe", f"the group {group}", done=NOTHING_DONE):
        members = _members(admin, group)
    if members:
        raise WorkersRunningError(group, members)


def _members(admin: Any, group: str) -> int:  # noqa: ANN401
    """Return how many members a group has, once it has a coordinator."""
    give_up_at = monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            return group_members(admin, group).members
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError) as error:
            if monotonic() > give_up_at:
                raise NoCoordinatorError(group, waited_seconds=COORDINATOR_SECONDS) from error
            sleep(APPLIED_PAUSE_SECONDS)


def _reset_offsets(admin: Any, group: str, plan: Sequence[PartitionPlan]) -> None:  # noqa: ANN401
    partitions = [
        TopicPartition(topic_name(one.family), one.partition) for one in plan if one.committed
    ]
    if not partitions:
        return
    needing = _needing("Read", f"the group {group} and the event topics", done=NOTHING_DONE)
    beginning = OffsetAndMetadata(0, "", None)
    with needing:
        answers = admin.alter_group_offsets(group, dict.fromkeys(partitions, beginning))
        for error in answers.values():
            if error is not NoError:
                raise error


def _empty_changelogs(admin: Any, app_id: str, plan: Sequence[PartitionPlan]) -> None:  # noqa: ANN401
    until = {
        TopicPartition(changelog_name(app_id, one.family), one.partition): one.states_end
        for one in plan
        if one.states_end
    }
    if not until:
        return
    with (
        _unfinished(app_id),
        _needing("Delete and AlterConfigs", f"the changelogs of {app_id}", done=OFFSETS_RESET),
        _deleting_allowed(admin, {partition.topic for partition in until}),
    ):
        give_up_at = monotonic() + APPLIED_SECONDS
        while True:
            try:
                admin.delete_records(until)
            except BrokerResponseError as error:
                # The controller has the policy; the broker applies it a little later.
                if "PolicyViolation" not in str(error) or monotonic() > give_up_at:
                    raise
                sleep(APPLIED_PAUSE_SECONDS)
            else:
                return


@contextmanager
def _deleting_allowed(admin: Any, topics: Iterable[str]) -> Iterator[None]:  # noqa: ANN401
    """Let records be deleted of compacted topics: a broker refuses it while they are that alone.

    By age nothing is deleted meanwhile, since a changelog keeps its records for ever.
    """
    names = sorted(topics)
    try:
        alter_settings(admin, names, {"cleanup.policy": "compact,delete"})
        yield
    finally:
        alter_settings(admin, names, {"cleanup.policy": "compact"})


@contextmanager
def _unfinished(app_id: str) -> Iterator[None]:
    try:
        yield
    except RebuildError:
        raise
    except (KafkaError, SmartRegionError) as error:
        # Of a leader that moves, or a broker that ends: it would read as if nothing had been done.
        raise ChangelogsLeftError(app_id, cause=str(error) or type(error).__name__) from error


@contextmanager
def _needing(right: str, subject: str, *, done: str) -> Iterator[None]:
    try:
        yield
    except AuthorizationError as error:
        raise RightLackingError(right, subject, done=done) from error
