"""Every metric the worker exposes: one vocabulary of names, labels, meanings and remedies.

docs/metrics.md is generated from it; rules, boards, the audit and the tests take names from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["LABELS", "METRICS", "REGION", "Metric"]

#: The `department` label of figures of entities that name no département.
REGION = "region"

_FIGURE = ("programme", "indicator", "department", "partition")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family. `remedy` is what an operator does about it; empty where nothing."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    meaning: str
    remedy: str = ""


INDICATOR_VALUE = Metric(
    "smartregion_indicator_value",
    "gauge",
    _FIGURE,
    "An additive indicator's share in one partition, in the indicator's unit: sum over partitions.",
)
INDICATOR_NUMERATOR = Metric(
    "smartregion_indicator_numerator",
    "gauge",
    _FIGURE,
    "A ratio indicator's numerator in one partition (0 where only its denominator is known): "
    "sum over partitions before dividing.",
)
INDICATOR_DENOMINATOR = Metric(
    "smartregion_indicator_denominator",
    "gauge",
    _FIGURE,
    "A ratio indicator's denominator in one partition: sum over partitions before dividing.",
)
INDICATOR_CATEGORY = Metric(
    "smartregion_indicator_category_value",
    "gauge",
    ("programme", "indicator", "dimension", "category", "department", "partition"),
    "An indicator's numerator by category of its breakdown (audience, theme), in one partition.",
)
INDICATOR_LAST_REPORTED = Metric(
    "smartregion_indicator_last_reported_timestamp_seconds",
    "gauge",
    _FIGURE,
    "The latest effective day, up to as_of, of a fact that the indicator looks at.",
    "Much older than as_of: the producer is silent, ask it; the figure is unreported, not zero.",
)
INDICATOR_INFO = Metric(
    "smartregion_indicator_info",
    "gauge",
    ("programme", "indicator", "unit", "direction", "label"),
    "Always 1: what an indicator is, as the catalogue says.",
)
INDICATOR_BASELINE = Metric(
    "smartregion_indicator_baseline",
    "gauge",
    ("programme", "indicator"),
    "The value from which progress is counted.",
)
MILESTONE_TARGET = Metric(
    "smartregion_milestone_target",
    "gauge",
    ("programme", "indicator", "milestone"),
    "The value promised by a milestone.",
)
MILESTONE_DEADLINE = Metric(
    "smartregion_milestone_deadline_timestamp_seconds",
    "gauge",
    ("programme", "indicator", "milestone"),
    "The day by which a milestone was promised (midnight UTC).",
)
AS_OF = Metric(
    "smartregion_as_of_timestamp_seconds",
    "gauge",
    (),
    "The monitor's own day (midnight UTC). Rules use it instead of time().",
)
PARTITIONS_EXPECTED = Metric(
    "smartregion_partitions_expected",
    "gauge",
    (),
    "How many partitions the figures are spread over, on all workers.",
)
PARTITION_OWNED = Metric(
    "smartregion_partition_owned",
    "gauge",
    ("partition",),
    "1 for each partition whose figures this worker exposes; absent until its state is rebuilt.",
    "Fewer than expected over all workers: a worker is missing or restoring; totals are withheld.",
)
WORKER_READY = Metric(
    "smartregion_worker_ready",
    "gauge",
    (),
    "1 when the state is rebuilt and figures are exposed, else 0.",
    "0 for long: ask /readyz what it waits for, and read the log.",
)
ENTITIES = Metric(
    "smartregion_entities",
    "gauge",
    ("family",),
    "Entities held in memory.",
)
EVENTS = Metric(
    "smartregion_events_total",
    "counter",
    ("type", "outcome"),
    "Records read, by what became of them: accepted, duplicate, superseded, refused, misrouted.",
    "misrouted grows: a producer uses another partitioner than murmur2; tell it, nothing is lost.",
)
DEAD_LETTERS = Metric(
    "smartregion_dead_letters_total",
    "counter",
    ("reason",),
    "Records refused and kept in the dead-letter topic.",
    "Read them with `smart-region dead-letters list`, and tell the producer.",
)
LAST_EVENT = Metric(
    "smartregion_last_event_timestamp_seconds",
    "gauge",
    ("source", "type"),
    "When the newest event of a source and type was recorded by its producer.",
    "Old: the source is silent; ask its contact.",
)
LAG = Metric(
    "smartregion_consumer_lag_records",
    "gauge",
    ("topic", "partition"),
    "Records on the topic that this worker has yet to work through.",
    "Growing: add a worker, up to the number of partitions.",
)
REBUILD_MISMATCHES = Metric(
    "smartregion_rebuild_mismatches_total",
    "counter",
    (),
    "Series that differed when the fold was derived anew from the states.",
    "Not 0: a fault of the program. Restart the worker, run `smart-region audit`, and report it.",
)
COORDINATOR_ERRORS = Metric(
    "smartregion_coordinator_errors_total",
    "counter",
    (),
    "Errors of the group coordinator that the watchdog found.",
    "Growing: look at the broker; the worker ends by itself when they go on.",
)
RECOVERIES = Metric(
    "smartregion_recoveries_total",
    "counter",
    (),
    "Times the state was rebuilt from the changelogs: at the start and after each rebalance.",
    "Growing by itself: workers come and go; see their logs.",
)
RECOVERY_SECONDS = Metric(
    "smartregion_recovery_seconds",
    "gauge",
    (),
    "How long the last rebuild took, from the assignment to ready.",
)
SOURCES_DROPPED = Metric(
    "smartregion_sources_dropped_total",
    "counter",
    (),
    "Times a batch brought a source that has no series of its own, too many having been seen.",
    "Not 0: a producer makes up sources; `source` names a system, not an event.",
)

METRICS: tuple[Metric, ...] = (
    INDICATOR_VALUE,
    INDICATOR_NUMERATOR,
    INDICATOR_DENOMINATOR,
    INDICATOR_CATEGORY,
    INDICATOR_LAST_REPORTED,
    INDICATOR_INFO,
    INDICATOR_BASELINE,
    MILESTONE_TARGET,
    MILESTONE_DEADLINE,
    AS_OF,
    PARTITIONS_EXPECTED,
    PARTITION_OWNED,
    WORKER_READY,
    ENTITIES,
    EVENTS,
    DEAD_LETTERS,
    LAST_EVENT,
    LAG,
    REBUILD_MISMATCHES,
    COORDINATOR_ERRORS,
    RECOVERIES,
    RECOVERY_SECONDS,
    SOURCES_DROPPED,
)

#: What each label says. None ever names a lycée, a person or a dataset.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "category": "A value of the breakdown, as the catalogue's facts write it: `job_seeker`.",
        "department": f"A département's INSEE code, or `{REGION}` for what names none of them.",
        "dimension": "The field by which an indicator is broken down: `audience`, `theme`.",
        "direction": "Which way the promise goes: `rising` or `falling`.",
        "family": "A kind of entities, one topic each: `schools`, `grants`…",
        "indicator": "An indicator's id in the catalogue.",
        "label": "An indicator's title, in French.",
        "milestone": "A milestone's id, unique within its indicator.",
        "outcome": "What became of a record; each has exactly one.",
        "partition": "A partition's number, the same for all families.",
        "programme": "A programme's id in the catalogue.",
        "reason": "Why a record was refused: a closed list, in `events/errors.py`.",
        "source": "The producing system, as its events say; the only label of foreign words.",
        "topic": "A topic of events.",
        "type": "The CloudEvents type of an event; `unknown` where it could not be read.",
        "unit": "`ratio` (0 to 1), `count` or `euros`.",
    }
)
