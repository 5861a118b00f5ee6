"""Every name that is generated: jobs, labels, recorded series, alerts' links, boards.

The series that a backfill also writes have their names in `catalogue/rule_names.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from catalogue import metric_names as names
from catalogue import rule_names
from catalogue.metric_names import Metric

__all__ = ["Links", "programme_board", "recorded", "runbook_file"]

#: What a generated file begins with, after its comment sign.
GENERATED: Final = "Generated from the catalogue by `smart-region rules render`. Do not edit."

WORKER_JOB: Final = "smart-region-worker"
ASSESSOR_JOB: Final = "smart-region-assessor"
GATEWAY_JOB: Final = "smart-region-gateway"

#: The programme label of an alert about the monitor itself; no programme's id has a hyphen.
MONITOR: Final = "smart-region-monitor"
#: Who answers for the monitor itself, in French as the programmes' owners are.
MONITOR_OWNER: Final = "Exploitant du moniteur"

SEVERITY: Final = "severity"
"""info, warning or critical."""
SCOPE: Final = "scope"
"""What an alert is about: figures, producers or pipeline; routes and inhibition follow it."""
SILENCES: Final = "silences"
"""`figures` on an alert that makes the figures, and alerts about them, not worth reading."""
PROGRAMME: Final = "programme"
OWNER: Final = "owner"
TERRITORY: Final = "territory"
"""A territory as French readers know it: `Seine-et-Marne`, `Île-de-France`."""


def recorded(level: str, metric: Metric, operation: str) -> str:
    """Name a recorded series `level:metric:operation`, as Prometheus' own practice has it."""
    return f"{level}:{metric.name}:{operation}"


#: Always 1: a territory's code as `department` and its name as `territory`.
TERRITORY_INFO: Final = "smartregion_territory_info"

PARTITIONS_SHOWN: Final = recorded("monitor", names.PARTITION_OWNED, "count")
PARTITIONS_EXPECTED: Final = recorded("monitor", names.PARTITIONS_EXPECTED, "max")

# Those that a backfill writes too.
TERRITORY_VALUE: Final = rule_names.TERRITORY_VALUE.name
TERRITORY_LAST_REPORTED: Final = rule_names.TERRITORY_LAST_REPORTED.name
REGION_CATEGORY: Final = rule_names.REGION_CATEGORY.name
DEPARTMENT_CATEGORY: Final = rule_names.DEPARTMENT_CATEGORY.name

# Level `territory`: the label `department` is a département's code, or `region` for the whole
# region, as with the assessor.
TERRITORY_ASSESSED: Final = recorded("territory", names.INDICATOR_ASSESSED_VALUE, "max")

# Level `milestone`: one series for each territory that is held to it.
MILESTONE_STATUS: Final = recorded("milestone", names.MILESTONE_STATUS, "max")
MILESTONE_LOST: Final = recorded("milestone", names.MILESTONE_LOST, "max")

#: The latest event of each source and type, and of each producer; they outlive the workers.
SOURCE_LAST_EVENT: Final = recorded("source", names.LAST_EVENT, "max")
PRODUCER_LAST_EVENT: Final = recorded("producer", names.PRODUCER_LAST_EVENT, "max")
TOPIC_LAG: Final = recorded("topic", names.LAG, "sum")

# Boards; Grafana takes at most 40 characters for a uid.
LONGEST_UID: Final = 40
DELEGATE_BOARD: Final = "smart-region-delegate"
PIPELINE_BOARD: Final = "smart-region-pipeline"
PRODUCERS_BOARD: Final = "smart-region-producers"
#: The variables of a board that a link may set.
DEPARTMENT_VARIABLE: Final = "department"
PROGRAMME_VARIABLE: Final = "programme"


def programme_board(programme: str) -> str:
    """Give the uid of a programme's board; a long id is cut and told apart by its hash."""
    uid = f"smart-region-p-{programme}"
    if len(uid) <= LONGEST_UID:
        return uid
    digest = sha256(programme.encode()).hexdigest()[:8]
    return f"{uid[: LONGEST_UID - len(digest) - 1]}-{digest}"


def runbook_file(alert: str) -> str:
    """Name the file of an alert's runbook, in `docs/runbooks/`."""
    return f"{alert}.md"


@dataclass(frozen=True, slots=True)
class Links:
    """Where people who follow a link from an alert or a board find what it leads to."""

    runbooks: str = "docs/runbooks"
    """What comes before `/MilestoneMissed.md`; by default the place in this repository."""
    boards: str = "http://localhost:3000"
    """The address of Grafana; by default where it listens when started by hand."""

    def runbook(self, alert: str) -> str:
        """Give the address of an alert's runbook."""
        return f"{self.runbooks.rstrip('/')}/{runbook_file(alert)}"

    def board(self, uid: str, **variables: str) -> str:
        """Give the address of a board, with its variables set as they are given."""
        query = "&".join(f"var-{name}={value}" for name, value in variables.items())
        address = f"{self.boards.rstrip('/')}/d/{uid}"
        return f"{address}?{query}" if query else address
