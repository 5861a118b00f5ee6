"""Where the monitor runs: what Prometheus scrapes, whom it alerts, and how long it waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from catalogue.contacts import Contacts
from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, PAGE_JOB, WORKER_JOB, Links

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_LONGEST_SCRAPE = 10
"""In seconds, as Prometheus has it by default; it may not be longer than the interval."""


def duration(seconds: float) -> str:
    """Write a time as Prometheus and Alertmanager read it: `90s`, `5m`, `2d`."""
    whole = round(seconds)
    for unit, size in _UNITS:
        if whole >= size and whole % size == 0:
            return f"{whole // size}{unit}"
    return "0s"


@dataclass(frozen=True, slots=True)
class Pace:
    """Intervals and waiting times of Prometheus and Alertmanager, in seconds."""

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

    @property
    def every(self) -> str:
        """The interval as Prometheus reads it."""
        return duration(self.interval)

    @property
    def scrape_timeout(self) -> str:
        """How long a scrape may take, as Prometheus reads it."""
        return duration(min(self.interval, _LONGEST_SCRAPE))


PACES: Mapping[str, Pace] = MappingProxyType(
    {
        "steady": Pace(
            interval=15,
            figures=1,
            pipeline=1,
            group_wait=30,
            group_interval=300,
            digest_interval=55 * 60,
            digest_hour=7,
        ),
        # For demos and tests: an alert a second after its cause. The monitor's own alerts still
        # wait for a worker that starts or a rebalance, which take seconds at any pace; and where a
        # second is weeks, an event on its way is no silence of its producer.
        "live": Pace(
            interval=1,
            figures=0,
            pipeline=1 / 10,
            group_wait=0,
            group_interval=1,
            digest_interval=30,
            digest_hour=None,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class MonitorSite:
    """Where the monitor runs, and who receives alerts; addresses are HOST:PORT."""

    pace: Pace = PACES["steady"]
    links: Links = field(default_factory=Links)
    contacts: Contacts = field(default_factory=Contacts)
    workers: tuple[str, ...] = ("worker-1:6066", "worker-2:6066")
    assessors: tuple[str, ...] = ("assessor:6067",)
    gateways: tuple[str, ...] = ("gateway:6071",)
    pages: tuple[str, ...] = ("page:6072",)
    alertmanagers: tuple[str, ...] = ("alertmanager:9093",)
    metrics_token_file: str | None = None
    """Where Prometheus runs, the file with the token that our programs require of it
    (`SMART_REGION_METRICS_TOKEN_FILE`)."""
    metrics_ca_file: str | None = None
    """Where Prometheus runs, the authority of our certificates; then it scrapes over TLS."""

    @property
    def jobs(self) -> Mapping[str, tuple[str, ...]]:
        """What Prometheus scrapes, by job."""
        return {
            WORKER_JOB: self.workers,
            ASSESSOR_JOB: self.assessors,
            GATEWAY_JOB: self.gateways,
            PAGE_JOB: self.pages,
        }
