"""What the worker counts, of itself and of each producer."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.fact import Family
from operations.scorecards.classification import lateness_days
from streams.merging import Outcome, RecordRefusal, Result
from streams.meters import (
    LATENESS_BOUNDS,
    MAX_SOURCES,
    Attribution,
    LatenessHistogram,
    Meters,
    ProducerMeters,
)
from streams.state_store import StateStore
from tests.support.audits import raw
from tests.support.histories import event, events_of, uai
from tests.support.records import processed
from tests.support.scorecards import LYCEES, PRODUCERS, broken

PARIS = uai("0750001")
NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)
ATTRIBUTION = Attribution(PRODUCERS)
NORTH = f"{LYCEES}:nord"


def counted(*results: Result) -> Meters:
    meters = Meters(ProducerMeters(ATTRIBUTION))
    for result in results:
        meters.count(result)
    return meters


def batch(
    outcome: Outcome = Outcome.ACCEPTED, days: int = 0, source: str = LYCEES, time: datetime = NOON
) -> Result:
    return Result(
        records=Counter({(source, "type", outcome, days): 2}), latest={(source, "type"): time}
    )


class TestAttribution:
    def test_a_source_belongs_to_its_declared_producer(self) -> None:
        sources = (LYCEES, NORTH, "/undeclared")

        assert [ATTRIBUTION.of_source(one) for one in sources] == ["lycees", "lycees", "unknown"]
        nobody = Attribution(None)
        assert (nobody.of_source(LYCEES), nobody.label_of(LYCEES)) == ("unknown", LYCEES)

    def test_a_label_has_the_source_as_declared(self) -> None:
        """A label outlives an erasure, and a producer may append a person's pseudonym."""
        sources = (LYCEES, f"{LYCEES}:k1-{'0a' * 16}", f"{LYCEES}:..:nord", "/undeclared")

        labels = [ATTRIBUTION.label_of(one) for one in sources]

        assert labels == [LYCEES, LYCEES, f"{LYCEES}:..:nord", "/undeclared"]

    def test_a_refused_record_is_attributed_to_the_source_it_claims(self) -> None:
        closed = raw("school.closed", PARIS, "2018-01-01", source=LYCEES)
        records = (closed._replace(value=(closed.value or b"")[:-9]), broken(), broken(None))

        found = [ATTRIBUTION.of_refused(one) for one in records]

        assert found == ["lycees", "lycees", "unknown"]


def test_records_are_counted_by_type_producer_and_outcome() -> None:
    meters = counted(batch(), batch(), batch(Outcome.DUPLICATE), batch(source="/undeclared"))

    assert meters.events == {("type", Outcome.ACCEPTED): 6, ("type", Outcome.DUPLICATE): 2}
    assert meters.producers.events == {
        ("lycees", Outcome.ACCEPTED): 4,
        ("lycees", Outcome.DUPLICATE): 2,
        ("unknown", Outcome.ACCEPTED): 2,
    }


def test_refusals_are_counted_by_producer_and_reason() -> None:
    error = ContractError(RefusalReason.INVALID_DATA, "data.uai", None, "send one")
    refusals = [RecordRefusal(record, error) for record in (broken(), broken(), broken(b""))]

    meters = counted(Result(refusals=refusals)).producers

    assert meters.refused == {("lycees", "invalid_data"): 2, ("unknown", "invalid_data"): 1}
    assert meters.events["lycees", Outcome.REFUSED] == 2


def test_the_last_event_is_the_latest_recorded() -> None:
    early = batch(source=NORTH, time=NOON - timedelta(1))

    meters = counted(early, batch(), early, batch(time=NOON - timedelta(1)))

    assert meters.last_event == {(LYCEES, "type"): NOON}
    assert meters.producers.last_event == {"lycees": NOON}


class TestSources:
    def test_made_up_sources_cannot_fill_the_memory(self) -> None:
        meters = counted(*(batch(source=f"/{number}") for number in range(MAX_SOURCES)))

        meters.count(batch(source="/new"))
        meters.count(batch(source="/0", time=NOON + timedelta(1)))

        assert (len(meters.last_event), meters.sources_dropped) == (MAX_SOURCES, 1)
        assert meters.last_event["/0", "type"] == NOON + timedelta(1)

    def test_what_a_producer_appends_to_its_source_makes_no_series(self) -> None:
        suffixes = (f"k1-{number:032x}" for number in range(MAX_SOURCES + 1))

        meters = counted(*(batch(source=f"{LYCEES}:{suffix}") for suffix in suffixes))

        assert meters.last_event == {(LYCEES, "type"): NOON}
        assert meters.sources_dropped == 0


class TestLateness:
    def test_is_that_of_news(self) -> None:
        """A repetition was counted before, and a misrouted record counts on its partition."""
        meters = counted(
            batch(days=3),
            batch(Outcome.SUPERSEDED, days=40),
            batch(Outcome.DUPLICATE, days=3),
            batch(Outcome.MISROUTED, days=3),
        )

        histogram = meters.producers.lateness["lycees"]
        assert histogram.days == 2 * 3 + 2 * 40
        assert histogram.buckets()[-1] == ("+Inf", 4)

    @given(days=st.lists(st.integers(0, 1_000)))
    def test_a_bucket_holds_what_is_at_most_its_bound(self, days: list[int]) -> None:
        histogram = LatenessHistogram()
        for one in days:
            histogram.observe(one, 1)

        assert histogram.buckets() == [
            *((str(bound), sum(day <= bound for day in days)) for bound in LATENESS_BOUNDS),
            ("+Inf", len(days)),
        ]
        assert histogram.days == sum(days)

    @given(reported=events_of(Family.SCHOOLS))
    def test_is_the_scorecards(self, reported: CloudEvent) -> None:
        meters = Meters()

        for _, result in processed(StateStore([]), Family.SCHOOLS, [reported]):
            meters.count(result)

        days = lateness_days(reported.time, reported.fact.effective_day)
        assert meters.producers.lateness["unknown"].days == days

    def test_a_day_that_begins_further_east_is_no_debt(self) -> None:
        """The sum of a histogram never falls."""
        at = "2018-01-01T23:30:00"
        ahead = event("school.connected", PARIS, "2018-01-02", at=at, source=LYCEES)
        results = processed(StateStore([]), Family.SCHOOLS, [ahead])

        lateness = counted(*(result for _, result in results)).producers.lateness["lycees"]

        assert (lateness.days, lateness.counts[0]) == (0, 1)
