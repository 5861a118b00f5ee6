"""The ports of the stack's processes: the usual ones where these are free."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from operations.programs.addresses import free_port

__all__ = ["Ports"]

WORKERS: Final = (6066, 6068)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback, the same for all runs of a process.

    They are the default of each program, which the guides name, and another one where something
    listens there already.
    """

    kafka: int = field(default_factory=partial(free_port, usual=9092))
    controller: int = field(default_factory=free_port)
    workers: tuple[int, ...] = field(
        default_factory=lambda: tuple(free_port(usual=usual) for usual in WORKERS)
    )
    assessor: int = field(default_factory=partial(free_port, usual=6067))
    gateway: int = field(default_factory=partial(free_port, usual=6070))
    probes: int = field(default_factory=partial(free_port, usual=6071))
    """The gateway's, for health checks and metrics."""
    page: int = field(default_factory=partial(free_port, usual=6072))
    prometheus: int = field(default_factory=partial(free_port, usual=9090))
    alertmanager: int = field(default_factory=partial(free_port, usual=9093))
