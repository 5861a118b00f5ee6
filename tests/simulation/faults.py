"""What goes wrong in a run, as data: which fault, when, where, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

TARGETS: Final = 12
#: Of these, the gateway; the others stand for the workers in turn.
GATEWAY_TARGETS: Final = (10, 11)
#: Of a loss, the logs with the fewest records; the others stand for those with most.
SMALL_LOGS: Final = (1,)


class FaultKind(StrEnum):
    """What a fault does; its target is a worker or the gateway, where it says "a worker"."""

    KILL = "kill"
    """A worker ends at an await, and its supervisor starts it again."""
    KILL_AT_WRITE = "kill-at-write"
    """A worker ends just before, or just after, a request of its own reaches a node."""
    PAUSE = "pause"
    """A worker stands still, and goes on."""
    PAUSE_AT_WRITE = "pause-at-write"
    """A worker stands still for longer than a session, and then a request of its own leaves."""
    PAUSE_AT_ASSIGNMENT = "pause-at-assignment"
    """A worker stands still for longer than a session when it is next given partitions."""
    LEAVE = "leave"
    """A worker is asked to end (SIGTERM), and started again."""
    JOIN = "join"
    """A further worker comes, and goes."""
    DELAY = "delay"
    """What a worker says to a node or the reader, or they to it, takes longer."""
    SILENCE = "silence"
    """What they say to each other is lost, without an end of the connection."""
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
    """Brokers refuse what is written to a kind of topics: too few replicas, a full disk, rights."""
    READ_REFUSED = "read-refused"
    """Brokers refuse what is read from a kind of topics: rights, a failed disk."""
    GROUP_REFUSED = "group-refused"
    """The coordinator refuses all that members ask: they have lost their rights to the group."""
    SESSION_ENDS = "session-ends"
    """The coordinator takes a member for gone."""
    NODE_STOPS = "node-stops"
    """A node is away: its partitions get other leaders, and the group another coordinator."""
    LEADER_MOVES = "leader-moves"
    """The partitions of a topic get other leaders."""
    WATERMARK_BEHIND = "watermark-behind"
    """Consumers may not read to the end of a topic, and are told a lower one: a lie."""
    FETCH_GAP = "fetch-gap"
    """An answer with events leaves the first of its batches out: a lie."""
    FETCH_DAMAGED = "fetch-damaged"
    """Answers with records have another bit in what the checksum of a batch is of."""
    CLOCK_STEP = "clock-step"
    """A worker's wall clock is set."""
    REBALANCE = "rebalance"
    """The coordinator asks all members to join again."""
    MARKER = "marker"
    """The markers of transactions end logs of events: offsets without a record."""
    LOG_LOST = "log-lost"
    """A log of events loses records for good: an operator has to accept it. Of a sequence alone."""
    ERASURE = "erasure"
    """The operator erases records of a log, and copies the others. Of a sequence alone."""


#: How late a request may be, in seconds: longer than a session, and than a client waits.
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
    """A further choice, which each kind reads as it needs."""

    def __str__(self) -> str:
        return (
            f"{self.at:8.3f} s + {self.steps} steps: {self.kind} target={self.target}"
            f" lasts={self.lasts:.3f} s number={self.number}"
        )

    @property
    def late_seconds(self) -> float:
        """How late a request is that waits at the broker."""
        return Random(self.number).uniform(*LATE_SECONDS)


#: Ends what a fault has begun.
Undo = Callable[[], None]
#: Carries faults out, by kind, and returns how to end what lasts.
Kinds = Mapping[FaultKind, Callable[[Fault], Undo | None]]
