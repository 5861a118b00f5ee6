"""Every alert by name: severity, scope and pending period. Its runbook has the same name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from events.dead_letter_policy import DEAD_LETTER_POLICY

__all__ = ["KINDS", "LAGGING_RECORDS", "AlertKind", "Scope", "Severity"]

MINUTE = 60

LAGGING_RECORDS = 10_000
"""More than a worker takes a second for: where so many wait for long, it does not keep up."""


class Severity(StrEnum):
    """How soon somebody must act."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Scope(StrEnum):
    """What an alert is about, and so who receives it."""

    FIGURES = "figures"
    PRODUCERS = "producers"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True)
class AlertKind:
    """An alert, whatever it is about this time; `pending` and `keep_firing_for` are in seconds."""

    name: str
    severity: Severity
    scope: Scope
    pending: int
    meaning: str
    """One English sentence, for the index of the runbooks."""
    keep_firing_for: int = 0
    silences_figures: bool = False
    """True where it means that the figures, and alerts about them, are not to be relied on."""


# Figures. Their pending periods cover a correction that overtakes what it corrects.
MILESTONE_MISSED = AlertKind(
    "MilestoneMissed",
    Severity.CRITICAL,
    Scope.FIGURES,
    5 * MINUTE,
    "A milestone's day has passed and its target is not attained.",
)
MILESTONE_AT_RISK = AlertKind(
    "MilestoneAtRisk",
    Severity.WARNING,
    Scope.FIGURES,
    5 * MINUTE,
    "At the observed pace a milestone's target will be attained after its day, or never.",
)
TARGET_LOST = AlertKind(
    "TargetLost",
    Severity.WARNING,
    Scope.FIGURES,
    5 * MINUTE,
    "A target that was attained is no longer held.",
)
INDICATOR_UNREPORTED = AlertKind(
    "IndicatorUnreported",
    Severity.WARNING,
    Scope.FIGURES,
    30 * MINUTE,
    "No fact behind an indicator came within its periodicity, delay and grace.",
)

PRODUCER_SILENT = AlertKind(
    "ProducerSilent",
    Severity.WARNING,
    Scope.PRODUCERS,
    30 * MINUTE,
    "A producer has sent nothing for longer than the frequency that it promised allows.",
)
PRODUCER_FAULTY = AlertKind(
    "ProducerFaulty",
    Severity.WARNING,
    Scope.PRODUCERS,
    15 * MINUTE,
    "More than a twentieth of a producer's records of six hours were refused.",
)

# The monitor itself. Where a worker comes and goes, keep_firing_for makes one alert of it.
DEAD_LETTERS = AlertKind(
    "DeadLetters",
    Severity.WARNING,
    Scope.PIPELINE,
    1 * MINUTE,
    "Workers refused records, and kept them as dead letters.",
)
DEAD_LETTER_SHARE_HIGH = AlertKind(
    "DeadLetterShareHigh",
    Severity.CRITICAL,
    Scope.PIPELINE,
    0,
    f"More than {DEAD_LETTER_POLICY.max_share:.0%} of a family's last {DEAD_LETTER_POLICY.window}"
    " records were refused: a bad deploy, or a broken producer.",
    keep_firing_for=5 * MINUTE,
)
POISON_RECORD = AlertKind(
    "PoisonRecord",
    Severity.CRITICAL,
    Scope.PIPELINE,
    1 * MINUTE,
    "Three workers in a row ended at the same record: an operator may have to pass over it.",
)
ENTITY_HALF_FULL = AlertKind(
    "EntityHalfFull",
    Severity.WARNING,
    Scope.PIPELINE,
    15 * MINUTE,
    "The state of an entity has more than half of its largest size; beyond that, its events"
    " are refused.",
)
CONSUMER_LAG = AlertKind(
    "ConsumerLag",
    Severity.WARNING,
    Scope.PIPELINE,
    10 * MINUTE,
    "The workers do not keep up with a topic: the figures are late.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
RECORDS_DELETED = AlertKind(
    "RecordsDeleted",
    Severity.CRITICAL,
    Scope.PIPELINE,
    1 * MINUTE,
    "Events were deleted from their topic within the last day: they cannot be counted again.",
)
PARTITIONS_MISSING = AlertKind(
    "PartitionsMissing",
    Severity.CRITICAL,
    Scope.PIPELINE,
    5 * MINUTE,
    "Some partitions are exposed by no worker: totals are withheld.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
WORKER_NOT_READY = AlertKind(
    "WorkerNotReady",
    Severity.WARNING,
    Scope.PIPELINE,
    10 * MINUTE,
    "A worker cannot be scraped, or does not become ready.",
    keep_firing_for=5 * MINUTE,
)
TOPIC_FAULTY = AlertKind(
    "TopicFaulty",
    Severity.CRITICAL,
    Scope.PIPELINE,
    MINUTE,
    "A topic is missing, was created again, has more partitions, or lost states or events.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
ASSESSOR_NOT_READY = AlertKind(
    "AssessorNotReady",
    Severity.CRITICAL,
    Scope.PIPELINE,
    5 * MINUTE,
    "No assessor judges the milestones, or its lag is large.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
GATEWAY_NOT_READY = AlertKind(
    "GatewayNotReady",
    Severity.WARNING,
    Scope.PIPELINE,
    5 * MINUTE,
    "The gateway cannot be reached, or accepts no events.",
    keep_firing_for=5 * MINUTE,
)
FIGURES_DIVERGE = AlertKind(
    "FiguresDiverge",
    Severity.CRITICAL,
    Scope.PIPELINE,
    10 * MINUTE,
    "Two computations of the same figure do not agree.",
    silences_figures=True,
)
WATCHDOG = AlertKind(
    "Watchdog",
    Severity.INFO,
    Scope.PIPELINE,
    1 * MINUTE,
    "Always fires: when it stops arriving, no alert arrives.",
)

KINDS: tuple[AlertKind, ...] = (
    MILESTONE_MISSED,
    MILESTONE_AT_RISK,
    TARGET_LOST,
    INDICATOR_UNREPORTED,
    PRODUCER_SILENT,
    PRODUCER_FAULTY,
    DEAD_LETTERS,
    DEAD_LETTER_SHARE_HIGH,
    POISON_RECORD,
    ENTITY_HALF_FULL,
    CONSUMER_LAG,
    RECORDS_DELETED,
    PARTITIONS_MISSING,
    WORKER_NOT_READY,
    TOPIC_FAULTY,
    ASSESSOR_NOT_READY,
    GATEWAY_NOT_READY,
    FIGURES_DIVERGE,
    WATCHDOG,
)
