"""Every alert by name: severity, scope and pending period. Its runbook has the same name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from events.dead_letter_policy import DEAD_LETTER_POLICY

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

    scope: Scope
    name: str
    severity: Severity
    pending: int
    meaning: str
    """One English sentence, for the index of the runbooks."""
    keep_firing_for: int = 0
    silences_figures: bool = False
    """True where it means that the figures, and alerts about them, are not to be relied on."""


_figures: Final = partial(AlertKind, Scope.FIGURES)
_producers: Final = partial(AlertKind, Scope.PRODUCERS)
_pipeline: Final = partial(AlertKind, Scope.PIPELINE)

# Figures. Their pending periods cover a correction that overtakes what it corrects.
MILESTONE_MISSED = _figures(
    "MilestoneMissed",
    Severity.CRITICAL,
    5 * MINUTE,
    "A milestone's day has passed and its target is not attained.",
)
MILESTONE_AT_RISK = _figures(
    "MilestoneAtRisk",
    Severity.WARNING,
    5 * MINUTE,
    "At the observed pace a milestone's target will be attained after its day, or never.",
)
TARGET_LOST = _figures(
    "TargetLost", Severity.WARNING, 5 * MINUTE, "A target that was attained is no longer held."
)
MILESTONE_UNEXPLAINED = _figures(
    "MilestoneUnexplained",
    Severity.WARNING,
    30 * MINUTE,
    "A milestone is missed or at risk, and for too many days nobody has explained why.",
)
INDICATOR_UNREPORTED = _figures(
    "IndicatorUnreported",
    Severity.WARNING,
    30 * MINUTE,
    "No fact behind an indicator came within its periodicity, delay and grace.",
)

PRODUCER_SILENT = _producers(
    "ProducerSilent",
    Severity.WARNING,
    30 * MINUTE,
    "A producer has sent nothing for longer than the frequency that it promised allows.",
)
PRODUCER_FAULTY = _producers(
    "ProducerFaulty",
    Severity.WARNING,
    15 * MINUTE,
    "More than a twentieth of a producer's records of six hours were refused.",
)

# The monitor itself. Where a worker comes and goes, keep_firing_for makes one alert of it.
DEAD_LETTERS = _pipeline(
    "DeadLetters",
    Severity.WARNING,
    MINUTE,
    "Workers refused records, and kept them as dead letters.",
)
DEAD_LETTER_SHARE_HIGH = _pipeline(
    "DeadLetterShareHigh",
    Severity.CRITICAL,
    0,
    f"More than {DEAD_LETTER_POLICY.max_share:.0%} of a family's last {DEAD_LETTER_POLICY.window}"
    " records were refused: a bad deploy, or a broken producer.",
    keep_firing_for=5 * MINUTE,
)
POISON_RECORD = _pipeline(
    "PoisonRecord",
    Severity.CRITICAL,
    MINUTE,
    "Three workers in a row ended at the same record: an operator may have to pass over it.",
)
CONSUMER_LAG = _pipeline(
    "ConsumerLag",
    Severity.WARNING,
    10 * MINUTE,
    "The workers do not keep up with a topic: the figures are late.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
RECORDS_DELETED = _pipeline(
    "RecordsDeleted",
    Severity.CRITICAL,
    MINUTE,
    "Events were deleted from their topic within the last day: they cannot be counted again.",
    keep_firing_for=5 * MINUTE,
)
PARTITIONS_MISSING = _pipeline(
    "PartitionsMissing",
    Severity.CRITICAL,
    5 * MINUTE,
    "Some partitions are exposed by no worker: totals are withheld.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
WORKER_NOT_READY = _pipeline(
    "WorkerNotReady",
    Severity.WARNING,
    10 * MINUTE,
    "A worker cannot be scraped, or does not become ready.",
    keep_firing_for=5 * MINUTE,
)
TOPIC_FAULTY = _pipeline(
    "TopicFaulty",
    Severity.CRITICAL,
    MINUTE,
    "A topic is missing, was created again, has more partitions, lost events, or has"
    " settings with which a broker loses events.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
ASSESSOR_NOT_READY = _pipeline(
    "AssessorNotReady",
    Severity.CRITICAL,
    5 * MINUTE,
    "No assessor judges all milestones, or its lag is large.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
GATEWAY_NOT_READY = _pipeline(
    "GatewayNotReady",
    Severity.WARNING,
    5 * MINUTE,
    "The gateway cannot be reached, or accepts no events.",
    keep_firing_for=5 * MINUTE,
)
PAGE_NOT_READY = _pipeline(
    "PageNotReady",
    Severity.WARNING,
    5 * MINUTE,
    "The delegate's page cannot be reached, or shows no figures.",
    keep_firing_for=5 * MINUTE,
)
FIGURES_DIVERGE = _pipeline(
    "FiguresDiverge",
    Severity.CRITICAL,
    10 * MINUTE,
    "Two computations of the same figure do not agree.",
    keep_firing_for=5 * MINUTE,
    silences_figures=True,
)
WATCHDOG = _pipeline(
    "Watchdog", Severity.INFO, MINUTE, "Always fires: when it stops arriving, no alert arrives."
)

KINDS: tuple[AlertKind, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, AlertKind)
)
