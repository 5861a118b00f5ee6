"""Every name that is generated: jobs, labels, recorded series, alerts' links, boards.

A recorded series is named `level:metric:operation`, as Prometheus' own practice has it. The level
says over what it is summed: `department` (one series a département, and `region` for what names
none), `region` (all of them together), `territory` (one series a département, and `region` for all
of them together), `milestone` (one for each territory that is held to it), `topic`, `source`,
`producer`, or `monitor` (all workers together). The rules, the boards and the backfill take the
names from here, so that the years before the first scrape and the days after it are one series.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

from catalogue import metrics
from catalogue.metrics import Metric

#: What a generated file begins with, after its comment sign.
GENERATED: Final = "Generated from the catalogue by `smart-region rules render`. Do not edit."

WORKER_JOB: Final = "smart-region-worker"
ASSESSOR_JOB: Final = "smart-region-assessor"
GATEWAY_JOB: Final = "smart-region-gateway"
PAGE_JOB: Final = "smart-region-page"

LAGGING_RECORDS: Final = 10_000
"""More than a worker processes in a second: where so many wait for long, it does not keep up."""

#: The programme label of an alert about the monitor itself; no programme's id has a hyphen.
MONITOR: Final = "smart-region-monitor"
#: Who answers for the monitor itself, in French as the programmes' owners are.
MONITOR_OWNER: Final = "Exploitant du moniteur"

SEVERITY: Final = "severity"
"""info, warning or critical."""
SCOPE: Final = "scope"
"""What an alert is about: figures, producers or pipeline; routes and inhibition follow it."""
SILENCES: Final = "silences"
"""`figures` on an alert that inhibits the alerts about figures."""
PROGRAMME: Final = "programme"
OWNER: Final = "owner"
TERRITORY: Final = "territory"
"""A territory's name in French: `Seine-et-Marne`, `Île-de-France`."""


def _recorded(level: str, metric: Metric, operation: str) -> Metric:
    """Return a recorded series; it has its metric's labels without those it is summed over."""
    summed = ("partition", "department") if level == "region" else ("partition",)
    labels = tuple(label for label in metric.labels if label not in summed)
    return Metric(f"{level}:{metric}:{operation}", labels)


_department: Final = partial(_recorded, "department")
_region: Final = partial(_recorded, "region")
_territory: Final = partial(_recorded, "territory")


#: Always 1: a territory's code as `department` and its name as `territory`.
TERRITORY_INFO: Final = "smartregion_territory_info"

# Figures, which a backfill writes too.
#: A ratio indicator's numerator, all partitions together.
DEPARTMENT_NUMERATOR: Final = _department(metrics.INDICATOR_NUMERATOR, "sum")
#: A ratio indicator's denominator, all partitions together.
DEPARTMENT_DENOMINATOR: Final = _department(metrics.INDICATOR_DENOMINATOR, "sum")
#: An indicator's value in its unit, by département.
DEPARTMENT_VALUE: Final = _department(metrics.INDICATOR_VALUE, "current")
#: A ratio indicator's numerator, for the whole region.
REGION_NUMERATOR: Final = _region(metrics.INDICATOR_NUMERATOR, "sum")
#: A ratio indicator's denominator, for the whole region.
REGION_DENOMINATOR: Final = _region(metrics.INDICATOR_DENOMINATOR, "sum")
#: An indicator's value in its unit, for the whole region.
REGION_VALUE: Final = _region(metrics.INDICATOR_VALUE, "current")
#: An indicator's value in its unit, for the whole region (`region`) and by département.
TERRITORY_VALUE: Final = _territory(metrics.INDICATOR_VALUE, "current")
#: The latest effective day, up to as_of, of a fact behind an indicator (midnight UTC).
TERRITORY_LAST_REPORTED: Final = _territory(metrics.INDICATOR_LAST_REPORTED, "max")
#: An indicator's numerator by category of its breakdown, for the whole region.
REGION_CATEGORY: Final = _region(metrics.INDICATOR_CATEGORY, "sum")
#: An indicator's numerator by category of its breakdown, by département.
DEPARTMENT_CATEGORY: Final = _department(metrics.INDICATOR_CATEGORY, "sum")
#: The monitor's own day (midnight UTC): the latest that a process exposes.
AS_OF: Final = _recorded("monitor", metrics.AS_OF, "max")

# What only the running monitor records.
#: Partitions whose figures a worker exposes.
PARTITIONS_SHOWN: Final = _recorded("monitor", metrics.PARTITION_SHOWN, "count")
#: Partitions that the figures are spread over.
PARTITIONS_EXPECTED: Final = _recorded("monitor", metrics.PARTITIONS_EXPECTED, "max")
#: An indicator's value as the assessor exposes it.
TERRITORY_ASSESSED: Final = _territory(metrics.INDICATOR_ASSESSED_VALUE, "max")
#: 1 for the status that a milestone has, else 0.
MILESTONE_STATUS: Final = _recorded("milestone", metrics.MILESTONE_STATUS, "max")
#: 1 where an attained target is no longer held.
MILESTONE_LOST: Final = _recorded("milestone", metrics.MILESTONE_LOST, "max")
#: For how many days a milestone is missed or at risk without an explanation; 0 where it is
#: explained, or neither missed nor at risk.
MILESTONE_UNEXPLAINED: Final = _recorded("milestone", metrics.MILESTONE_UNEXPLAINED, "days")
#: A producer's latest event; it outlives them.
PRODUCER_LAST_EVENT: Final = _recorded("producer", metrics.PRODUCER_LAST_EVENT, "max")

RECORDED: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

# Boards; Grafana takes at most 40 characters for a uid.
LONGEST_UID: Final = 40
DELEGATE_BOARD: Final = "smart-region-delegate"
PIPELINE_BOARD: Final = "smart-region-pipeline"
PRODUCERS_BOARD: Final = "smart-region-producers"
#: The variables of a board that a link may set.
DEPARTMENT_VARIABLE: Final = "department"
PROGRAMME_VARIABLE: Final = "programme"


def programme_board(programme: str) -> str:
    """Return the uid of a programme's board; a long id is cut and distinguished by its hash."""
    uid = f"smart-region-p-{programme}"
    if len(uid) <= LONGEST_UID:
        return uid
    digest = sha256(programme.encode()).hexdigest()[:8]
    return f"{uid[: LONGEST_UID - len(digest) - 1]}-{digest}"


def runbook_file(alert: str) -> str:
    """Return the file of an alert's runbook, in `docs/runbooks/`."""
    return f"{alert}.md"


@dataclass(frozen=True, slots=True)
class Links:
    """Where people who follow a link from an alert or a board find what it leads to."""

    runbooks: str = "docs/runbooks"
    """What comes before `/MilestoneMissed.md`; by default the path in this repository."""
    boards: str = "http://localhost:3000"
    """The address of Grafana; by default where it listens when started by hand."""

    def runbook(self, alert: str) -> str:
        """Return the address of an alert's runbook."""
        return f"{self.runbooks.rstrip('/')}/{runbook_file(alert)}"

    def board(self, uid: str, **variables: str) -> str:
        """Return the address of a board, with these variables set."""
        query = "&".join(f"var-{name}={value}" for name, value in variables.items())
        address = f"{self.boards.rstrip('/')}/d/{uid}"
        return f"{address}?{query}" if query else address
