"""Carries out the faults of a run as `FaultKind` describes them, and ends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.simulation.broker_faults import BrokerFaults
from tests.simulation.cluster import Cluster
from tests.simulation.faults import Fault, FaultKind, Undo
from tests.simulation.process_faults import Parties, ProcessFaults
from tests.simulation.request_faults import RequestFaults


class Injection:
    """Carries out the faults of a run."""

    def __init__(
        self,
        cluster: Cluster,
        parties: Parties,
        *,
        join: Callable[[float, bool], None],
        erase: Callable[[Fault], None],
        note: Callable[[str], None],
    ) -> None:
        self._loop = cluster.loop
        self._note = note
        self._undo: dict[int, Undo] = {}
        self._requests = RequestFaults(cluster)
        self._processes = ProcessFaults(cluster, parties, self._requests, join=join)
        self._brokers = BrokerFaults(cluster, note=note)
        self._do = {
            FaultKind.ERASURE: erase,
            **self._processes.kinds,
            **self._requests.kinds,
            **self._brokers.kinds,
        }

    @property
    def lost(self) -> Mapping[tuple[str, int], float]:
        """The partitions of events that have lost records that were read, and when they did."""
        return self._brokers.lost

    def schedule(self, faults: list[Fault]) -> None:
        """Let each fault happen at its time."""
        for number, fault in enumerate(faults):
            self._loop.call_at(fault.at, self._inject, number, fault)

    def heal(self) -> None:
        """End all faults that still last."""
        for number in sorted(self._undo):
            self._undo.pop(number)()
        self._requests.heal()
        self._processes.heal()
        self._brokers.heal()

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
