"""The faults of a run, drawn by chance: single ones of a few kinds, and sequences of them."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.simulation.faults import TARGETS, Fault, FaultKind
from tests.simulation.sequences import SEQUENCES

#: Those that an operator has to do with are of sequences alone.
_OF_SEQUENCES: Final = (FaultKind.LOG_LOST, FaultKind.ERASURE)
_SINGLE: Final = tuple(kind for kind in FaultKind if kind not in _OF_SEQUENCES)

#: The kinds of single faults of one run.
MOST_KINDS: Final = 7
#: By which a worker writes after it has lost the partition: many rules are there for that alone.
_LATE_WRITES: Final = (FaultKind.PAUSE_AT_WRITE, FaultKind.KILL_AT_WRITE, FaultKind.REQUEST_LATE)
LATE_WRITES_SHARE: Final = 0.3
#: The share of runs with sequences, and how many single faults those have besides: each is in the
#: way of a sequence.
SEQUENCES_SHARE: Final = 0.4
MOST_BESIDES: Final = 6
#: The part of the time of faults in which they begin.
SEQUENCES_UNTIL: Final = 0.6


def planned_faults(chance: Random, *, most: int, begin: float, end: float) -> list[Fault]:
    """Return the faults of a run, in the order of their times."""
    planned = _single_faults(chance, most=most, begin=begin, end=end)
    if chance.random() < SEQUENCES_SHARE:
        planned = chance.sample(planned, chance.randint(0, MOST_BESIDES))
        for sequence in chance.sample(SEQUENCES, chance.choice((1, 1, 2))):
            planned += sequence(chance, chance.uniform(begin, end * SEQUENCES_UNTIL))
    return sorted(planned, key=lambda one: one.at)


def _single_faults(chance: Random, *, most: int, begin: float, end: float) -> list[Fault]:
    """Return faults each on its own.

    A run has some kinds only (swarm testing: with all kinds at once, each hides the others).
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
