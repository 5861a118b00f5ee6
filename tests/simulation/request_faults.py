"""Faults of requests: lost or late ones, and faults of a process just as it sends one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest

from tests.simulation.cluster import AS_USUAL, Cluster, Fate
from tests.simulation.faults import Fault, FaultKind, Kinds
from tests.simulation.loop import Process

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
LOST_REQUEST: Final = Fate(arrives=False)
LOST_ANSWER: Final = Fate(is_answered=False)


class RequestFaults:
    """The fates of requests, in the order in which they reach the brokers."""

    def __init__(self, cluster: Cluster) -> None:
        self._loop = cluster.loop
        #: By API key: the fates of the next requests.
        self._fates: dict[int, deque[Fate]] = {}
        #: By process: the kind of its next request with a fault, its fate, and what then happens.
        self._planned: dict[Process, tuple[int, Fate, Callable[[], None]]] = {}
        self.kinds: Kinds = {
            FaultKind.REQUEST_LOST: self._lose_requests,
            FaultKind.ANSWER_LOST: self._lose_answers,
            FaultKind.REQUEST_LATE: self._delay_requests,
        }
        cluster.fate_of = self._fate_of

    def heal(self) -> None:
        """Let every request pass as usual."""
        self._fates.clear()
        self._planned.clear()

    def plan(self, process: Process, kind: Any, fate: Fate, happens: Callable[[], None]) -> None:
        """Let something happen when a process sends its next request of a kind."""
        self._planned[process] = (kind.API_KEY, fate, happens)

    def _fate_of(self, key: int, process: Process) -> Fate:
        planned = self._planned.get(process)
        if planned is not None and planned[0] == key and process.owner is not None:
            _, fate, happens = self._planned.pop(process)
            # The request has left: the process does not notice.
            self._loop.call_soon(happens)
            return fate
        fates = self._fates.get(key)
        if fates and process.owner is not None:
            return fates.popleft()
        return AS_USUAL

    def _lose(self, fault: Fault, fate: Fate, kinds: Sequence[Any] = _LOSABLE) -> None:
        kind = kinds[fault.number % len(kinds)]
        self._fates.setdefault(kind.API_KEY, deque()).extend([fate] * (1 + fault.target % 3))

    def _lose_requests(self, fault: Fault) -> None:
        self._lose(fault, LOST_REQUEST)

    def _lose_answers(self, fault: Fault) -> None:
        self._lose(fault, LOST_ANSWER)

    def _delay_requests(self, fault: Fault) -> None:
        self._lose(fault, late(fault), _LATE)


def late(fault: Fault) -> Fate:
    """Return the fate of a request that waits at the broker."""
    return Fate(late_seconds=fault.late_seconds)
