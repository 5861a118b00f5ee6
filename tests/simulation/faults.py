"""The faults of a run, as data: which fault, when, where, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

TARGETS: Final = 12
#: The targets that stand for the gateway; the others stand for the workers in turn.
GATEWAY_TARGETS: Final = (10, 11)
#: The targets of a loss that stand for the shortest logs; the others stand for the longest ones.
SMALL_LOGS: Final = (1,)


class FaultKind(StrEnum):
    """What a fault does; where it says "a worker", its target is a worker or the gateway."""

    KILL = "kill"
    """A worker ends at an await, and its supervisor starts it again."""
    KILL_AT_WRITE = "kill-at-write"
    """A worker ends just before, or just after, a request of its own reaches a node."""
    PAUSE = "pause"
    """A worker is paused, and resumes."""
    PAUSE_AT_WRITE = "pause-at-write"
    """A worker is paused for longer than a session just before one of its requests leaves."""
    PAUSE_AT_ASSIGNMENT = "pause-at-assignment"
    """A worker is paused for longer than a session at its next assignment of partitions."""
    LEAVE = "leave"
    """A worker is terminated (SIGTERM), and started again."""
    JOIN = "join"
    """An additional worker joins, and leaves."""
    DELAY = "delay"
    """Messages between a worker and a node, or the reader, take longer."""
    SILENCE = "silence"
    """Messages between them are lost, but the connection stays open."""
    CUT = "cut"
    """The connections of a worker to a node, or the reader's to it, end."""
    REQUEST_LOST = "request-lost"
    """The next requests of one kind do not arrive: the connection ends."""
    ANSWER_LOST = "answer-lost"
    """The next requests of one kind take effect, and the connection ends."""
    REQUEST_LATE = "request-late"
    """The next requests of one kind wait at the broker, and are processed later."""
    COORDINATOR_MOVES = "coordinator-moves"
    """Another node coordinates the group, and loads it first."""
    COORDINATOR_LOADS = "coordinator-loads"
    """The coordinator answers that it is loading."""
    COMMIT_REFUSED = "commit-refused"
    """The coordinator refuses commits of offsets."""
    WRITE_REFUSED = "write-refused"
    """Brokers refuse writes to a kind of topics: too few replicas, a full disk, missing rights."""
    READ_REFUSED = "read-refused"
    """Brokers refuse reads from a kind of topics: missing rights, a failed disk."""
    GROUP_REFUSED = "group-refused"
    """The coordinator refuses all requests: the members have lost their rights on the group."""
    SESSION_ENDS = "session-ends"
    """The coordinator considers a member gone."""
    NODE_STOPS = "node-stops"
    """A node stops: its partitions get other leaders, and the group another coordinator."""
    LEADER_MOVES = "leader-moves"
    """The partitions of a topic get other leaders."""
    WATERMARK_BEHIND = "watermark-behind"
    """Consumers cannot read to the end of a topic: the broker wrongly reports a lower one."""
    FETCH_GAP = "fetch-gap"
    """An answer with events wrongly omits the first of its batches."""
    FETCH_DAMAGED = "fetch-damaged"
    """Answers with records have a flipped bit in the part that a batch's checksum covers."""
    CLOCK_STEP = "clock-step"
    """A worker's wall clock is set."""
    REBALANCE = "rebalance"
    """The coordinator asks all members to join again."""
    MARKER = "marker"
    """The markers of transactions end logs of events: offsets without a record."""
    LOG_LOST = "log-lost"
    """A log of events loses records for good: an operator must accept it. Only in sequences."""
    ERASURE = "erasure"
    """The operator erases records of a log, and copies the others. Only in sequences."""


#: How late a request may be, in seconds; the maximum exceeds a session and a client's timeout.
LATE_SECONDS: Final = (1.0, 8.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: at a virtual time, or `steps` callbacks of the target worker after it."""

    kind: FaultKind
    at: float
    target: int
    lasts: float
    steps: int
    number: int
    """A further random choice, which each kind uses as needed."""

    def __str__(self) -> str:
        return (
            f"{self.at:8.3f} s + {self.steps} steps: {self.kind} target={self.target}"
            f" lasts={self.lasts:.3f} s number={self.number}"
        )

    @property
    def late_seconds(self) -> float:
        """How long a late request waits at the broker."""
        return Random(self.number).uniform(*LATE_SECONDS)


#: Ends a fault that lasts.
Undo = Callable[[], None]
#: By kind: carries out a fault; if the fault lasts, returns a function that ends it.
Kinds = Mapping[FaultKind, Callable[[Fault], Undo | None]]
