"""How fast it all goes: in production, or in a demo or a test that does not wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dashboards.rules.alerts import AlertKind, Scope
from dashboards.rules.model import duration

__all__ = ["PACES", "Pace"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look and how long to wait; times are in seconds."""

    name: str
    interval: int
    """Between two scrapes, and between two evaluations."""
    figures: float
    """By how much the patience with figures is multiplied."""
    pipeline: float
    """The same for alerts about the monitor itself and about producers."""
    first: int
    """How long Alertmanager gathers before it first tells an owner or the operator."""
    following: int
    """How long it then gathers what is new in a group."""
    digest: int
    """How often it looks whether it is time for the delegate's digest."""
    digest_hour: int | None
    """The hour of the day, in Paris, of the delegate's digest; None for at any time."""

    def pending(self, kind: AlertKind) -> float:
        """Give how long an alert's expression must hold before it rings."""
        return kind.pending * self._factor(kind)

    def keep_firing_for(self, kind: AlertKind) -> float:
        """Give how long an alert goes on ringing once its expression no longer holds."""
        return kind.keep_firing_for * self._factor(kind)

    @property
    def every(self) -> str:
        """The interval as Prometheus reads it."""
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
                first=30,
                following=300,
                digest=55 * 60,
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
                first=0,
                following=1,
                digest=30,
                digest_hour=None,
            ),
        )
    }
)
