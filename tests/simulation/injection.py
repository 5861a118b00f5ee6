"""Faults into a running world: each kind does what its description says, and undoes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest

from events.fact import Family
from events.topics import DEAD_LETTERS, topic_name
from tests.simulation import codes
from tests.simulation.cluster import AS_USUAL, Fate
from tests.simulation.faults import GATEWAY_TARGETS, SMALL_CHANGELOGS, Fault, FaultKind

if TYPE_CHECKING:
    from tests.simulation.cluster import Cluster
    from tests.simulation.loop import Process
    from tests.simulation.partition_log import PartitionLog
    from tests.simulation.simulated_gateway import SimulatedGateway
    from tests.simulation.simulated_worker import SimulatedWorker
    from tests.simulation.supervised import Supervised

__all__ = ["Injection", "Parties"]

#: The requests that may be lost, the more important ones more often.
_LOSABLE: Final = (
    ProduceRequest,
    OffsetCommitRequest,
    JoinGroupRequest,
    SyncGroupRequest,
    HeartbeatRequest,
    OffsetFetchRequest,
    OffsetRequest,
    FetchRequest,
    MetadataRequest,
    ProduceRequest,
    OffsetCommitRequest,
)
#: The requests that may be late.
_LATE: Final = (ProduceRequest, ProduceRequest, OffsetCommitRequest, JoinGroupRequest)
_LOST_REQUEST: Final = Fate(arrives=False)
_LOST_ANSWER: Final = Fate(is_answered=False)
#: Longer than a session and a rebalance: another worker has written meanwhile.
LONG_PAUSE_SECONDS: Final = 4.0
#: Answers of a coordinator that refuses a commit: it loads, is away, is another, is slow.
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
#: Of which topics writes or reads are refused: dead letters, events or changelogs.
_TOPIC_KINDS: Final[Sequence[Callable[[str], bool]]] = (
    lambda name: name == DEAD_LETTERS,
    lambda name: name in _EVENT_TOPICS,
    lambda name: name not in (DEAD_LETTERS, *_EVENT_TOPICS),
)
#: Followers catch up within this time, in seconds: after a change of leaders, and at all.
LONGEST_CATCH_UP: Final = 0.6
LONGEST_WATERMARK: Final = 2.0
#: A watermark that was behind is right for so long: a worker believes a lower end in the end.
HONEST_SECONDS: Final = 5.0
#: In seconds. The longest is longer than a rebalance with its recovery.
_DELAYS: Final = (0.02, 0.2, 1.0, 6.0)


class _Loss(StrEnum):
    """What a changelog loses."""

    ALL = "the deletion of all records"
    """By a retention that was set on it; offsets go on."""
    FIRST = "the deletion of the first records"
    LAST = "the loss of the last records"
    """A replica that had not followed became the leader (an unclean election)."""
    TOPIC = "a new topic in the place"
    """Deleted and created again: offsets begin again."""


_LOSSES: Final = tuple(_Loss)
_FEW_RECORDS: Final = 6
#: Smaller than the changelogs' own, as all times of the simulation are.
COMPACTION_LAG_MS: Final = 15_000


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom faults meet, and who speaks to them."""

    workers: Sequence[SimulatedWorker]
    gateway: SimulatedGateway
    reader: Process
    """Of the workers' histories."""
    producers: Process
    """That send to the gateway."""


