"""What /metrics shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from boundary.web import registry_of
from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.frequency import Frequency
from events.identifiers import Department
from events.producers.model import UNKNOWN_PRODUCER, Producers, load_producers
from events.registry import FACTS, FACTS_BY_NAME
from streams.exposition import WorkerCollector, WorkerStatus
from streams.merging import UNKNOWN_TYPE, Outcome, RecordRefusal, Result
from streams.meters import Attribution, Meters, ProducerMeters
from streams.state_store import StateStore
from streams.topic_faults import FaultKind, TopicFault
from tests.support.audits import catalogue_of
from tests.support.golden import check_golden
from tests.support.histories import event, pool, uai
from tests.support.past_figures import state_store_of
from tests.support.producers import producer
from tests.support.records import PARTITIONS, FakeRecord, processed
from tests.support.scorecards import LYCEES
from tests.support.sources import source_of

AS_OF = date(2020, 12, 31)
PARIS, MEAUX = uai("0750001"), uai("0770001")
CONNECTED = {"count": "school.connected", "unless": "school.disconnected"}
SHARE = {"ratio": {"of": CONNECTED, "over": {"count": "school.registered"}}}
FIGURES = (
    metrics.INDICATOR_VALUE,
    metrics.INDICATOR_NUMERATOR,
    metrics.INDICATOR_DENOMINATOR,
)

shipped = cache(load_catalogue)


def exposed(
    catalogue: Catalogue, state_store: StateStore, meters: Meters | None = None
) -> dict[str, list[Sample]]:
    lag = {("smartregion.schools", 0): 3}
    status = WorkerStatus(
        AS_OF, ready=True, partitions_expected=PARTITIONS, shown=range(PARTITIONS), lag=lag
    )
    exposition = WorkerCollector(catalogue, state_store, meters or Meters(), lambda: status)
    found: dict[str, list[Sample]] = defaultdict(list)
    text = generate_latest(registry_of(exposition)).decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append(sample)
    return found


class TestFigures:
    @pytest.mark.parametrize(
        ("measure", "unit", "history", "figures"),
        [
            # An additive indicator has a value, and no parts.
            (
                CONNECTED,
                "count",
                [
                    event("school.connected", PARIS, "2018-03-01"),
                    event("school.connected", MEAUX, "2018-03-01"),
                ],
                {metrics.INDICATOR_VALUE: {"75": 1, "77": 1}},
            ),
            # Ratios do not add up over partitions: their parts do.
            (
                SHARE,
                "ratio",
                [
                    event("school.registered", PARIS, "2016-01-01"),
                    event("school.connected", PARIS, "2018-03-01"),
                ],
                {metrics.INDICATOR_NUMERATOR: {"75": 1}, metrics.INDICATOR_DENOMINATOR: {"75": 1}},
            ),
            # A département with lycées and none connected is at 0 %, not unknown.
            (
                SHARE,
                "ratio",
                [event("school.registered", PARIS, "2016-01-01")],
                {metrics.INDICATOR_NUMERATOR: {"75": 0}, metrics.INDICATOR_DENOMINATOR: {"75": 1}},
            ),
            # A ratio over nothing is blank.
            (
                SHARE,
                "ratio",
                [event("school.connected", PARIS, "2018-03-01")],
                {metrics.INDICATOR_NUMERATOR: {"75": 1}},
            ),
            # Values are in the indicator's unit, not in cents.
            (
                {"sum": "amount_cents", "from": "grant.paid"},
                "euros",
                [event("grant.paid", "one", "2018-03-01", amount_cents=12345)],
                {metrics.INDICATOR_VALUE: {"77": 123.45}},
            ),
            # A completion without its enrolment is of no département, and counts nowhere.
            (
                {"count": "training.completed"},
                "count",
                [event("training.completed", "enrolment-000001", "2018-03-01")],
                {},
            ),
        ],
        ids=["additive", "ratio", "none of some", "some of none", "euros", "nowhere"],
    )
    def test_are_those_of_the_measure(
        self,
        measure: object,
        unit: str,
        history: list[CloudEvent],
        figures: Mapping[Metric, Mapping[str, float]],
    ) -> None:
        catalogue = catalogue_of(measure, unit=unit)

        found = exposed(catalogue, state_store_of(catalogue, history))

        assert {
            metric: {one.labels["department"]: one.value for one in found[metric.name]}
            for metric in FIGURES
            if metric.name in found
        } == figures

    def test_how_many_persons_are_known_is_rounded(self) -> None:
        """Each new one would otherwise be seen, one by one."""
        catalogue = catalogue_of({"count": "training.enrolled"}, min_cell=5, published="monthly")
        reported = [
            event("training.enrolled", f"enrolment-{number:06}", "2018-02-01")
            for number in range(8)
        ]
        for known, shown in ((4, 0), (7, 5), (8, 10)):
            found = exposed(catalogue, state_store_of(catalogue, reported[:known]))
            (count,) = (
                sample.value
                for sample in found[metrics.ENTITIES.name]
                if sample.labels["family"] == "trainings"
            )
            assert count == shown


def test_labels_come_from_closed_lists() -> None:
    known: Mapping[str, set[str]] = {
        "department": {*Department, metrics.REGION},
        "partition": set(map(str, range(PARTITIONS))),
        "family": set(Family),
        "outcome": set(Outcome),
        "field": {"value"},
        "reason": set(RefusalReason),
        "type": {*FACTS, UNKNOWN_TYPE},
        "source": {
            f"{source_of(fact)}:{one}" for fact in FACTS_BY_NAME for one in ("one", "other")
        },
        "producer": {UNKNOWN_PRODUCER},
    }
    state_store, meters = StateStore(shipped().terms), Meters()
    for family in Family:
        for partition, result in processed(state_store, family, pool(family)):
            state_store.put(family, partition, result.changed)
            meters.count(result)
    meters.events["unknown", Outcome.REFUSED] += 1
    meters.dead_letters.update(map(str, RefusalReason))
    record = FakeRecord("smartregion.schools", 0, 0, None, None)
    error = ContractError(RefusalReason.NULL_VALUE, "value", None, "send an event")
    for _ in range(meters.policy.window):
        meters.count_batch("schools", [record], [RecordRefusal(record, error)])
    meters.recovery_seconds = 1.5

    assert {
        (label, value)
        for group in exposed(shipped(), state_store, meters).values()
        for sample in group
        for label, value in sample.labels.items()
        if value not in known.get(label, {value})
    } == set()


@pytest.mark.parametrize("recovery_seconds", [1.0, None])
def test_families_are_those_of_the_vocabulary(recovery_seconds: float | None) -> None:
    """Before the first recovery has ended there is no time of it, and 0 would be one."""
    declared = ProducerMeters(Attribution(load_producers()))
    meters = Meters(declared, recovery_seconds=recovery_seconds)
    state_store = StateStore(shipped().terms)
    status = WorkerStatus(AS_OF, ready=False, partitions_expected=PARTITIONS, shown=(), lag={})
    families = WorkerCollector(shipped(), state_store, meters, lambda: status).collect()

    assert {
        one.name + ("_total" if one.type == "counter" else ""): (one.type, one.documentation)
        for one in families
    } == {
        metric.name: (metric.kind, metric.meaning)
        for metric in (*metrics.WORKER_METRICS, *metrics.PRODUCER_METRICS)
        if recovery_seconds or metric is not metrics.RECOVERY_SECONDS
    }


def test_the_whole_of_a_small_worker() -> None:
    """Every sample that is not 0."""
    milestone = {"id": "all", "target": 2, "day": date(2020, 12, 31), "source": "Essai"}
    baseline = {"value": 1, "day": date(2016, 1, 1), "source": "Essai"}
    catalogue = catalogue_of(CONNECTED, milestones=[milestone], baseline=baseline)
    reported = [
        event("school.connected", PARIS, "2018-03-01", source=LYCEES),
        event("school.connected", MEAUX, "2018-04-02", at="2019-04-02", source="/undeclared"),
    ]
    store = StateStore(catalogue.terms)
    irregular = producer("sites", "/sites").model_copy(
        update={"expected_every": Frequency.IRREGULAR}
    )
    attribution = Attribution(Producers(producers=(producer("lycees", LYCEES), irregular)))
    meters = Meters(ProducerMeters(attribution), recoveries=2, recovery_seconds=1.5)
    for partition, result in processed(store, Family.SCHOOLS, reported):
        store.put(Family.SCHOOLS, partition, result.changed)
        meters.count(result)
    record = FakeRecord("smartregion.schools", 0, 0, None, b"{")
    error = ContractError(RefusalReason.INVALID_DATA, "data.dupont", None, "remove it")
    refused = [RecordRefusal(record, error)] * 21
    meters.count(Result(refusals=refused))
    meters.count_batch("schools", [record] * 21, refused)
    meters.ends["smartregion.schools", 1] = 3
    meters.log_starts = {("smartregion.schools", 0): 17}
    meters.sources_dropped, meters.coordinator_errors, meters.mismatches = 4, 5, 6
    meters.topic_warnings = [
        TopicFault("smartregion.schools", None, FaultKind.SETTINGS_CHANGED, "has another")
    ]
    status = WorkerStatus(
        AS_OF,
        ready=True,
        partitions_expected=PARTITIONS,
        shown=range(PARTITIONS),
        lag={("smartregion.schools", 1): 3},
        faults=[TopicFault("smartregion.grants", 1, FaultKind.EVENTS_LOST, "ends too early")],
    )
    exposition = WorkerCollector(catalogue, store, meters, lambda: status)

    lines = generate_latest(registry_of(exposition)).decode().splitlines()
    samples = [line for line in lines if line[0] != "#" and not line.endswith(" 0.0")]
    check_golden(Path(__file__).with_name("worker_metrics.txt"), "\n".join(samples) + "\n")


def test_counters_begin_at_zero() -> None:
    """An increase, or an alert on it, would not see the first after a restart."""
    found = exposed(shipped(), StateStore(shipped().terms))

    def labels(metric: Metric) -> set[frozenset[str]]:
        return {frozenset(one.labels.values()) for one in found[metric.name]}

    outcomes, reasons = set(Outcome) - {Outcome.REFUSED}, map(str, RefusalReason)
    assert labels(metrics.EVENTS) == {
        frozenset({UNKNOWN_TYPE, "refused"}),
        *(frozenset({kind, str(outcome)}) for kind in FACTS for outcome in outcomes),
    }
    assert labels(metrics.DEAD_LETTERS) == {frozenset({reason}) for reason in reasons}
    unknown = [*map(str, Outcome), *map(str, RefusalReason)]
    assert labels(metrics.PRODUCER_EVENTS) | labels(metrics.PRODUCER_REFUSED) == {
        frozenset({UNKNOWN_PRODUCER, one}) for one in unknown
    }
