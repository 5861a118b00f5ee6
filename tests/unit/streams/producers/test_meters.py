"""What a worker counts of each producer."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.fact import Family
from operations.scorecards.classification import lateness_days
from streams.core import Outcome, RecordRefusal, Result
from streams.producers.meters import LATENESS_BOUNDS, Attribution, LatenessHistogram, ProducerMeters
from streams.state_store import StateStore
from tests.support.histories import event, events_of, uai
from tests.support.records import processed
from tests.support.scorecards import LYCEES, PRODUCERS, broken

PARIS = uai("0750001")
NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)


def counted(*results: Result) -> ProducerMeters:
    meters = ProducerMeters(Attribution(PRODUCERS))
    for result in results:
        meters.count(result)
    return meters


def batch(outcome: Outcome = Outcome.ACCEPTED, days: int = 0, source: str = LYCEES) -> Result:
    return Result(
        records=Counter({(source, "type", outcome, days): 2}), latest={(source, "type"): NOON}
    )


def test_records_are_counted_by_producer_and_outcome() -> None:
    meters = counted(batch(), batch(), batch(Outcome.DUPLICATE), batch(source="/undeclared"))

    assert meters.events == {
        ("lycees", Outcome.ACCEPTED): 4,
        ("lycees", Outcome.DUPLICATE): 2,
        ("unknown", Outcome.ACCEPTED): 2,
    }


def test_refusals_are_counted_by_producer_and_reason() -> None:
    error = ContractError(RefusalReason.INVALID_DATA, "data.uai", None, "send one")
    refusals = [RecordRefusal(record, error) for record in (broken(), broken(), broken(b""))]

    meters = counted(Result(refusals=refusals))

    assert meters.refused == {("lycees", "invalid_data"): 2, ("unknown", "invalid_data"): 1}
    assert meters.events["lycees", Outcome.REFUSED] == 2


def test_the_last_event_is_the_latest_recorded() -> None:
    early = Result(latest={(f"{LYCEES}:nord", "other"): NOON - timedelta(1)})

    assert counted(early, batch(), early).last_event == {"lycees": NOON}


def test_lateness_is_that_of_news() -> None:
    """A repetition was counted before, a copy for the right partition will be there."""
    meters = counted(
        batch(days=3),
        batch(Outcome.SUPERSEDED, days=40),
        batch(Outcome.DUPLICATE, days=3),
        batch(Outcome.MISROUTED, days=3),
    )

    histogram = meters.lateness["lycees"]
    assert histogram.days == 2 * 3 + 2 * 40
    assert histogram.buckets()[-1] == ("+Inf", 4)


@given(days=st.lists(st.integers(0, 1_000)))
def test_a_bucket_holds_what_is_at_most_its_bound(days: list[int]) -> None:
    histogram = LatenessHistogram()
    for one in days:
        histogram.observe(one, 1)

    assert histogram.buckets() == [
        *((str(bound), sum(day <= bound for day in days)) for bound in LATENESS_BOUNDS),
        ("+Inf", len(days)),
    ]
    assert histogram.days == sum(days)


@given(reported=events_of(Family.SCHOOLS))
def test_the_worker_counts_lateness_as_the_report_does(reported: CloudEvent) -> None:
    meters = ProducerMeters()

    for _, result in processed(StateStore([]), Family.SCHOOLS, [reported]):
        meters.count(result)

    assert meters.lateness["unknown"].days == lateness_days(
        reported.time, reported.fact.effective_day
    )


def test_a_day_that_begins_further_east_is_no_debt() -> None:
    """The sum of a histogram never falls."""
    ahead = event("school.connected", PARIS, "2018-01-02", at="2018-01-01T23:30:00", source=LYCEES)
    meters = ProducerMeters(Attribution(PRODUCERS))

    for _, result in processed(StateStore([]), Family.SCHOOLS, [ahead]):
        meters.count(result)

    assert (meters.lateness["lycees"].days, meters.lateness["lycees"].counts[0]) == (0, 1)
