"""The faults of a run, drawn at random: single ones of a few kinds, and sequences of them.

The situation that a rule exists for may require two or three faults of one victim, or one at the
right distance from the end, which single random faults do not produce.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.simulation.faults import GATEWAY_TARGETS, SMALL_LOGS, TARGETS, Fault, FaultKind

_WORKERS: Final = range(3)
_NODES: Final = 3
#: Faults that involve an operator occur only in sequences.
_OF_SEQUENCES: Final = (FaultKind.LOG_LOST, FaultKind.ERASURE)
_SINGLE: Final = tuple(kind for kind in FaultKind if kind not in _OF_SEQUENCES)

#: The kinds of single faults of one run.
MOST_KINDS: Final = 7
#: Faults that let a worker write after it has lost the partition: many rules exist only for this.
_LATE_WRITES: Final = (FaultKind.PAUSE_AT_WRITE, FaultKind.KILL_AT_WRITE, FaultKind.REQUEST_LATE)
LATE_WRITES_SHARE: Final = 0.3
#: The share of runs with sequences, and how many single faults such runs have besides: each may
#: disturb a sequence.
SEQUENCES_SHARE: Final = 0.4
MOST_BESIDES: Final = 6
#: The part of the fault period in which sequences begin.
SEQUENCES_UNTIL: Final = 0.6


def late_write(chance: Random, at: float) -> list[Fault]:
    """Return a kill at a write that arrives seconds after the successors began to write."""
    is_produced, is_late, after_seconds = 0, 2, 6.0
    target = chance.choice(_WORKERS)
    while True:
        number = 6 * chance.randrange(1 << 13) + 2 * is_late + is_produced
        found = _fault(FaultKind.KILL_AT_WRITE, at, target, number=number)
        if found.late_seconds > after_seconds:
            return [found]


def late_answer(chance: Random, _: float) -> list[Fault]:
    """Return a slow connection from a starting worker to the reader, and the worker's end.

    The second answer of a new owner has all of its partitions. While it is in transit, they get
    another owner, which the reader queries meanwhile.
    """
    target = chance.choice(_WORKERS)
    of_reader, to_it, longest = 3, 0, 3
    number = 64 * longest + 16 * to_it + of_reader
    return [
        _fault(FaultKind.DELAY, chance.uniform(0.5, 2.0), target, lasts=9.0, number=number),
        _fault(FaultKind.LEAVE, chance.uniform(9.2, 11.0), target),
    ]


def paused_writers(chance: Random, at: float) -> list[Fault]:
    """Return pauses of two workers as they write, until another has taken over their work."""
    produced = 2 * chance.randrange(1 << 15)
    lasts = chance.uniform(0.0, 4.0)
    return [
        _fault(FaultKind.PAUSE_AT_WRITE, at, target, lasts=lasts, number=produced)
        for target in chance.sample(_WORKERS, 2)
    ]


def cut_off(chance: Random, at: float) -> list[Fault]:
    """Return the isolation of a worker from all brokers for longer than a session and a rebalance.

    Its readers can reach it throughout.
    """
    target, lasts, both_ways = chance.choice(_WORKERS), chance.uniform(5.0, 7.0), 2
    return [
        _fault(FaultKind.SILENCE, at, target, lasts=lasts, number=16 * both_ways + node)
        for node in range(_NODES)
    ]


def gateway_cut_off(chance: Random, _: float) -> list[Fault]:
    """Return the isolation of a gateway from all brokers, soon after its start.

    Its Kafka client then knows some topics and waits for others: it fails with the former.
    """
    at, lasts, both_ways = chance.uniform(0.3, 2.0), chance.uniform(4.0, 7.0), 2
    return [
        _fault(FaultKind.SILENCE, at, GATEWAY_TARGETS[0], lasts=lasts, number=16 * both_ways + node)
        for node in range(_NODES)
    ]


def paused_at_assignment(chance: Random, at: float) -> list[Fault]:
    """Return pauses of workers between the answer with a new assignment and its use.

    Each keeps partitions that other workers receive meanwhile.
    """
    faults = []
    for _ in range(2):
        faults += [
            *(
                _fault(FaultKind.PAUSE_AT_ASSIGNMENT, at, target, steps=chance.randrange(60))
                for target in chance.sample(_WORKERS, 2)
            ),
            _fault(FaultKind.REBALANCE, at + 0.1, 0),
        ]
        at += chance.uniform(8.0, 10.0)
    return faults


def damaged_fetches(chance: Random, at: float) -> list[Fault]:
    """Return damaged fetches while partitions are restored, and later."""
    return [
        _fault(FaultKind.REBALANCE, at, 0),
        *(
            _fault(
                FaultKind.FETCH_DAMAGED,
                at + chance.uniform(0.1, 2.0),
                0,
                number=chance.randrange(1 << 16),
            )
            for _ in range(6)
        ),
    ]


def ended_twice(chance: Random, _: float) -> list[Fault]:
    """Return two kills of all workers at their first writes, and rebalances after them.

    The batches that they had begun are processed record by record. The first kills are at the
    start, and both are planned again later: a group may wait three seconds for its members.
    """
    lost_write = 0
    return [
        *(
            _fault(FaultKind.KILL_AT_WRITE, at, target, number=lost_write)
            for at in (0.3, 5.0, 8.0)
            for target in _WORKERS
        ),
        *(_fault(FaultKind.REBALANCE, chance.uniform(13.0, 18.0), 0) for _ in range(3)),
    ]


def rebalances(chance: Random, at: float) -> list[Fault]:
    """Return rebalances in quick succession."""
    return [
        _fault(FaultKind.REBALANCE, at + chance.uniform(0.0, 4.0), 0)
        for _ in range(chance.randint(2, 5))
    ]


def early_end(chance: Random, at: float) -> list[Fault]:
    """Return a worker that leaves, and wrong ends of half of all logs while the others recover.

    Brokers reported ends that were too low before Kafka 2.2 (KIP-207).
    """
    return [
        _fault(FaultKind.LEAVE, at, chance.choice(_WORKERS)),
        *(
            _fault(
                FaultKind.WATERMARK_BEHIND,
                at + 0.1,
                0,
                lasts=1.9,
                number=chance.randrange(1 << 16),
            )
            for _ in range(2)
        ),
    ]


def lost_records(chance: Random, _: float) -> list[Fault]:
    """Return the loss of records of a log, and kills of workers that make others read it.

    It happens late enough for the log to have records: a group may wait three seconds for members.
    """
    at = chance.uniform(3.5, 5.5)
    end = at + chance.uniform(0.0, 0.5)
    return [
        _fault(FaultKind.LOG_LOST, at, 0, number=chance.randrange(1 << 16)),
        *(
            _fault(chance.choice((FaultKind.KILL, FaultKind.LEAVE)), end, target)
            for target in chance.sample(_WORKERS, chance.choice((0, 1, 2, 3)))
        ),
        *(
            _fault(FaultKind.REBALANCE, at + chance.uniform(0.0, 12.0), 0)
            for _ in range(chance.randint(0, 3))
        ),
    ]


def refilled_log(chance: Random, _: float) -> list[Fault]:
    """Return the early loss of records of a short log, without other faults.

    The log soon reaches its former length, so its length shows nothing.
    """
    small = chance.choice(SMALL_LOGS)
    number = chance.randrange(1 << 16)
    return [_fault(FaultKind.LOG_LOST, chance.uniform(2.0, 5.0), small, number=number)]


def erased_log(chance: Random, at: float) -> list[Fault]:
    """Return the erasure of records of a log whose readers write slowly meanwhile."""
    at += 2.0
    lasts, slow, both_ways = chance.choice((0.0, 0.3, 2.0)), chance.choice((1, 2)), 2
    return [
        _fault(FaultKind.ERASURE, at, 0, lasts=lasts, number=chance.randrange(1 << 16)),
        *(
            _fault(
                *(FaultKind.DELAY, at - 0.5, target),
                lasts=lasts + 4.0,
                number=64 * slow + 16 * both_ways + node,
            )
            for node in chance.sample(range(_NODES), chance.choice((0, 1, 2)))
            for target in _WORKERS
        ),
        *(
            _fault(FaultKind.LEAVE, at + chance.uniform(-1.0, lasts), target)
            for target in chance.sample(_WORKERS, chance.choice((0, 1, 2, 3)))
        ),
        *(
            _fault(FaultKind.REBALANCE, at + chance.uniform(0.0, lasts + 1.0), 0)
            for _ in range(chance.randint(0, 2))
        ),
    ]


#: The sequences, of which some runs have one or two; each is called with its time of begin.
SEQUENCES: Final[tuple[Callable[[Random, float], list[Fault]], ...]] = (
    late_write,
    late_answer,
    paused_writers,
    cut_off,
    gateway_cut_off,
    paused_at_assignment,
    damaged_fetches,
    ended_twice,
    rebalances,
    early_end,
    lost_records,
    refilled_log,
    erased_log,
)


def _fault(
    kind: FaultKind, at: float, target: int, *, lasts: float = 0.0, steps: int = 0, number: int = 0
) -> Fault:
    return Fault(kind, at, target, lasts, steps, number)


def planned_faults(chance: Random, *, most: int, begin: float, end: float) -> list[Fault]:
    """Return the faults of a run, in the order of their times."""
    planned = _single_faults(chance, most=most, begin=begin, end=end)
    if chance.random() < SEQUENCES_SHARE:
        planned = chance.sample(planned, chance.randint(0, MOST_BESIDES))
        for sequence in chance.sample(SEQUENCES, chance.choice((1, 1, 2))):
            planned += sequence(chance, chance.uniform(begin, end * SEQUENCES_UNTIL))
    return sorted(planned, key=lambda one: one.at)


def _single_faults(chance: Random, *, most: int, begin: float, end: float) -> list[Fault]:
    """Return independent single faults.

    A run has only some kinds (swarm testing: with all kinds at once, each hides the others).
    """
    chosen = chance.sample(_SINGLE, chance.randint(1, MOST_KINDS))
    if chance.random() < LATE_WRITES_SHARE:
        chosen = [*_LATE_WRITES, *chosen[:2]]
    return [
        Fault(
            kind=chance.choice(chosen),
            at=chance.uniform(begin, end),
            target=chance.randrange(TARGETS),
            lasts=chance.choice((0.03, 0.2, 0.8, 2.0, 4.0)) * chance.uniform(0.5, 1.5),
            steps=chance.randrange(400),
            number=chance.randrange(1 << 16),
        )
        for _ in range(chance.randint(most // 2, most))
    ]
