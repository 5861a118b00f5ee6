"""Faults of workers and of the gateway, and of their connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import SyncGroupRequest
from aiokafka.protocol.produce import ProduceRequest

from tests.simulation.cluster import AS_USUAL, Cluster, Fate
from tests.simulation.faults import GATEWAY_TARGETS, Fault, FaultKind, Kinds, Undo
from tests.simulation.loop import Process
from tests.simulation.programs import SimulatedGateway, SimulatedWorker, Supervised
from tests.simulation.request_faults import LOST_ANSWER, LOST_REQUEST, RequestFaults, late

#: Longer than a session and a rebalance: another worker has written meanwhile.
LONG_PAUSE_SECONDS: Final = 4.0
#: In seconds. The longest exceeds a rebalance with its recovery.
_DELAYS: Final = (0.02, 0.2, 1.0, 6.0)


@dataclass(frozen=True, slots=True)
class Parties:
    """The processes that faults affect, and those that connect to them."""

    workers: Sequence[SimulatedWorker]
    gateway: SimulatedGateway
    reader: Process
    """The reader of the workers' histories."""
    producers: Process
    """The producers that send to the gateway."""


class ProcessFaults:
    """Faults whose target is a worker or the gateway."""

    def __init__(
        self,
        cluster: Cluster,
        parties: Parties,
        requests: RequestFaults,
        *,
        join: Callable[[float, bool], None],
    ) -> None:
        self._loop = cluster.loop
        self._network = cluster.network
        self._workers = parties.workers
        self._gateway = parties.gateway
        nodes = [node.process for node in cluster.nodes]
        self._peers_of_workers = [*nodes, parties.reader]
        self._peers_of_gateway = [*nodes, parties.producers]
        self._requests = requests
        self._join = join
        self.kinds: Kinds = {
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
            FaultKind.CLOCK_STEP: self._step_clock,
        }

    def heal(self) -> None:
        """End faults that still last."""
        self._network.added_delay.clear()

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
            fate = (LOST_REQUEST, LOST_ANSWER, late(fault))[fault.number // 2 % 3]
            self._requests.plan(process, _write_of(fault), fate, process.owner.kill)

    def _pause_at_write(self, fault: Fault) -> None:
        process = self._victim(fault).process
        if process is not None:
            seconds = _long_pause(fault)
            pause = partial(self._pause_for, process, seconds)
            fate = Fate(late_seconds=seconds)
            self._requests.plan(process, _write_of(fault), fate, pause)

    def _pause_at_assignment(self, fault: Fault) -> None:
        process = self._victim(fault).process
        if process is not None:

            def is_asked_for() -> None:
                # A few steps later it has the answer, and after a few more it has processed it.
                self._at_step(fault, partial(self._pause_for, process, _long_pause(fault)))

            self._requests.plan(process, SyncGroupRequest, AS_USUAL, is_asked_for)

    def _pause_for(self, process: Process, seconds: float) -> None:
        self._loop.pause(process)
        self._loop.call_later(seconds, self._go_on, process)

    def _pause(self, fault: Fault) -> Undo | None:
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

    def _other(self, fault: Fault) -> Process:
        """Return the process whose connection with the victim is disturbed."""
        of_gateway = fault.target in GATEWAY_TARGETS
        others = self._peers_of_gateway if of_gateway else self._peers_of_workers
        return others[fault.number % len(others)]

    def _slow(self, fault: Fault, seconds: float) -> Undo:
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

    def _delay(self, fault: Fault) -> Undo:
        return self._slow(fault, _DELAYS[fault.number // 64 % len(_DELAYS)])

    def _silence(self, fault: Fault) -> Undo:
        return self._slow(fault, float("inf"))

    def _cut(self, fault: Fault) -> None:
        process = self._victim(fault).process
        other = self._other(fault)
        if process is not None:
            for end in self._network.connections(process):
                if end.peer.process is other:
                    self._network.cut(end)


def _long_pause(fault: Fault) -> float:
    return LONG_PAUSE_SECONDS + fault.lasts / 2


def _write_of(fault: Fault) -> Any:
    kinds = (ProduceRequest, OffsetCommitRequest)
    # The gateway commits no offsets.
    return ProduceRequest if fault.target in GATEWAY_TARGETS else kinds[fault.number % 2]
