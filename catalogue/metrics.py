"""Every metric of the processes, once: name, kind, labels, meaning and remedy.

docs/metrics.md is generated from it; rules, boards, the audit and the tests take names from it.
What Prometheus records of these metrics is named in `dashboards/conventions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from catalogue import territories
from events.dead_letter_policy import DEAD_LETTER_POLICY

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
    labels: tuple[str, ...]
    meaning: str
    remedy: str = ""
    """What an operator does about it; empty where nothing."""
    section: Section = "worker"
    """The process that exposes it; `producers` are those of a worker about who sends events."""
    is_histogram: bool = False

    @property
    def kind(self) -> Literal["gauge", "counter", "histogram"]:
        """The metric's type; as Prometheus recommends it, a counter's name alone has `_total`."""
        if self.is_histogram:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"

    def __str__(self) -> str:
        return self.name


# Each worker exposes these.
INDICATOR_VALUE = Metric(
    "smartregion_indicator_value",
    _FIGURE,
    "An additive indicator's share in one partition, in the indicator's unit: sum over partitions. "
    "Of an observed indicator the whole value, in the partition of its territory: `region` is what "
    "was observed in the region, and no sum of départements.",
)
INDICATOR_NUMERATOR = Metric(
    "smartregion_indicator_numerator",
    _FIGURE,
    "A ratio indicator's numerator in one partition (0 where only its denominator is known): "
    "sum over partitions before dividing.",
)
INDICATOR_DENOMINATOR = Metric(
    "smartregion_indicator_denominator",
    _FIGURE,
    "A ratio indicator's denominator in one partition: sum over partitions before dividing.",
)
INDICATOR_CATEGORY = Metric(
    "smartregion_indicator_category_value",
    ("programme", "indicator", "dimension", "category", "department", "partition"),
    "An indicator's numerator by category of its breakdown (audience, theme), in one partition.",
)
INDICATOR_LAST_REPORTED = Metric(
    "smartregion_indicator_last_reported_timestamp_seconds",
    _FIGURE,
    "The latest effective day, up to as_of, of a fact that the indicator reads; of an indicator "
    "about persons the region's alone.",
    "Much older than as_of: the producer is silent, write to it. The figure is unreported, not 0.",
)
INDICATOR_INFO = Metric(
    "smartregion_indicator_info",
    ("programme", "indicator", "unit", "direction", "label"),
    "Always 1: what an indicator is in the catalogue.",
)
INDICATOR_BASELINE = Metric(
    "smartregion_indicator_baseline", _INDICATOR, "The value from which progress is counted."
)
INDICATOR_OWN_BASELINE = Metric(
    "smartregion_indicator_own_baseline",
    _TERRITORY,
    "The value from which progress is counted in a territory that has its own.",
)
MILESTONE_TARGET = Metric(
    "smartregion_milestone_target", _MILESTONE, "The value promised by a milestone."
)
MILESTONE_DEADLINE = Metric(
    "smartregion_milestone_deadline_timestamp_seconds",
    _MILESTONE,
    "The day by which a milestone was promised (midnight UTC).",
)
AS_OF = Metric(
    "smartregion_as_of_timestamp_seconds",
    (),
    "The monitor's own day (midnight UTC). Rules use it instead of time().",
)
PARTITIONS_EXPECTED = Metric(
    "smartregion_partitions_expected",
    (),
    "How many partitions the figures are spread over, on all workers.",
)
PARTITION_OWNED = Metric(
    "smartregion_partition_owned",
    ("partition",),
    "1 for each partition whose figures this worker exposes; absent until its events are read.",
    "Fewer than expected over all workers: a worker is missing or restoring; totals are withheld.",
)
WORKER_READY = Metric(
    "smartregion_worker_ready",
    (),
    "1 when the events are read up to the committed offsets, the topics are whole, the broker "
    "answers and figures are exposed, else 0.",
    "0 for long: read in /readyz what it waits for, and the log.",
)
ENTITIES = Metric(
    "smartregion_entities",
    ("family",),
    "Entities held in memory; of persons in multiples of min_cell, and 0 below it.",
)
ENDS_AT_RECORD = Metric(
    "smartregion_ends_at_record",
    ("topic", "partition"),
    "How many workers in a row have ended at the record that this one is about to work at; absent "
    "below 3.",
    "3 or more: it may never pass by itself. The log says which; see the runbook PoisonRecord.",
)
EVENTS = Metric(
    "smartregion_events_total",
    ("type", "outcome"),
    "Records read, by what became of them: accepted, duplicate, superseded, refused, misrouted.",
    "misrouted grows: a producer has another partitioner than murmur2. Inform it; nothing is lost.",
)
DEAD_LETTERS = Metric(
    "smartregion_dead_letters_total",
    ("reason",),
    "Records refused and kept in the dead-letter topic.",
    "Read them with `smart-region dead-letters list`; inform the producer, or repair and `replay`.",
)
DEAD_LETTER_SHARE = Metric(
    "smartregion_dead_letter_share",
    ("family",),
    f"The share of a family's last {DEAD_LETTER_POLICY.window} records that this worker refused, "
    "0 to 1; a refusal counts for a day at most. Records that it has not read yet count as taken.",
    f"Above {DEAD_LETTER_POLICY.max_share:g}: a bad deploy or a broken producer; see the runbook "
    "DeadLetterShareHigh.",
)
DEAD_LETTER_ALARM = Metric(
    "smartregion_dead_letter_alarm_info",
    ("family", "reason", "field"),
    "Always 1: the first cause of a dead-letter share above its limit; absent below it. It stays "
    "the same until the share has fallen below the limit.",
    "`smart-region dead-letters list --reason REASON` shows the records; the runbook "
    "DeadLetterShareHigh has how to repair and replay.",
)
LAST_EVENT = Metric(
    "smartregion_last_event_timestamp_seconds",
    ("source", "type"),
    "When the newest event of a source and type was recorded by its producer.",
    "Old: the source is silent; write to its contact.",
)
LAG = Metric(
    "smartregion_consumer_lag_records",
    ("topic", "partition"),
    "Records on the topic that this worker has yet to process.",
    "Growing: add a worker, up to the number of partitions.",
)
TOPIC_FAULT = Metric(
    "smartregion_topic_fault",
    ("topic", "partition", "fault"),
    "1 for each topic, or partition of one, that has lost what was in it, or is not as this "
    "process needs it; `partition` is empty where the whole topic is meant. Absent while all is "
    "well.",
    "See the runbook TopicFaulty, and what /readyz reports.",
)
LOG_START = Metric(
    "smartregion_topic_log_start_offset",
    ("topic", "partition"),
    "The first offset that is left of a partition of events: 0 where nothing was ever deleted.",
    "Growing: records are lost, unless `smart-region erase` was run. Check the retention.",
)
REBUILD_MISMATCHES = Metric(
    "smartregion_rebuild_mismatches_total",
    (),
    "Series that differed when the fold was derived anew from the states.",
    "Not 0: a fault of the program. Restart the worker, run `smart-region audit`, and report it.",
)
COORDINATOR_ERRORS = Metric(
    "smartregion_coordinator_errors_total",
    (),
    "Errors of the group coordinator that the watchdog found.",
    "Growing: check the broker; the worker ends by itself when they go on.",
)
RECOVERIES = Metric(
    "smartregion_recoveries_total",
    (),
    "Times the worker read its events until it was ready: at the start and after a rebalance.",
    "Growing by itself: workers come and go; see their logs.",
)
RECOVERY_SECONDS = Metric(
    "smartregion_recovery_seconds",
    (),
    "How long the last of them took, from the assignment to ready.",
)
PARTITION_SNAPSHOTS = Metric(
    "smartregion_partition_snapshots_total",
    ("outcome",),
    "Files of entity states (`SMART_REGION_SNAPSHOTS`) that were `written`, `loaded` at an "
    "assignment, `discarded` there, or could not be written (`failed`).",
    "`failed` grows: the log has the cause, a full disk for example. Starts take longer meanwhile.",
)
SOURCES_DROPPED = Metric(
    "smartregion_sources_dropped_total",
    (),
    "Times a batch brought a source that has no series of its own, too many having been seen.",
    "Not 0: somebody who is not declared makes up sources; `source` names a system, not an event.",
)

# Each worker also exposes these, about who sends events: `streams/producers/`.
_producers = partial(Metric, section="producers")

PRODUCER_INFO = _producers(
    "smartregion_producer_info",
    ("producer", "title"),
    "Always 1: a declared producer, and what people call it.",
)
PRODUCER_PROGRAMME = _producers(
    "smartregion_producer_programme_info",
    ("producer", "programme"),
    "Always 1: a programme with a figure that depends on facts which this producer may send.",
)
PRODUCER_EVENTS = _producers(
    "smartregion_producer_events_total",
    ("producer", "outcome"),
    "Records read, by producer and outcome.",
    "refused grows: `smart-region producers report --producer ID` says what to repair; send it. "
    "unknown grows: somebody sends who is not declared; see `source` in "
    "`smartregion_last_event_timestamp_seconds`.",
)
PRODUCER_REFUSED = _producers(
    "smartregion_producer_refused_total",
    ("producer", "reason"),
    "Records refused, by producer, as far as it can be read, and reason.",
    "Send the producer its report: it names the field, and where a refused record is.",
)
PRODUCER_LATENESS = _producers(
    "smartregion_producer_lateness_days",
    _PRODUCER,
    "Days from the effective day of a fact to its recording by its producer, of events that were "
    "no repetitions.",
    "Grows: the producer reports later than it did; the figures of past days still move.",
    is_histogram=True,
)
PRODUCER_LAST_EVENT = _producers(
    "smartregion_producer_last_event_timestamp_seconds",
    _PRODUCER,
    "When the newest event of a producer was recorded by it.",
    "Older than the producer's allowed silence: write to its contact.",
)
PRODUCER_INTERVAL = _producers(
    "smartregion_producer_expected_interval_seconds",
    _PRODUCER,
    "The longest interval that a producer's promised frequency has; absent where none is promised.",
)
PRODUCER_ALLOWED_SILENCE = _producers(
    "smartregion_producer_allowed_silence_seconds",
    _PRODUCER,
    "How long a producer may send nothing before it counts as silent: its interval and a quarter, "
    "at least three days, more; absent where none is promised.",
)

# The assessor exposes these beside `AS_OF` and `TOPIC_FAULT`. It judges the whole region: there is
# nothing to sum.
_assessor = partial(Metric, section="assessor")

INDICATOR_ASSESSED_VALUE = _assessor(
    "smartregion_indicator_assessed_value",
    _TERRITORY,
    "An indicator's value in its unit, of the whole region or a département; absent where it is "
    "not known or is withheld. It equals the workers' sums; workers expose none about persons.",
    "Differs from the workers' sums for minutes: one of the two is behind or at fault; run "
    "`smart-region audit`.",
)
INDICATOR_COUNTRY = _assessor(
    "smartregion_indicator_country_value",
    _INDICATOR,
    "The whole country's value of an observed indicator, in its unit, where the catalogue shows it "
    "for comparison; absent where it is not known.",
)
INDICATOR_PACE = _assessor(
    "smartregion_indicator_pace_per_day",
    _TERRITORY,
    "The observed pace, in the indicator's unit per day: the Theil–Sen slope of its own history. "
    "Absent where the history has too few points or fell silent.",
)
INDICATOR_CHANGE = _assessor(
    "smartregion_indicator_change",
    (*_TERRITORY, "part", "window"),
    "By how much the value changed over the window that ends on as_of, in the indicator's unit; "
    "of persons, since the publication before. The parts numerator and denominator say what "
    "changed it, and add up to the part value.",
)
MILESTONE_STATUS = _assessor(
    "smartregion_milestone_status",
    (*_PROMISE, "status"),
    "1 for the status that a milestone has, 0 for the others; absent where it has no target, or "
    "where persons that are withheld could decide it.",
    "unreported: write to the producer. at_risk, missed: see the programme's board, and its owner.",
)
MILESTONE_PROGRESS = _assessor(
    "smartregion_milestone_progress_ratio",
    _PROMISE,
    "The progress rate (taux d’avancement), 0 to 1: how much of the way from the baseline to the "
    "target is done.",
)
MILESTONE_PROJECTED = _assessor(
    "smartregion_milestone_projected_timestamp_seconds",
    _PROMISE,
    "The day on which the target is reached if the observed pace goes on (midnight UTC); absent "
    "once it is attained, and where no pace leads there within ten years or by the deadline.",
)
MILESTONE_PROJECTED_EARLIEST = _assessor(
    "smartregion_milestone_projected_earliest_timestamp_seconds",
    _PROMISE,
    "The projected day by the faster quartile of the paces observed.",
)
MILESTONE_PROJECTED_LATEST = _assessor(
    "smartregion_milestone_projected_latest_timestamp_seconds",
    _PROMISE,
    "The projected day by the slower quartile of the paces observed; absent where that "
    "leads there neither within ten years nor by the deadline.",
)
MILESTONE_ATTAINED = _assessor(
    "smartregion_milestone_attained_timestamp_seconds",
    _PROMISE,
    "The first day of the attainment that still holds (midnight UTC); absent where the target is "
    "not attained.",
)
MILESTONE_LOST = _assessor(
    "smartregion_milestone_lost",
    _PROMISE,
    "1 where the target was attained on an earlier day and is not now, else 0.",
    "1: see on the programme's board whether the numerator fell or the denominator grew.",
)
MILESTONE_LOST_ON = _assessor(
    "smartregion_milestone_lost_timestamp_seconds",
    _PROMISE,
    "The first day on which an attained target was no longer held (midnight UTC); absent where "
    "none is lost.",
)
MILESTONE_REQUIRED_PACE = _assessor(
    "smartregion_milestone_required_pace_per_day",
    _PROMISE,
    "The pace it takes from as_of to reach the target on its day, in the indicator's unit per day; "
    "absent once it is attained, on its day and after.",
)
MILESTONE_UNEXPLAINED = _assessor(
    "smartregion_milestone_unexplained_timestamp_seconds",
    _PROMISE,
    "The day since which a milestone is missed or at risk without an explanation (midnight UTC); "
    "absent where it is explained, or neither missed nor at risk.",
    "Older than the indicator's explanation_grace_days: ask the programme's owner, who answers "
    "with `smart-region explain`.",
)
EXPLANATIONS = _assessor(
    "smartregion_explanations",
    ("known",),
    "Explanations of milestones that are not retracted, by whether the catalogue has the milestone "
    "and holds the territory to it: true or false.",
    "false above 0: they are shown nowhere. Their sender retracts them and sends them again, with "
    "the ids of the catalogue.",
)
CELL_VALUE = _assessor(
    "smartregion_cell_value",
    (*_TERRITORY, "category"),
    "Persons by territory and category, as last published: a multiple of the indicator's min_cell. "
    "Indicators about persons have no other figure by category.",
)
CELL_SUPPRESSED = _assessor(
    "smartregion_cell_suppressed",
    (*_TERRITORY, "category"),
    "1 where a figure about persons is withheld: they are too few, or nobody; else 0. Without a "
    "category it is about the figure of all of them together.",
)
INDICATOR_PUBLISHED = _assessor(
    "smartregion_indicator_published_timestamp_seconds",
    _INDICATOR,
    "The day whose figures are shown, of an indicator about persons: the end of the last period "
    "that was published.",
)
ASSESSOR_READY = _assessor(
    "smartregion_assessor_ready",
    (),
    "1 when the assessor has the histories of all partitions and its judgements are exposed, else "
    "0.",
    "0 for long: read in /readyz what it waits for, and the log.",
)
ASSESSOR_LAG = _assessor(
    "smartregion_assessor_lag_records",
    (),
    "What is not in the assessor's judgements yet: the series that workers told since, and the "
    "workers that may have more.",
    "Growing: check the assessor's log and the workers; judgements are of an older state.",
)
ASSESSOR_UNJUDGED = _assessor(
    "smartregion_assessor_unjudged_indicators",
    (),
    "The number of indicators that are not judged, because the catalogue of some worker does not "
    "have what they count.",
    "Above 0: the assessor's log names them, and the worker. Restart whichever has the older "
    "catalogue or release.",
)
HISTORY_AGE = _assessor(
    "smartregion_assessor_history_age_seconds",
    ("partition",),
    "Seconds since a worker last confirmed the histories that are judged of a partition; up to 6 "
    "while all is well. Absent without them.",
    "Growing: nobody owns the partition, or its worker does not answer: see the assessor's log. "
    "Beyond SMART_REGION_HISTORY_HOLD nothing is judged.",
)

# The gateway exposes these.
_gateway = partial(Metric, section="gateway")

GATEWAY_EVENTS = _gateway(
    "smartregion_gateway_events_total",
    ("producer", "outcome"),
    "Events that came to the gateway, by what became of them: accepted (the broker has them), "
    "refused, failed (the broker did not acknowledge).",
    "failed grows: check the broker. Producers were answered to send again; nothing is lost.",
)
GATEWAY_REFUSED = _gateway(
    "smartregion_gateway_refused_total",
    ("producer", "reason"),
    "What the gateway did not take: an event by its reason of refusal, a whole request by the name "
    "of its problem, once. Without a proven producer it is `unknown`'s.",
    "unauthenticated grows: a secret has expired or somebody guesses; see the proxy's log. "
    "over_quota grows: agree on another quota. Else inform the producer's contact.",
)
GATEWAY_REPEATS = _gateway(
    "smartregion_gateway_repeats_total",
    ("producer",),
    "Signed requests that came again, byte for byte, and were given their first answer.",
    "Grows fast: a client does not take its answers, or somebody replays intercepted requests. "
    "It costs the producer nothing; check the proxy's log, and the way that requests take.",
)
GATEWAY_REQUESTS = _gateway(
    "smartregion_gateway_requests_total", ("status",), "Requests answered, by HTTP status."
)
GATEWAY_REQUEST_SECONDS = _gateway(
    "smartregion_gateway_request_seconds",
    (),
    "Seconds from a request's headers to the end of its answer, of requests to /events.",
    "Slow: the broker's acknowledgement is most of it; check the broker's disks and replicas.",
    is_histogram=True,
)
GATEWAY_READY = _gateway(
    "smartregion_gateway_ready",
    (),
    "1 while the gateway takes events, 0 while the broker is away.",
    "0: read in /readyz what it waits for. Producers are answered 503 and send again.",
)


_page = partial(Metric, section="page")

# The page exposes these.
PAGE_READY = _page(
    "smartregion_page_ready",
    (),
    "1 once the page has the histories of all partitions and shows figures, 0 before.",
    "0 for long: read in the log what it waits for.",
)
PAGE_LEDGER_EVENTS = _page(
    "smartregion_page_ledger_events",
    (),
    "Events behind the figures that the page can show; those about persons are not among them.",
)
PAGE_LEDGER_LAG = _page(
    "smartregion_page_ledger_lag",
    (),
    "Records of events that the page has not stored yet.",
    "If it grows, read in /readyz whether they can be stored; else give the page more processor.",
)
PAGE_REQUESTS = _page(
    "smartregion_page_requests_total",
    ("status",),
    "Requests of readers, by the status of the answer.",
    "Look up 500 in the log; 503 means too many expensive pages at once.",
)


def _metrics_of(section: Section) -> tuple[Metric, ...]:
    """Return the metrics of a section, in the order of their declaration."""
    declared = (value for value in globals().values() if isinstance(value, Metric))
    return tuple(metric for metric in declared if metric.section == section)


WORKER_METRICS = _metrics_of("worker")
PRODUCER_METRICS = _metrics_of("producers")
ASSESSOR_METRICS = _metrics_of("assessor")
GATEWAY_METRICS = _metrics_of("gateway")
PAGE_METRICS = _metrics_of("page")

#: What each label means. None ever names a lycée, a person or a dataset.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "category": "A value of the breakdown, as the catalogue's facts write it: `job_seeker`.",
        "department": f"A département's INSEE code, or `{REGION}`: with a worker for what names "
        "none of them, with the assessor for the whole region.",
        "dimension": "The field by which an indicator is broken down: `audience`, `theme`.",
        "direction": "Which way the promise goes: `rising` or `falling`.",
        "family": "A kind of entities, one topic each: `schools`, `grants`…",
        "fault": "What is wrong with a topic: a closed list, in `streams/topic_faults.py`.",
        "field": "The field for which a record was refused, as the contracts name it: `data.uai`; "
        "`…` stands for any other name.",
        "indicator": "An indicator's id in the catalogue.",
        "known": "Whether the catalogue has the milestone and holds the territory to it: `true` "
        "or `false`.",
        "label": "An indicator's title, in French.",
        "milestone": "A milestone's id, unique within its indicator.",
        "outcome": "What became of a record; each has exactly one.",
        "part": "What changed: the `value`, or the share of it that came from the `numerator` or "
        "the `denominator`.",
        "partition": "A partition's number, the same for all families.",
        "producer": "A declared producer's id, or `unknown` for whoever is not declared.",
        "programme": "A programme's id in the catalogue.",
        "reason": "Why a record was refused: a closed list, in `events/errors.py`; at the gateway "
        "also why a whole request was, in `gateway/problems.py`.",
        "source": "A producer's source as it is declared, without what its events append; of who "
        "is not declared as the events say, and the only label of foreign words.",
        "status": "Of a milestone `achieved`, `on_track`, `at_risk`, `missed` or `unreported`; of "
        "an answer of the gateway or the page its HTTP status.",
        "title": "What people call a producer, in French.",
        "topic": "A topic of events.",
        "type": "The CloudEvents type of an event; `unknown` for all that were refused.",
        "unit": "`ratio` (1 is 100 %), `count` or `euros`.",
        "window": "How far back a change reaches: `30d`.",
    }
)
