"""Intervals and waiting times: those of production, or of a demo or a test that does not wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dashboards.rules.alerts import AlertKind, Scope
from dashboards.rules.model import duration


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals and waiting times of Prometheus and Alertmanager, in seconds."""

    name: str
    interval: int
    """Between two scrapes, and between two evaluations."""
    figures: float
    """The pending periods of alerts about figures are multiplied by this."""
    pipeline: float
    """The same for alerts about the monitor itself and about producers."""
    group_wait: int
    """`group_wait`: how long a new group waits before its first notification."""
    group_interval: int
    """`group_interval`: how long a group then waits before the next one."""
    digest_interval: int
    """`group_interval` of the delegate's digest."""
    digest_hour: int | None
    """The hour of the day, in Paris, of the delegate's digest; None for at any time."""

    def pending(self, kind: AlertKind) -> float:
        """Return how long an alert's expression must hold before it fires."""
        return kind.pending * self._factor(kind)

    def keep_firing_for(self, kind: AlertKind) -> float:
        """Return how long an alert goes on firing once its expression no longer holds."""
        return kind.keep_firing_for * self._factor(kind)

    @property
    def every(self) -> str:
        """Return the interval as Prometheus reads it."""
        return duration(self.interval)

    def _factor(self, kind: AlertKind) -> float:
        return self.figures if kind.scope is Scope.FIGURES else self.pipeline


PACES: Mapping[str, Pace] = MappingProxyType(
    {
        pace.name: pace
        for pace in (
            Pace(
                "steady",
                interval=15,
                figures=1,
                pipeline=1,
                group_wait=30,
                group_interval=300,
                digest_interval=55 * 60,
                digest_hour=7,
            ),
            # An alert a second after its cause. The monitor's own alerts still wait for a worker
            # that starts or a rebalance, which take seconds at any pace; and where a second is
            # weeks, so long on its way an event is no silence of its producer.
            Pace(
                "live",
                interval=1,
                figures=0,
                pipeline=1 / 10,
                group_wait=0,
                group_interval=1,
                digest_interval=30,
                digest_hour=None,
            ),
        )
    }
)
