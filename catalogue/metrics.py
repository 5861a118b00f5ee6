"""Every metric of the processes, once: name, kind and labels.

`metrics.yaml` has what each means; docs/metrics.md and the HELP lines of /metrics are made of it.
Rules, boards, the audit and the tests take names from here. What Prometheus records of these
metrics is named in `dashboards/conventions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Literal, TypeAlias

from catalogue import territories
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.document import data_beside

REGION: Final = territories.REGION
"""The label value of the Région, where a département has its code."""

Section: TypeAlias = Literal["worker", "producers", "assessor", "gateway", "page"]

_INDICATOR = ("programme", "indicator")
_MILESTONE = (*_INDICATOR, "milestone")
_TERRITORY = (*_INDICATOR, "department")
_FIGURE = (*_TERRITORY, "partition")
_PROMISE = (*_TERRITORY, "milestone")
_PRODUCER = ("producer",)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family; as text it is its name, as PromQL writes it."""

    name: str
    labels: tuple[str, ...] = ()
    section: Section = "worker"
    """The process that exposes it; `producers` are those of a worker about who sends events."""
    is_histogram: bool = False

    @property
    def kind(self) -> Literal["gauge", "counter", "histogram"]:
        """The metric's type; as Prometheus recommends it, a counter's name alone has `_total`."""
        if self.is_histogram:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"

    @property
    def meaning(self) -> str:
        """What it says."""
        return str(_texts()[self.name]["meaning"])

    @property
    def remedy(self) -> str:
        """What an operator must do; empty if nothing."""
        return str(_texts()[self.name].get("remedy", ""))

    def __str__(self) -> str:
        return self.name


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    policy = {"window": DEAD_LETTER_POLICY.window, "max_share": f"{DEAD_LETTER_POLICY.max_share:g}"}
    found: dict[str, dict[str, Any]] = data_beside(__file__)
    return {
        name: {key: text.format(**policy) for key, text in one.items()}
        for name, one in found.items()
    }


def label_meanings() -> Mapping[str, str]:
    """Return what each label means. None ever names a lycée, a person or a dataset."""
    return _texts()["labels"]


# Each worker exposes these.
INDICATOR_VALUE = Metric("smartregion_indicator_value", _FIGURE)
INDICATOR_NUMERATOR = Metric("smartregion_indicator_numerator", _FIGURE)
INDICATOR_DENOMINATOR = Metric("smartregion_indicator_denominator", _FIGURE)
INDICATOR_CATEGORY = Metric(
    "smartregion_indicator_category_value",
    ("programme", "indicator", "dimension", "category", "department", "partition"),
)
INDICATOR_LAST_REPORTED = Metric("smartregion_indicator_last_reported_timestamp_seconds", _FIGURE)
INDICATOR_INFO = Metric(
    "smartregion_indicator_info", ("programme", "indicator", "unit", "direction", "label")
)
INDICATOR_BASELINE = Metric("smartregion_indicator_baseline", _INDICATOR)
INDICATOR_OWN_BASELINE = Metric("smartregion_indicator_own_baseline", _TERRITORY)
MILESTONE_TARGET = Metric("smartregion_milestone_target", _MILESTONE)
MILESTONE_DEADLINE = Metric("smartregion_milestone_deadline_timestamp_seconds", _MILESTONE)
AS_OF = Metric("smartregion_as_of_timestamp_seconds")
PARTITIONS_EXPECTED = Metric("smartregion_partitions_expected")
PARTITION_SHOWN = Metric("smartregion_partition_shown", ("partition",))
WORKER_READY = Metric("smartregion_worker_ready")
ENTITIES = Metric("smartregion_entities", ("family",))
ENDS_AT_RECORD = Metric("smartregion_ends_at_record", ("topic", "partition"))
EVENTS = Metric("smartregion_events_total", ("type", "outcome"))
DEAD_LETTERS = Metric("smartregion_dead_letters_total", ("reason",))
DEAD_LETTER_SHARE = Metric("smartregion_dead_letter_share", ("family",))
DEAD_LETTER_ALARM = Metric("smartregion_dead_letter_alarm_info", ("family", "reason", "field"))
LAST_EVENT = Metric("smartregion_last_event_timestamp_seconds", ("source", "type"))
LAG = Metric("smartregion_consumer_lag_records", ("topic", "partition"))
TOPIC_FAULT = Metric("smartregion_topic_fault", ("topic", "partition", "fault"))
LOG_START = Metric("smartregion_topic_log_start_offset", ("topic", "partition"))
FOLD_MISMATCHES = Metric("smartregion_fold_mismatches_total")
COORDINATOR_ERRORS = Metric("smartregion_coordinator_errors_total")
RECOVERIES = Metric("smartregion_recoveries_total")
RECOVERY_SECONDS = Metric("smartregion_recovery_seconds")
PARTITION_SNAPSHOTS = Metric("smartregion_partition_snapshots_total", ("outcome",))
SOURCES_DROPPED = Metric("smartregion_sources_dropped_total")

# Each worker also exposes these, about who sends events: `streams/meters.py`.
_producers = partial(Metric, section="producers")

