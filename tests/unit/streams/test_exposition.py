"""What /metrics shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

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
from streams.core import UNKNOWN_TYPE, Outcome, RecordRefusal, Result
from streams.exposition import WorkerCollector, producer_families
from streams.meters import Meters
from streams.metric_families import registry_of
from streams.producers.meters import Attribution, ProducerMeters
from streams.snapshot import Figures, figures_of, take_snapshot
from streams.state_store import StateStore
from tests.support.audits import catalogue_of
from tests.support.histories import event, histories, pool, uai
from tests.support.observations import barometer, observation_events, observed
from tests.support.past_figures import state_store_of
from tests.support.producers import producer
from tests.support.records import PARTITIONS, FakeRecord, apply_events, processed
from tests.support.scorecards import LYCEES, PRODUCERS
from tests.support.sources import source_of

AS_OF = date(2020, 12, 31)
PARIS, MEAUX = uai("0750001"), uai("0770001")
CONNECTED = {"count": "school.connected", "unless": "school.disconnected"}
SHARE = {"ratio": {"of": CONNECTED, "over": {"count": "school.registered"}}}
FIGURES = (
    metrics.INDICATOR_VALUE,
    metrics.INDICATOR_NUMERATOR,
    metrics.INDICATOR_DENOMINATOR,
    metrics.INDICATOR_CATEGORY,
    metrics.INDICATOR_LAST_REPORTED,
)

HISTOGRAM: Mapping[str, tuple[str, ...]] = {"bucket": ("le",), "count": (), "sum": ()}

shipped = cache(load_catalogue)


def exposed(
    catalogue: Catalogue,
    state_store: StateStore,
    meters: Meters | None = None,
    *,
    as_of: date = AS_OF,
    ready: bool = True,
    lag: Mapping[tuple[str, int], int] | None = None,
) -> dict[str, list[Sample]]:
    snapshot = take_snapshot(
        state_store,
        as_of=as_of,
        ready=ready,
        partitions=PARTITIONS,
        shown=range(PARTITIONS) if ready else (),
        lag=lag or {},
    )
    exposition = WorkerCollector(catalogue, state_store.fold, meters or Meters(), lambda: snapshot)
    found: dict[str, list[Sample]] = defaultdict(list)
    text = generate_latest(registry_of(exposition)).decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append(sample)
    return found


def everything() -> tuple[StateStore, Meters]:
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
    return state_store, meters


def summed(samples: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for sample in samples:
        key = (value for label, value in sample.labels.items() if label != "partition")
        sums[sample.name, *key] += sample.value
    return sums


def by_department(samples: Iterable[Sample]) -> dict[str, float]:
    return {sample.labels["department"]: sample.value for sample in samples}


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    state_store, meters = everything()
    found = exposed(shipped(), state_store, meters, lag={("smartregion.schools", 0): 3})
    return [sample for group in found.values() for sample in group]


def shown_by(meters: Meters) -> dict[str, list[Sample]]:
    return exposed(shipped(), StateStore(shipped().terms), meters)


@pytest.fixture(scope="module")
def promises() -> dict[str, list[Sample]]:
    return exposed(shipped(), StateStore(shipped().terms), ready=False)


class TestFigures:
    def test_there_are_none_before_ready(self) -> None:
        """An absent figure is stale; a zero, or half a sum, would be a lie."""
        state_store, meters = everything()

        found = exposed(shipped(), state_store, meters, ready=False)

        assert not found.keys() & {metric.name for metric in FIGURES}
        assert metrics.PARTITION_OWNED.name not in found
        assert found[metrics.WORKER_READY.name][0].value == 0

    @settings(max_examples=30)
    @given(st.lists(st.sampled_from(Family).flatmap(histories), max_size=3))
    def test_sum_over_partitions_to_the_totals(self, reported: list[list[CloudEvent]]) -> None:
        spread, together = (StateStore(shipped().terms) for _ in range(2))
        for history in reported:
            for one in history:
                apply_events(spread, one.fact.FAMILY, [[one]])
        for family in Family:
            for partition in range(PARTITIONS):
                together.put(family, 0, spread.states(family, partition))

        for metric in FIGURES[:-1]:
            apart = summed(exposed(shipped(), spread)[metric.name])
            # Euros are hundredths of whole cents, and floats only nearly add up.
            assert apart == pytest.approx(summed(exposed(shipped(), together)[metric.name]))

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
            # An entity without a département counts for the region, under a label that is none.
            (
                {"count": "training.completed"},
                "count",
                [event("training.completed", "enrolment-000001", "2018-03-01")],
                {metrics.INDICATOR_VALUE: {"region": 1}},
            ),
        ],
        ids=["additive", "ratio", "none of some", "some of none", "euros", "region"],
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
            metric: by_department(found[metric.name])
            for metric in FIGURES[:3]
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

    def test_categories_are_the_breakdown_s(self) -> None:
        catalogue = catalogue_of({"count": "training.enrolled"}, breakdown="audience")
        state_store = state_store_of(
            catalogue,
            [
                event("training.enrolled", "enrolment-000001", "2018-03-01", audience="employee"),
                event("training.enrolled", "enrolment-000002", "2018-03-01", audience="other"),
            ],
        )

        found = exposed(catalogue, state_store)

        categories = [
            (sample.labels["dimension"], sample.labels["category"])
            for sample in found[metrics.INDICATOR_CATEGORY.name]
        ]
        assert sorted(categories) == [("audience", "employee"), ("audience", "other")]
        assert sum(sample.value for sample in found[metrics.INDICATOR_VALUE.name]) == 2

    def test_an_observed_indicator_has_each_territory_s_own_value(self) -> None:
        reported = [
            observed("IND-042", "D75", "2018-01-01", "90"),
            observed("IND-042", "D77", "2018-01-01", "40.25"),
            observed("IND-042", "R11", "2018-01-01", "0"),
        ]

        found = exposed(barometer(), state_store_of(barometer(), observation_events(reported)))

        values = by_department(found[metrics.INDICATOR_VALUE.name])
        assert values == {"75": 0.9, "77": 0.4025, "region": 0}

    def test_what_nobody_observed_is_not_shown(self) -> None:
        """Not yet, of the country only, or no longer: absent, which is not 0."""
        reported = [
            observed("IND-042", "D75", "2021-01-01", "90"),
            observed("IND-042", "FRANCE", "2018-01-01", "50"),
            observed("IND-999", "R11", "2018-01-01", "50"),
            observed("IND-042", "R11", "2018-01-01", "50"),
            observed("IND-042", "R11", "2018-01-01", None),
        ]

        found = exposed(barometer(), state_store_of(barometer(), observation_events(reported)))

        assert metrics.INDICATOR_VALUE.name not in found
        assert metrics.INDICATOR_LAST_REPORTED.name not in found

    def test_a_territory_s_own_baseline_is_reported(self) -> None:
        found = exposed(barometer(), StateStore(barometer().terms))

        own = by_department(found[metrics.INDICATOR_OWN_BASELINE.name])
        assert own == {"region": 0.4, "75": 0.9, "77": 0.1}

    @pytest.mark.parametrize(
        ("registered", "connected"), [("2016-01-01", "2018-03-01"), ("2018-03-01", "2016-01-01")]
    )
    def test_the_last_report_is_the_latest_of_all_terms(
        self, registered: str, connected: str
    ) -> None:
        catalogue = catalogue_of(SHARE, unit="ratio")
        state_store = state_store_of(
            catalogue,
            [
                event("school.registered", PARIS, registered),
                event("school.connected", PARIS, connected),
            ],
        )

        found = exposed(catalogue, state_store)[metrics.INDICATOR_LAST_REPORTED.name]

        assert by_department(found) == {"75": datetime(2018, 3, 1, tzinfo=UTC).timestamp()}


def _series(metric: metrics.Metric) -> Iterable[tuple[str, tuple[str, ...]]]:
    if metric.kind != "histogram":
        return [(metric.name, ())]
    return [(f"{metric.name}_{part}", extra) for part, extra in HISTOGRAM.items()]


class TestLabels:
    KNOWN: Mapping[str, frozenset[str]] = {
        "department": frozenset({*Department, metrics.REGION}),
        "partition": frozenset(map(str, range(PARTITIONS))),
        "family": frozenset(Family),
        "outcome": frozenset(Outcome),
        "field": frozenset({"value"}),
        "reason": frozenset(RefusalReason),
        "type": frozenset({*FACTS, UNKNOWN_TYPE}),
        "source": frozenset(
            f"{source_of(fact)}:{system}" for fact in FACTS_BY_NAME for system in ("one", "other")
        ),
        "producer": frozenset({UNKNOWN_PRODUCER}),
    }

    def test_come_from_closed_lists(self, samples: list[Sample]) -> None:
        strange = {
            (label, value)
            for sample in samples
            for label, value in sample.labels.items()
            if label in self.KNOWN and value not in self.KNOWN[label]
        }

        assert strange == set()

    def test_of_indicators_are_the_catalogue_s(self, samples: list[Sample]) -> None:
        reported = {
            (sample.labels.get(label), label)
            for sample in samples
            for label in ("programme", "indicator", "milestone", "dimension", "category")
            if label in sample.labels
        }
        known = {
            *((one.id, "programme") for one in shipped().programmes),
            *((one.id, "indicator") for one in shipped().indicators),
            *((one.breakdown, "dimension") for one in shipped().indicators),
            *((name, "category") for one in shipped().indicators for name in one.categories),
            *((goal.id, "milestone") for one in shipped().indicators for goal in one.milestones),
        }

        assert reported <= known

    def test_are_those_of_the_vocabulary(self, samples: list[Sample]) -> None:
        labels = {
            name: {*metric.labels, *extra}
            for metric in (*metrics.WORKER_METRICS, *metrics.PRODUCER_METRICS)
            for name, extra in _series(metric)
        }

        assert all(set(sample.labels) == labels[sample.name] for sample in samples)

    def test_distinguish_every_sample(self, samples: list[Sample]) -> None:
        """Prometheus refuses a scrape with one series twice."""
        series = [(sample.name, *sorted(sample.labels.items())) for sample in samples]

        assert len(set(series)) == len(series)


class TestCounters:
    def test_begin_at_zero_for_every_type_outcome_and_reason(self) -> None:
        """An increase, or an alert on it, would not see the first after a restart."""
        one = next(iter(FACTS))
        found = shown_by(
            Meters(
                events=Counter({(one, Outcome.ACCEPTED): 1}),
                dead_letters=Counter({"invalid_data": 3}),
            )
        )

        events = {
            (sample.labels["type"], sample.labels["outcome"]): sample.value
            for sample in found[metrics.EVENTS.name]
        }
        taken = set(Outcome) - {Outcome.REFUSED}
        assert events == {(kind, outcome): 0.0 for kind in FACTS for outcome in taken} | {
            (one, Outcome.ACCEPTED): 1.0,
            (UNKNOWN_TYPE, Outcome.REFUSED): 0.0,
        }
        refused = {
            sample.labels["reason"]: sample.value for sample in found[metrics.DEAD_LETTERS.name]
        }
        assert refused == dict.fromkeys(map(str, RefusalReason), 0.0) | {"invalid_data": 3.0}


class TestDeadLetterShare:
    def refused(self, number: int) -> dict[str, list[Sample]]:
        meters = Meters()
        record = FakeRecord("smartregion.grants", 0, 0, None, None)
        error = ContractError(RefusalReason.INVALID_DATA, "data.dupont", None, "remove it")
        for _ in range(number):
            meters.count_batch("grants", [record], [RecordRefusal(record, error)])
        return shown_by(meters)

    def test_is_shown_by_family(self) -> None:
        found = self.refused(20)

        [share] = found[metrics.DEAD_LETTER_SHARE.name]
        assert (share.labels, share.value) == ({"family": "grants"}, 0.2)
        assert found[metrics.DEAD_LETTER_ALARM.name] == []

    def test_is_shown_with_the_first_cause_where_it_is_too_large(self) -> None:
        [alarm] = self.refused(21)[metrics.DEAD_LETTER_ALARM.name]

        assert alarm.labels == {"family": "grants", "reason": "invalid_data", "field": "data.…"}


class TestFamilies:
    def families(self, meters: Meters) -> dict[str, tuple[str, str]]:
        state_store = StateStore(shipped().terms)
        snapshot = take_snapshot(
            state_store, as_of=AS_OF, ready=False, partitions=PARTITIONS, shown=(), lag={}
        )
        exposition = WorkerCollector(shipped(), state_store.fold, meters, lambda: snapshot)
        return {
            family.name + ("_total" if family.type == "counter" else ""): (
                family.type,
                family.documentation,
            )
            for family in exposition.collect()
        }

    def test_are_those_of_the_vocabulary(self) -> None:
        declared = ProducerMeters(Attribution(load_producers()))

        assert self.families(Meters(declared, recovery_seconds=1.0)) == {
            metric.name: (metric.kind, metric.meaning)
            for metric in (*metrics.WORKER_METRICS, *metrics.PRODUCER_METRICS)
        }

    def test_lack_the_recovery_s_time_before_the_first_ended(self) -> None:
        """There is no time yet, and 0 would be one."""
        declared = {metric.name for metric in metrics.WORKER_METRICS}
        missing = declared - self.families(Meters()).keys()

        assert missing == {metrics.RECOVERY_SECONDS.name}


class TestPromises:
    def test_are_there_before_ready(self, promises: dict[str, list[Sample]]) -> None:
        shown = {sample.labels["indicator"] for sample in promises[metrics.INDICATOR_INFO.name]}

        assert shown == {indicator.id for indicator in shipped().indicators}

    def test_have_target_and_deadline(self, promises: dict[str, list[Sample]]) -> None:
        who = {
            "programme": "lycees",
            "indicator": "schools_connected_ratio",
            "milestone": "all_connected",
        }
        shown = {
            name: sample.value
            for name, samples in promises.items()
            for sample in samples
            if sample.labels == who
        }

        assert shown == {
            metrics.MILESTONE_TARGET.name: 1,
            metrics.MILESTONE_DEADLINE.name: datetime(2020, 12, 31, tzinfo=UTC).timestamp(),
        }

    def test_leave_out_what_was_not_promised(self, promises: dict[str, list[Sample]]) -> None:
        promised = {
            (indicator.id, goal.id)
            for indicator in shipped().indicators
            for goal in indicator.milestones
            if goal.target is not None
        }
        shown = {
            (sample.labels["indicator"], sample.labels["milestone"])
            for sample in promises[metrics.MILESTONE_TARGET.name]
        }

        assert shown == promised


class TestWorker:
    def test_shows_its_day(self) -> None:
        found = shown_by(Meters())

        assert found[metrics.AS_OF.name][0].value == datetime(2020, 12, 31, tzinfo=UTC).timestamp()

    def test_shows_the_partitions_it_owns_and_how_many_there_are(self) -> None:
        """So that a total is withheld while one is missing."""
        found = shown_by(Meters())

        owned = [sample.labels["partition"] for sample in found[metrics.PARTITION_OWNED.name]]
        assert owned == ["0", "1", "2"]
        assert found[metrics.PARTITIONS_EXPECTED.name][0].value == PARTITIONS

    def test_shows_a_partition_without_entities_as_owned(self) -> None:
        assert figures_of(StateStore([]).fold, [4], AS_OF) == {4: Figures({}, {})}

    def test_shows_its_lag_by_topic_and_partition(self) -> None:
        lag = {("smartregion.schools", 1): 3}

        found = exposed(shipped(), StateStore(shipped().terms), lag=lag)[metrics.LAG.name]

        assert [(sample.labels, sample.value) for sample in found] == [
            ({"topic": "smartregion.schools", "partition": "1"}, 3)
        ]

    def test_takes_no_snapshot_before_a_scrape(self) -> None:
        exposition = WorkerCollector(
            shipped(), StateStore(shipped().terms).fold, Meters(), pytest.fail
        )

        registry_of(exposition)


NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)
DAY = 86_400


def shown(
    meters: ProducerMeters, metric: Metric, *, name: str | None = None
) -> dict[tuple[str, ...], float]:
    samples: list[Sample] = [
        sample
        for family in producer_families(load_catalogue(), meters)
        for sample in family.samples
        if sample.name == (name or metric.name)
    ]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


@pytest.fixture
def meters() -> ProducerMeters:
    meters = ProducerMeters(Attribution(PRODUCERS))
    records = Counter(
        {
            (LYCEES, "type", Outcome.ACCEPTED, 3): 5,
            (LYCEES, "type", Outcome.ACCEPTED, 400): 1,
            ("/undeclared", "type", Outcome.DUPLICATE, 0): 2,
        }
    )
    meters.count(Result(records=records, latest={(LYCEES, "type"): NOON}))
    return meters


def test_the_declaration_is_shown(meters: ProducerMeters) -> None:
    assert shown(meters, metrics.PRODUCER_INFO) == {
        ("lycees", "Système lycees"): 1,
        ("sites", "Système sites"): 1,
    }
    assert shown(meters, metrics.PRODUCER_PROGRAMME) == {
        ("lycees", "lycees"): 1,
        ("sites", "tiers_lieux"): 1,
    }
    assert shown(meters, metrics.PRODUCER_INTERVAL) == {("lycees",): 7 * DAY, ("sites",): 7 * DAY}
    assert shown(meters, metrics.PRODUCER_ALLOWED_SILENCE) == {
        ("lycees",): 10 * DAY,
        ("sites",): 10 * DAY,
    }


def test_counts_begin_at_zero(meters: ProducerMeters) -> None:
    events = shown(meters, metrics.PRODUCER_EVENTS)

    assert events["lycees", "accepted"] == 6
    assert {events["sites", outcome] for outcome in Outcome} == {0}
    assert {one: events["unknown", one] for one in Outcome if events["unknown", one]} == {
        Outcome.DUPLICATE: 2
    }
    assert shown(meters, metrics.PRODUCER_REFUSED) == {
        (name, str(reason)): 0
        for name in ("lycees", "sites", "unknown")
        for reason in RefusalReason
    }


def test_lateness_is_a_histogram(meters: ProducerMeters) -> None:
    name = metrics.PRODUCER_LATENESS.name
    buckets = shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_bucket")

    assert (buckets["lycees", "2"], buckets["lycees", "7"], buckets["lycees", "+Inf"]) == (0, 5, 6)
    assert shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_sum") == {("lycees",): 415}
    assert shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_count") == {("lycees",): 6}


def test_the_last_event_is_shown(meters: ProducerMeters) -> None:
    assert shown(meters, metrics.PRODUCER_LAST_EVENT) == {("lycees",): NOON.timestamp()}


def test_who_promised_nothing_has_no_interval() -> None:
    irregular = producer("lycees", LYCEES).model_copy(
        update={"expected_every": Frequency.IRREGULAR}
    )
    meters = ProducerMeters(Attribution(Producers(producers=(irregular,))))

    assert shown(meters, metrics.PRODUCER_INTERVAL) == {}
    assert shown(meters, metrics.PRODUCER_ALLOWED_SILENCE) == {}


def test_where_nobody_is_declared_only_counts_are_shown() -> None:
    families = producer_families(load_catalogue(), ProducerMeters())

    samples = [sample for family in families for sample in family.samples]
    assert {(sample.labels["producer"], sample.value) for sample in samples} == {("unknown", 0)}
