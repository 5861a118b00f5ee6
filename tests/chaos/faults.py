"""The faults of a run as data: what, whom, when and how long, drawn from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

BROKERS: Final = 3
FAULTS_A_MINUTE: Final = 5
"""Several at a time meet, as each lasts long enough."""

FIRST_SECOND: Final = 3.0
SHORTEST: Final = 3.0
LONGEST: Final = 15.0
"""Beyond a session's time-out, so that the group is also formed anew while one sleeps."""


class FaultKind(StrEnum):
    WORKER_KILL = "worker_kill"
    WORKER_PAUSE = "worker_pause"
    ASSESSOR_KILL = "assessor_kill"
    GATEWAY_KILL = "gateway_kill"
    BROKER_KILL = "broker_kill"
    BROKER_PAUSE = "broker_pause"
    BROKER_DISK_FULL = "broker_disk_full"
    ROLLING_RESTART = "rolling_restart"
    CONTROLLER_KILL = "controller_kill"
    NETWORK_DELAY = "network_delay"
    NETWORK_CUT = "network_cut"
    NETWORK_HALF_OPEN = "network_half_open"


_OF_A_WORKER: Final = {FaultKind.WORKER_KILL, FaultKind.WORKER_PAUSE}
_OF_A_BROKER: Final = {
    FaultKind.BROKER_KILL,
    FaultKind.BROKER_PAUSE,
    FaultKind.BROKER_DISK_FULL,
    FaultKind.ROLLING_RESTART,
    FaultKind.NETWORK_DELAY,
    FaultKind.NETWORK_CUT,
    FaultKind.NETWORK_HALF_OPEN,
}
DELAYS: Final = (50, 200, 500)
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    target: int
    """The worker's or broker's number from 0: the first of a rolling restart, else the only one."""
    at: float
    """Seconds after the minute's begin."""
    seconds: float
    """How long it lasts; a worker and the assessor are started again at once when killed."""
    delay: int = 0
    """Milliseconds, of a slow path."""

    def __str__(self) -> str:
        delay = f" by {self.delay} ms" if self.delay else ""
        return f"{self.at:.1f} s: {self.kind} {self.target}{delay} for {self.seconds:.1f} s"


def plan(seed: int, minute: int, *, workers: int, seconds: float = 60.0) -> Sequence[Fault]:
    """Return the faults of a minute (from 1) in their order; `seconds` is how long it is.

    Kinds come as cards from shuffled decks: in any minutes in a row, each about as often. All
    faults begin and end within the minute.
    """
    chance = Random(f"chaos {seed} {minute}")
    first = (minute - 1) * FAULTS_A_MINUTE
    faults = [
        _fault(_kind(seed, at), chance, workers=workers, seconds=seconds)
        for at in range(first, first + FAULTS_A_MINUTE)
    ]
    return sorted(faults, key=lambda fault: fault.at)


def _kind(seed: int, at: int) -> FaultKind:
    """Return one of the endless row of kinds that is a shuffled deck after the other."""
    number, card = divmod(at, len(FaultKind))
    deck = list(FaultKind)
    Random(f"chaos {seed} deck {number}").shuffle(deck)
    return deck[card]


def _fault(kind: FaultKind, chance: Random, *, workers: int, seconds: float) -> Fault:
    lasts = chance.uniform(SHORTEST, min(LONGEST, seconds / 3))
    number = 1
    if kind in _OF_A_WORKER:
        number = workers
    elif kind in _OF_A_BROKER:
        number = BROKERS
    return Fault(
        kind=kind,
        target=chance.randrange(number),
        at=round(chance.uniform(FIRST_SECOND, seconds - lasts), 1),
        seconds=round(lasts, 1),
        delay=chance.choice(DELAYS) if kind is FaultKind.NETWORK_DELAY else 0,
    )
