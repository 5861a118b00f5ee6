"""The ports of the stack's processes: the usual ones where these are free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from operations.programs.addresses import free_port

__all__ = ["Ports"]

KAFKA: Final = 9092
WORKERS: Final = (6066, 6068)
ASSESSOR: Final = 6067
GATEWAY: Final = 6070
PROBES: Final = 6071
PROMETHEUS: Final = 9090
ALERTMANAGER: Final = 9093
"""The defaults of each program, which the guides name."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback, the same for all runs of a process."""

    kafka: int
    controller: int
    workers: tuple[int, ...]
    assessor: int
    gateway: int
    probes: int
    """The gateway's, for health checks and metrics."""
    prometheus: int
    alertmanager: int

    @classmethod
    def choose(cls) -> Self:
        """Choose the usual ports, and others where something listens already."""
        return cls(
            kafka=free_port(usual=KAFKA),
            controller=free_port(),
            workers=tuple(free_port(usual=usual) for usual in WORKERS),
            assessor=free_port(usual=ASSESSOR),
            gateway=free_port(usual=GATEWAY),
            probes=free_port(usual=PROBES),
            prometheus=free_port(usual=PROMETHEUS),
            alertmanager=free_port(usual=ALERTMANAGER),
        )