class Injection:
    """Carries out the faults of a run."""

    def __init__(
        self,
        cluster: Cluster,
        parties: Parties,
        *,
        join: Callable[[float, bool], None],
        note: Callable[[str], None],
    ) -> None:
        self._loop = cluster.loop
        self._network = cluster.network
        self._cluster = cluster
        self._workers = parties.workers
        self._gateway = parties.gateway
        nodes = [node.process for node in cluster.nodes]
        self._peers_of_workers = [*nodes, parties.reader]
        self._peers_of_gateway = [*nodes, parties.producers]
        self._join = join
        self._note = note
        #: By API key: what becomes of the next requests.
        self._fates: dict[int, deque[Fate]] = {}
        self._commit_errors: deque[int] = deque()
        self._undo: dict[int, Callable[[], None]] = {}
        #: Until when the watermark of a partition is behind no more, in virtual seconds.
        self._honest_until: dict[tuple[str, int], float] = {}
        #: The partitions of changelogs that have lost records.
        self.lost: set[tuple[str, int]] = set()
        #: By process: which of its requests is the next that something happens at, and what.
        self._at_request: dict[Process, tuple[int, Fate, Callable[[], None]]] = {}
        cluster.fate_of = self._fate_of
        cluster.commit_error = self._commit_error
        self._do: Mapping[FaultKind, Callable[[Fault], Callable[[], None] | None]] = {
            FaultKind.KILL: self._kill,
            FaultKind.KILL_AT_WRITE: self._kill_at_write,
            FaultKind.PAUSE: self._pause,
            FaultKind.PAUSE_AT_WRITE: self._pause_at_write,
            FaultKind.PAUSE_AT_ASSIGNMENT: self._pause_at_assignment,
            FaultKind.LEAVE: self._leave,
            FaultKind.JOIN: self._come,
            FaultKind.DELAY: self._delay,
            FaultKind.SILENCE: self._silence,
            FaultKind.CUT: self._cut,
            FaultKind.REQUEST_LOST: self._lose_requests,
            FaultKind.ANSWER_LOST: self._lose_answers,
            FaultKind.REQUEST_LATE: self._delay_requests,
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
            FaultKind.COMPACTION: self._compact,
            FaultKind.LOG_START: self._move_log_start,
            FaultKind.CLOCK_STEP: self._step_clock,
            FaultKind.REBALANCE: self._rebalance,
            FaultKind.CHANGELOG_LOST: self._lose_changelog,
        }

    def schedule(self, faults: list[Fault]) -> None:
        """Let each fault happen at its time."""
        for number, fault in enumerate(faults):
            self._loop.call_at(fault.at, self._inject, number, fault)

    def heal(self) -> None:
        """End all that still lasts."""
        for number in sorted(self._undo):
            self._undo.pop(number)()
        self._fates.clear()
        self._commit_errors.clear()
        self._at_request.clear()
        self._network.added_delay.clear()
        for node in self._cluster.nodes:
            if not node.is_up:
                node.start()

    def _inject(self, number: int, fault: Fault) -> None:
        self._note(f"fault {fault}")
        undo = self._do[fault.kind](fault)
        if undo is not None:
            self._undo[number] = undo
            self._loop.call_later(fault.lasts, self._end, number, fault)

    def _end(self, number: int, fault: Fault) -> None:
        undo = self._undo.pop(number, None)
        if undo is not None:
            self._note(f"fault ends {fault.kind} target={fault.target}")
            undo()

    # -- workers, and the gateway

    def _victim(self, fault: Fault) -> Supervised:
        if fault.target in GATEWAY_TARGETS:
            return self._gateway
        return self._workers[fault.target % len(self._workers)]

    def _at_step(self, fault: Fault, callback: Callable[[], None]) -> None:
        process = self._victim(fault).process
        if process is not None:
            process.break_at = process.steps + fault.steps
            process.at_break = callback

    def _kill(self, fault: Fault) -> None:
        self._at_step(fault, self._victim(fault).kill)

    def _kill_at_write(self, fault: Fault) -> None:
        process = self._victim(fault).process
        if process is not None:
            fate = (_LOST_REQUEST, _LOST_ANSWER, _late(fault))[fault.number // 2 % 3]
            self._at_request[process] = (self._write_of(fault), fate, process.owner.kill)

    def _pause_at_write(self, fault: Fault) -> None:
        process = self._victim(fault).process
        if process is not None:
            seconds = _long_pause(fault)
            self._at_request[process] = (
                self._write_of(fault),
                Fate(late_seconds=seconds),
                partial(self._pause_for, process, seconds),
            )

    def _pause_at_assignment(self, fault: Fault) -> None:
        process = self._victim(fault).process
        if process is not None:

            def is_asked_for() -> None:
                # Some steps later it has the answer, and some more later it has taken it.
                self._at_step(fault, partial(self._pause_for, process, _long_pause(fault)))

            self._at_request[process] = (SyncGroupRequest.API_KEY, AS_USUAL, is_asked_for)

    def _pause_for(self, process: Process, seconds: float) -> None:
        self._loop.pause(process)
        self._loop.call_later(seconds, self._go_on, process)

    def _write_of(self, fault: Fault) -> int:
        kinds = (ProduceRequest, OffsetCommitRequest)
        # The gateway commits no offsets.
        kind = ProduceRequest if fault.target in GATEWAY_TARGETS else kinds[fault.number % 2]
        key: int = kind.API_KEY
        return key

    def _pause(self, fault: Fault) -> Callable[[], None] | None:
        process = self._victim(fault).process
        if process is None:
            return None
        self._at_step(fault, lambda: self._loop.pause(process))
        return lambda: self._go_on(process)

    def _go_on(self, process: Process) -> None:
        process.break_at = -1
        self._loop.resume(process)

    def _leave(self, fault: Fault) -> None:
        self._at_step(fault, self._victim(fault).terminate)

    def _come(self, fault: Fault) -> None:
        self._join(fault.lasts * 3, bool(fault.number % 2))

    def _step_clock(self, fault: Fault) -> None:
        victim = self._victim(fault)
        victim.clock_offset = (fault.number % 240) - 120.0
        if victim.process is not None:
            victim.process.clock_offset = victim.clock_offset

    # -- network

    def _other(self, fault: Fault) -> Process:
        """Return with whom the victim cannot speak as usual."""
        of_gateway = fault.target in GATEWAY_TARGETS
        others = self._peers_of_gateway if of_gateway else self._peers_of_workers
        return others[fault.number % len(others)]

    def _slow(self, fault: Fault, seconds: float) -> Callable[[], None]:
        name, other = self._victim(fault).name, self._other(fault).name
        delays = self._network.added_delay
        pairs = ((name, other), (other, name))
        one_way = fault.number // 16 % 3
        chosen = pairs if one_way == 2 else pairs[one_way : one_way + 1]
        for pair in chosen:
            delays[pair] = seconds

        def undo() -> None:
            for pair in chosen:
                delays.pop(pair, None)

        return undo

    def _delay(self, fault: Fault) -> Callable[[], None]:
        return self._slow(fault, _DELAYS[fault.number // 64 % len(_DELAYS)])

    def _silence(self, fault: Fault) -> Callable[[], None]:
        return self._slow(fault, float("inf"))

    def _cut(self, fault: Fault) -> None:
        process = self._victim(fault).process
        other = self._other(fault)
        if process is not None:
            for end in self._network.connections(process):
                if end.peer.process is other:
                    self._network.cut(end)

    # -- requests

    def _fate_of(self, key: int, process: Process) -> Fate:
        planned = self._at_request.get(process)
        if planned is not None and planned[0] == key and process.owner is not None:
            _, fate, happens = self._at_request.pop(process)
            # The request has left: the process does not hear of it.
            self._loop.call_soon(happens)
            return fate
        fates = self._fates.get(key)
        if fates and process.owner is not None:
            return fates.popleft()
        return AS_USUAL

    def _commit_error(self) -> int:
        return self._commit_errors.popleft() if self._commit_errors else 0

    def _lose(self, fault: Fault, fate: Fate, kinds: Sequence[Any] = _LOSABLE) -> None:
        kind = kinds[fault.number % len(kinds)]
        self._fates.setdefault(kind.API_KEY, deque()).extend([fate] * (1 + fault.target % 3))

    def _lose_requests(self, fault: Fault) -> None:
        self._lose(fault, _LOST_REQUEST)

    def _lose_answers(self, fault: Fault) -> None:
        self._lose(fault, _LOST_ANSWER)

    def _delay_requests(self, fault: Fault) -> None:
        self._lose(fault, _late(fault), _LATE)

    def _refuse_commits(self, fault: Fault) -> None:
        error = _REFUSALS[fault.number % len(_REFUSALS)]
        self._commit_errors.extend([error] * (1 + fault.target % 3))

    def _refuse_writes(self, fault: Fault) -> Callable[[], None]:
        return self._refuse(fault, self._cluster.write_errors, _WRITE_ERRORS)

    def _refuse_reads(self, fault: Fault) -> Callable[[], None]:
        return self._refuse(fault, self._cluster.read_errors, _READ_ERRORS)

    def _refuse(
        self, fault: Fault, errors: dict[str, int], of: Sequence[int]
    ) -> Callable[[], None]:
        chance = Random(fault.number)
        is_meant, error = chance.choice(_TOPIC_KINDS), chance.choice(of)
        refused = {name: error for name in self._cluster.topics if is_meant(name)}
        errors.update(refused)

        def undo() -> None:
            for name in refused:
                errors.pop(name, None)

        return undo

    def _refuse_group(self, _: Fault) -> Callable[[], None]:
        self._cluster.group_error = codes.GROUP_AUTHORIZATION_FAILED

        def undo() -> None:
            self._cluster.group_error = 0

        return undo

    # -- brokers

    def _move_coordinator(self, fault: Fault) -> Callable[[], None]:
        up = [one.id for one in self._cluster.nodes if one.is_up]
        self._cluster.move_coordinator(up[fault.number % len(up)])
        return self._cluster.finish_loading

    def _load_coordinator(self, _: Fault) -> Callable[[], None]:
        self._cluster.move_coordinator(self._cluster.coordinator)
        return self._cluster.finish_loading

    def _end_session(self, fault: Fault) -> None:
        for group in self._cluster.groups.values():
            group.end_session(fault.number)

    def _rebalance(self, _: Fault) -> None:
        for group in self._cluster.groups.values():
            group.rebalance()

    def _stop_node(self, fault: Fault) -> Callable[[], None] | None:
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
        """Let a node lead a partition; its followers tell it later how far they are."""
        if log.lead(node, behind=chance.choice((0, 0, 1, 50))):
            self._loop.call_later(chance.uniform(0.02, LONGEST_CATCH_UP), log.catch_up)

    def _hold_watermarks(self, fault: Fault) -> Callable[[], None]:
        chance = Random(fault.number)
        lasts, now = min(fault.lasts, LONGEST_WATERMARK), self._loop.time()
        held = [
            log
            for log in [one for one in self._cluster.logs() if chance.random() < 0.5]
            if self._honest_until.get((log.topic, log.number), 0.0) <= now
        ]
        for log in held:
            self._honest_until[log.topic, log.number] = now + lasts + HONEST_SECONDS
            log.held_back_at = max(log.start, log.end - chance.choice((0, 0, 1, 50)))

        def undo() -> None:
            for log in held:
                log.catch_up()

        self._loop.call_later(lasts, undo)
        return undo

    def _compact(self, _: Fault) -> None:
        for name in self._cluster.compacted:
            for log in self._cluster.topics[name]:
                log.compact(before_ms=self._cluster.now_ms() - COMPACTION_LAG_MS)

    def _move_log_start(self, _: Fault) -> None:
        for group in self._cluster.groups.values():
            for (topic, number), (offset, _metadata) in group.offsets.items():
                self._cluster.topics[topic][number].delete_before(offset)

    def _lose_changelog(self, fault: Fault) -> None:
        chance = Random(fault.number)
        logs = [log for name in self._cluster.compacted for log in self._cluster.topics[name]]
        there = sorted((log for log in logs if log.batches), key=lambda log: log.start - log.end)
        if not there:
            return
        # What had few records is soon as long again.
        if fault.target in SMALL_CHANGELOGS:
            there = [log for log in there if log.end - log.start <= _FEW_RECORDS] or there[-1:]
        else:
            there = there[: len(logs) // 2]
        log, lose = chance.choice(there), chance.choice(_LOSSES)
        self._note(f"{lose} of {log.topic}[{log.number}]@{log.start}..{log.end}")
        self.lost.add((log.topic, log.number))
        if lose is _Loss.ALL:
            log.lose_first(log.end)
        elif lose is _Loss.FIRST:
            log.lose_first(chance.choice(log.batches).last + 1)
        elif lose is _Loss.LAST:
            log.lose_last(chance.choice(log.batches).first)
            up = [one.id for one in self._cluster.nodes if one.is_up]
            self._lead(log, chance.choice(up), chance)
        else:
            self.lost.update((log.topic, one.number) for one in self._cluster.topics[log.topic])
            self._cluster.create_again(log.topic)


def _long_pause(fault: Fault) -> float:
    return LONG_PAUSE_SECONDS + fault.lasts / 2


def _late(fault: Fault) -> Fate:
    return Fate(late_seconds=fault.late_seconds)
