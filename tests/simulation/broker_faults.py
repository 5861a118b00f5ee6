"""Faults of the brokers: of the coordinator, of leaders and watermarks, and of stored records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Final

from events.fact import Family
from events.topics import DEAD_LETTERS, topic_name
from tests.simulation import codes
from tests.simulation.cluster import Cluster
from tests.simulation.faults import SMALL_LOGS, Fault, FaultKind, Kinds, Undo
from tests.simulation.partition_log import PartitionLog, damaged, without_first

#: Why a coordinator refuses a commit: it is loading, unavailable, not the coordinator, or slow.
_REFUSALS: Final = (
    codes.COORDINATOR_LOADING,
    codes.COORDINATOR_NOT_AVAILABLE,
    codes.NOT_COORDINATOR,
    codes.REQUEST_TIMED_OUT,
)
_EVENT_TOPICS: Final = frozenset(map(topic_name, Family))
_WRITE_ERRORS: Final = (
    codes.NOT_ENOUGH_REPLICAS,
    codes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    codes.KAFKA_STORAGE_ERROR,
    codes.TOPIC_AUTHORIZATION_FAILED,
    codes.UNKNOWN_SERVER_ERROR,
)
_READ_ERRORS: Final = (
    codes.KAFKA_STORAGE_ERROR,
    codes.TOPIC_AUTHORIZATION_FAILED,
    codes.UNKNOWN_SERVER_ERROR,
)
#: The kinds of topics whose writes or reads are refused: dead letters, events or others.
_TOPIC_KINDS: Final[Sequence[Callable[[str], bool]]] = (
    lambda name: name == DEAD_LETTERS,
    lambda name: name in _EVENT_TOPICS,
    lambda name: name not in (DEAD_LETTERS, *_EVENT_TOPICS),
)
#: Followers catch up within this time, in seconds: after a change of leader, and otherwise.
LONGEST_CATCH_UP: Final = 0.6
LONGEST_WATERMARK: Final = 2.0
#: A watermark that was behind stays right this long: a worker eventually believes a lower end.
HONEST_SECONDS: Final = 5.0


class _Loss(StrEnum):
    """What a log loses."""

    ALL = "the deletion of all records"
    """By a retention set on the topic; offsets continue."""
    FIRST = "the deletion of the first records"
    LAST = "the loss of the last records"
    """A replica that had not followed became the leader (an unclean election)."""
    REPLACED = "the loss of the last records, and others in their place"
    """At the same moment: no reader sees a shorter log."""
    TOPIC = "a new topic in the place"
    """Deleted and created again: offsets restart at 0."""


_LOSSES: Final = tuple(_Loss)
_FEW_RECORDS: Final = 6
#: The share of the logs that get a marker at the same time.
_MARKED_SHARE: Final = 0.3
#: The most damaged answers in a row, over all reads.
_MOST_DAMAGED: Final = 3


class BrokerFaults:
    """The faults of brokers, and those that are forced on them."""

    def __init__(self, cluster: Cluster, *, note: Callable[[str], None]) -> None:
        self._loop = cluster.loop
        self._cluster = cluster
        self._note = note
        self._commit_errors: deque[int] = deque()
        #: How many of the next answers have a gap.
        self._gaps = 0
        #: Where answers had a gap: topic, partition and offset. A worker that meets a gap twice
        #: believes it, since transactions also leave gaps.
        self._left_out: set[tuple[str, int, int]] = set()
        #: How many of the next answers are damaged in transit.
        self._damaged = 0
        #: By family and partition, in virtual seconds: when a watermark was last set back, and
        #: until when it must not be set back again.
        self._honest_until: dict[tuple[str, int], tuple[float, float]] = {}
        #: The partitions of events that have lost records that were read, and when they did.
        self.lost: dict[tuple[str, int], float] = {}
        self.kinds: Kinds = {
            FaultKind.COORDINATOR_MOVES: self._move_coordinator,
            FaultKind.COORDINATOR_LOADS: self._load_coordinator,
            FaultKind.COMMIT_REFUSED: self._refuse_commits,
            FaultKind.WRITE_REFUSED: self._refuse_writes,
            FaultKind.READ_REFUSED: self._refuse_reads,
            FaultKind.GROUP_REFUSED: self._refuse_group,
            FaultKind.SESSION_ENDS: self._end_session,
            FaultKind.NODE_STOPS: self._stop_node,
            FaultKind.LEADER_MOVES: self._move_leaders,
            FaultKind.WATERMARK_BEHIND: self._hold_watermarks,
            FaultKind.FETCH_GAP: self._leave_out,
            FaultKind.FETCH_DAMAGED: self._damage,
            FaultKind.REBALANCE: self._rebalance,
            FaultKind.MARKER: self._mark,
            FaultKind.LOG_LOST: self._lose_records,
        }
        cluster.commit_error = self._commit_error
        cluster.altered = self._altered

    def heal(self) -> None:
        """End what still lasts."""
        self._commit_errors.clear()
        self._gaps, self._damaged = 0, 0
        for node in self._cluster.nodes:
            if not node.is_up:
                node.start()

    def _commit_error(self) -> int:
        return self._commit_errors.popleft() if self._commit_errors else 0

    def _altered(self, log: PartitionLog, offset: int, data: bytes) -> bytes:
        # At the start of a log no reader can notice that something is missing.
        place = log.topic, log.number, offset
        is_event = log.topic in _EVENT_TOPICS and offset > log.start
        if self._gaps and is_event and place not in self._left_out:
            later = without_first(data)
            if later:
                self._gaps -= 1
                self._left_out.add(place)
                self._note(f"gap {log.topic}[{log.number}]@{offset}")
                data = later
        if self._damaged:
            self._damaged -= 1
            self._note(f"damage {log.topic}[{log.number}]@{offset}")
            data = damaged(data, self._cluster.chance)
        return data

    def _leave_out(self, _: Fault) -> None:
        self._gaps = 1

    def _damage(self, fault: Fault) -> None:
        self._damaged = 1 + fault.number % _MOST_DAMAGED

    def _refuse_commits(self, fault: Fault) -> None:
        error = _REFUSALS[fault.number % len(_REFUSALS)]
        self._commit_errors.extend([error] * (1 + fault.target % 3))

    def _refuse_writes(self, fault: Fault) -> Undo:
        return self._refuse(fault, self._cluster.write_errors, _WRITE_ERRORS)

    def _refuse_reads(self, fault: Fault) -> Undo:
        return self._refuse(fault, self._cluster.read_errors, _READ_ERRORS)

    def _refuse(self, fault: Fault, errors: dict[str, int], of: Sequence[int]) -> Undo:
        chance = Random(fault.number)
        is_meant, error = chance.choice(_TOPIC_KINDS), chance.choice(of)
        refused = {name: error for name in self._cluster.topics if is_meant(name)}
        errors.update(refused)

        def undo() -> None:
            for name in refused:
                errors.pop(name, None)

        return undo

    def _refuse_group(self, _: Fault) -> Undo:
        self._cluster.group_error = codes.GROUP_AUTHORIZATION_FAILED

        def undo() -> None:
            self._cluster.group_error = 0

        return undo

    def _move_coordinator(self, fault: Fault) -> Undo:
        up = [one.id for one in self._cluster.nodes if one.is_up]
        self._cluster.move_coordinator(up[fault.number % len(up)])
        return self._cluster.finish_loading

    def _load_coordinator(self, _: Fault) -> Undo:
        self._cluster.move_coordinator(self._cluster.coordinator)
        return self._cluster.finish_loading

    def _end_session(self, fault: Fault) -> None:
        for group in self._cluster.groups.values():
            group.end_session(fault.number)

    def _rebalance(self, _: Fault) -> None:
        for group in self._cluster.groups.values():
            group.rebalance()

    def _stop_node(self, fault: Fault) -> Undo | None:
        up = [one for one in self._cluster.nodes if one.is_up]
        if len(up) == 1:
            return None
        node = up[fault.number % len(up)]
        chance = Random(fault.number)
        node.stop()
        others = [one.id for one in up if one is not node]
        for log in self._cluster.logs():
            if log.leader == node.id:
                self._lead(log, chance.choice(others), chance)
        if self._cluster.coordinator == node.id:
            self._cluster.move_coordinator(chance.choice(others))
            self._loop.call_later(min(fault.lasts, 1.0), self._cluster.finish_loading)

        def undo() -> None:
            if not node.is_up:
                node.start()
            for log in self._cluster.logs():
                if chance.random() < 0.3:
                    self._lead(log, node.id, chance)

        return undo

    def _move_leaders(self, fault: Fault) -> None:
        chance = Random(fault.number)
        up = [one.id for one in self._cluster.nodes if one.is_up]
        names = list(self._cluster.topics)
        for log in self._cluster.topics[names[fault.number % len(names)]]:
            self._lead(log, chance.choice(up), chance)

    def _lead(self, log: PartitionLog, node: int, chance: Random) -> None:
        """Let a node lead a partition; its followers report their offsets later."""
        if log.lead(node, behind=chance.choice((0, 0, 1, 50))):
            self._loop.call_later(chance.uniform(0.02, LONGEST_CATCH_UP), log.catch_up)

    def _hold_watermarks(self, fault: Fault) -> Undo:
        chance = Random(fault.number)
        lasts, now = min(fault.lasts, LONGEST_WATERMARK), self._loop.time()
        held = []
        for log in [one for one in self._cluster.logs() if chance.random() < 0.5]:
            about = next((family for family in Family if family in log.topic), log.topic)
            begin, until = self._honest_until.get((about, log.number), (0.0, 0.0))
            # A worker counts its checks of all partitions together.
            if begin != now and until > now:
                continue
            self._honest_until[about, log.number] = now, now + lasts + HONEST_SECONDS
            held.append(log)
            log.held_back_at = max(log.start, log.end - chance.choice((0, 0, 1, 50)))

        def undo() -> None:
            for log in held:
                log.catch_up()

        self._loop.call_later(lasts, undo)
        return undo

    def _mark(self, fault: Fault) -> None:
        chance = Random(fault.number)
        for name in sorted(_EVENT_TOPICS):
            for log in self._cluster.topics[name]:
                if chance.random() < _MARKED_SHARE:
                    log.mark(now_ms=self._cluster.now_ms())

    def _lose_records(self, fault: Fault) -> None:
        chance = Random(fault.number)
        logs = [log for name in sorted(_EVENT_TOPICS) for log in self._cluster.topics[name]]
        there = sorted((log for log in logs if log.batches), key=lambda log: log.start - log.end)
        if not there:
            return
        # A short log soon reaches its former length.
        if fault.target in SMALL_LOGS:
            there = [log for log in there if log.end - log.start <= _FEW_RECORDS] or there[-1:]
        else:
            there = there[: len(logs) // 2]
        log, lose = chance.choice(there), chance.choice(_LOSSES)
        self._note(f"{lose} of {log.topic}[{log.number}]@{log.start}..{log.end}")
        if lose is _Loss.ALL:
            self._note_loss(log, log.start)
            log.lose_first(log.end)
        elif lose is _Loss.FIRST:
            self._note_loss(log, log.start)
            log.lose_first(chance.choice(log.batches).last + 1)
        elif lose in (_Loss.LAST, _Loss.REPLACED):
            first, end = chance.choice(log.batches).first, log.end
            self._note_loss(log, first)
            log.lose_last(first)
            again = next(one for one in log.lost if one.first == first)
            while lose is _Loss.REPLACED and log.end < end:
                log.copy(again, now_ms=self._cluster.now_ms())
            up = [one.id for one in self._cluster.nodes if one.is_up]
            self._lead(log, chance.choice(up), chance)
        else:
            for one in self._cluster.topics[log.topic]:
                self._note_loss(one, one.start)
            self._cluster.create_again(log.topic)

    def _note_loss(self, log: PartitionLog, first: int) -> None:
        """Note that a log loses the record at an offset, if workers have read it."""
        place = log.topic, log.number
        read = [group.offsets.get(place, (0, ""))[0] for group in self._cluster.groups.values()]
        if max(read, default=0) > first:
            self.lost[place] = self._loop.time()