PRODUCER_INFO = _producers("smartregion_producer_info", ("producer", "title"))
PRODUCER_PROGRAMME = _producers(
    "smartregion_producer_programme_info", ("producer", "programme", "indicator")
)
PRODUCER_EVENTS = _producers("smartregion_producer_events_total", ("producer", "outcome"))
PRODUCER_REFUSED = _producers("smartregion_producer_refused_total", ("producer", "reason"))
PRODUCER_LATENESS = _producers("smartregion_producer_lateness_days", _PRODUCER, is_histogram=True)
PRODUCER_LAST_EVENT = _producers("smartregion_producer_last_event_timestamp_seconds", _PRODUCER)
PRODUCER_INTERVAL = _producers("smartregion_producer_expected_interval_seconds", _PRODUCER)
PRODUCER_ALLOWED_SILENCE = _producers("smartregion_producer_allowed_silence_seconds", _PRODUCER)

# The assessor exposes these beside `AS_OF` and `TOPIC_FAULT`. It judges the whole region: there is
# nothing to sum.
_assessor = partial(Metric, section="assessor")

INDICATOR_ASSESSED_VALUE = _assessor("smartregion_indicator_assessed_value", _TERRITORY)
INDICATOR_COUNTRY = _assessor("smartregion_indicator_country_value", _INDICATOR)
INDICATOR_PACE = _assessor("smartregion_indicator_pace_per_day", _TERRITORY)
INDICATOR_CHANGE = _assessor("smartregion_indicator_change", (*_TERRITORY, "part", "window"))
MILESTONE_STATUS = _assessor("smartregion_milestone_status", (*_PROMISE, "status"))
MILESTONE_PROGRESS = _assessor("smartregion_milestone_progress_ratio", _PROMISE)
MILESTONE_PROJECTED = _assessor("smartregion_milestone_projected_timestamp_seconds", _PROMISE)
MILESTONE_PROJECTED_EARLIEST = _assessor(
    "smartregion_milestone_projected_earliest_timestamp_seconds", _PROMISE
)
MILESTONE_PROJECTED_LATEST = _assessor(
    "smartregion_milestone_projected_latest_timestamp_seconds", _PROMISE
)
MILESTONE_ATTAINED = _assessor("smartregion_milestone_attained_timestamp_seconds", _PROMISE)
MILESTONE_LOST = _assessor("smartregion_milestone_lost", _PROMISE)
MILESTONE_LOST_ON = _assessor("smartregion_milestone_lost_timestamp_seconds", _PROMISE)
MILESTONE_REQUIRED_PACE = _assessor("smartregion_milestone_required_pace_per_day", _PROMISE)
MILESTONE_UNEXPLAINED = _assessor("smartregion_milestone_unexplained_timestamp_seconds", _PROMISE)
EXPLANATIONS = _assessor("smartregion_explanations", ("known",))
CELL_VALUE = _assessor("smartregion_cell_value", (*_TERRITORY, "category"))
CELL_SUPPRESSED = _assessor("smartregion_cell_suppressed", (*_TERRITORY, "category"))
INDICATOR_PUBLISHED = _assessor("smartregion_indicator_published_timestamp_seconds", _INDICATOR)
ASSESSOR_READY = _assessor("smartregion_assessor_ready")
ASSESSOR_LAG = _assessor("smartregion_assessor_lag_records")
ASSESSOR_UNJUDGED = _assessor("smartregion_assessor_unjudged_indicators")
HISTORY_AGE = _assessor("smartregion_assessor_history_age_seconds", ("partition",))

# The gateway exposes these.
_gateway = partial(Metric, section="gateway")

GATEWAY_EVENTS = _gateway("smartregion_gateway_events_total", ("producer", "outcome"))
GATEWAY_REFUSED = _gateway("smartregion_gateway_refused_total", ("producer", "reason"))
GATEWAY_REPEATS = _gateway("smartregion_gateway_repeats_total", ("producer",))
GATEWAY_REQUESTS = _gateway("smartregion_gateway_requests_total", ("status",))
GATEWAY_REQUEST_SECONDS = _gateway("smartregion_gateway_request_seconds", is_histogram=True)
GATEWAY_READY = _gateway("smartregion_gateway_ready")

# The page exposes these.
_page = partial(Metric, section="page")

PAGE_READY = _page("smartregion_page_ready")
PAGE_LEDGER_EVENTS = _page("smartregion_page_ledger_events")
PAGE_LEDGER_LAG = _page("smartregion_page_ledger_lag")
PAGE_REQUESTS = _page("smartregion_page_requests_total", ("status",))


def _metrics_of(section: Section) -> tuple[Metric, ...]:
    """Return the metrics of a section, in the order of their declaration."""
    declared = (value for value in globals().values() if isinstance(value, Metric))
    return tuple(metric for metric in declared if metric.section == section)


WORKER_METRICS = _metrics_of("worker")
PRODUCER_METRICS = _metrics_of("producers")
ASSESSOR_METRICS = _metrics_of("assessor")
GATEWAY_METRICS = _metrics_of("gateway")
PAGE_METRICS = _metrics_of("page")
