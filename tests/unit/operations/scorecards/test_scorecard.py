"""What a producer's scorecard says, whatever the order in which its records are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dead_letters import GATEWAY, RecordOrigin
from operations.scorecards.classification import AcceptedRecord, ClassifiedRecord, RefusedRecord
from operations.scorecards.report import report_on
from operations.scorecards.scorecard import ProducerStatus, Refusals, Scorecard
from tests.support.histories import event, uai
from tests.support.scorecards import LYCEES, PRODUCERS

PARIS = uai("0750001")
AS_OF = date(2019, 6, 30)
NOWHERE = RecordOrigin("smartregion.schools", 0, 0)


def taken(
    day: str, number: str | None = None, *, at: str | None = None, replayed: bool = False
) -> AcceptedRecord:
    accepted = event("school.connected", PARIS, day, source=LYCEES, id=number, at=at)
    return AcceptedRecord(accepted, NOWHERE, replayed)


def refused(
    reason: str = "invalid_data", field: str = "data.uai", offset: int = 0
) -> RefusedRecord:
    return RefusedRecord(reason, field, RecordOrigin("smartregion.schools", 0, offset), LYCEES)


def scorecards(*seen: ClassifiedRecord) -> tuple[Scorecard, ...]:
    return report_on(seen, PRODUCERS, AS_OF).scorecards


def card(*seen: ClassifiedRecord) -> Scorecard:
    return scorecards(*seen)[0]


@given(days=st.lists(st.integers(0, 40), min_size=1))
def test_lateness_is_reported_by_nearest_rank(days: Sequence[int]) -> None:
    first = datetime(2018, 1, 1, 12)  # noqa: DTZ001 - `event` takes it for UTC
    seen = [
        taken("2018-01-01", at=(first + timedelta(one)).isoformat(), number=str(index))
        for index, one in enumerate(days)
    ]
    ordered = sorted(days)

    lateness = card(*seen).lateness

    assert lateness is not None
    assert lateness.median == ordered[ceil(0.5 * len(days)) - 1]
    assert lateness.ninth_decile == ordered[(9 * len(days) + 9) // 10 - 1]
    assert lateness.most == ordered[-1]


def test_a_day_that_begins_before_its_utc_day_is_not_early() -> None:
    """In Paris a day begins an hour or two sooner: such a fact is 0 days late."""
    lateness = card(taken("2018-01-02", at="2018-01-01T23:30:00")).lateness

    assert lateness is not None
    assert lateness.most == 0


def test_refusals_are_reported_by_reason_and_field_with_their_first_position() -> None:
    found = card(
        refused("unknown_type", "type"),
        refused(offset=9),
        refused(offset=4),
        RefusedRecord("not_allowed", "source", GATEWAY, None, "lycees"),
    )

    assert found.refused == 4
    assert found.refusals == (
        Refusals(
            reason="invalid_data", field="data.uai", count=2, example="smartregion.schools[0]@4"
        ),
        Refusals(reason="not_allowed", field="source", count=1, example="http"),
        Refusals(reason="unknown_type", field="type", count=1, example="smartregion.schools[0]@0"),
    )


def test_the_valid_share_is_of_what_was_sent_once() -> None:
    """Three valid and one refused: repetitions and replays are neither good nor bad."""
    sent = [taken("2018-01-01", one) for one in ("1", "2", "3", "3", "3")]

    found = card(*sent, taken("2018-01-01", "4", replayed=True), refused())

    assert (found.accepted, found.replayed, found.duplicates) == (4, 1, 2)
    assert found.valid_share == 0.75


FIRST, OTHER_DAY = taken("2018-01-01", "1"), taken("2018-01-02", "1")
LATER = taken("2018-01-01", "1", at="2018-03-01T00:00:00")
REPLAYED = replace(FIRST, replayed=True)


@pytest.mark.parametrize(
    ("seen", "counts"),
    [
        # Another `time` is other content; the same said twice is still a repeat.
        (
            [FIRST, OTHER_DAY, OTHER_DAY, FIRST, LATER],
            {"accepted": 1, "duplicates": 2, "reused_ids": 2},
        ),
        # What the monitor sent again of an earlier attempt is not the producer's other content.
        ([REPLAYED, OTHER_DAY], {"accepted": 1, "reused_ids": 0}),
        ([FIRST, REPLAYED], {"accepted": 1, "replayed": 0, "duplicates": 0}),
        (
            [replace(FIRST, misplaced=True), replace(REPLAYED, misplaced=True)],
            {"accepted": 1, "misplaced": 1, "refused": 0},
        ),
    ],
)
def test_what_is_said_again_counts_once(
    seen: list[ClassifiedRecord], counts: dict[str, int]
) -> None:
    assert card(*seen).model_dump(include=set(counts)) == counts


@pytest.mark.parametrize(
    ("last", "standing"),
    [
        ("2019-06-20", ProducerStatus.ON_TIME),
        ("2019-06-19", ProducerStatus.SILENT),
        ("2019-07-03", ProducerStatus.ON_TIME),
    ],
)
def test_a_producer_is_silent_after_its_interval_and_its_tolerance(
    last: str, standing: ProducerStatus
) -> None:
    """Ten days are allowed to who sends each week; an event of tomorrow is no silence at all."""
    assert card(taken(last)).standing == standing


def test_who_is_not_declared_comes_last() -> None:
    undeclared = AcceptedRecord(
        event("school.connected", PARIS, "2018-01-01", source="/undeclared"), NOWHERE
    )
    impostor = RefusedRecord("not_allowed", "source", GATEWAY, LYCEES, "impostor")

    cards = scorecards(undeclared, impostor)

    assert [one.producer for one in cards] == ["lycees", "sites", "unknown"]
    assert (cards[-1].accepted, cards[-1].refused, cards[-1].contact) == (1, 1, None)


def test_what_a_producer_owns_by_now_is_no_attempt() -> None:
    """Workers that did not know the new declaration refused it: it counts as refused alone."""
    early = replace(refused("not_owner"), owner="lycees")
    others = replace(refused("not_owner", offset=1), owner="sites")
    own, sites = scorecards(early, others)

    assert (own.refused, own.attempts, own.attempts_by_others) == (2, 1, 0)
    assert (sites.refused, sites.attempts, sites.attempts_by_others) == (0, 0, 1)
