"""When reports are due, and who sends them."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from catalogue.model import Indicator, Milestone
from catalogue.progress import is_stale
from catalogue.reporting import due_day, needed_until, producers_of
from events.frequency import Frequency
from events.producers.model import Producers, load_producers
from tests.support.audits import catalogue_of
from tests.support.observations import barometer
from tests.support.producers import producer

shipped = cache(load_catalogue)
QUARTERLY = "premises_connectable_ratio"
"""Held to one target of 2020-12-31, in the Région and in each département; 168 days."""

days = st.dates(date(2016, 1, 1), date(2024, 12, 31))


def milestone(name: str, day: date | None, *scope: str, target: float | None = 1) -> Milestone:
    fields = {"id": name, "day": day, "target": target, "scope": scope, "source": "Essai"}
    return Milestone.model_validate(fields)


def held_to(*milestones: Milestone) -> Indicator:
    return shipped().indicator(QUARTERLY).model_copy(update={"milestones": milestones})


@given(
    reported=days,
    ends=st.lists(st.none() | days, min_size=1, max_size=3),
    later=st.integers(0, 4_000),
)
def test_the_day_after_a_report_was_due_a_milestone_is_unreported(
    reported: date, ends: list[date | None], later: int
) -> None:
    """And without such a day none ever is, however late it becomes."""
    indicator = held_to(*(milestone(f"m{n}", end, "region") for n, end in enumerate(ends)))
    due = due_day(indicator, None, reported)

    def is_unreported(as_of: date) -> bool:
        delay = indicator.reporting_delay_days
        return any(
            is_stale(reported, day=end, reporting_delay_days=delay, as_of=as_of) for end in ends
        )

    if due is None:
        assert not is_unreported(reported + timedelta(days=later))
    else:
        assert not is_unreported(due)
        assert is_unreported(due + timedelta(days=1))


def test_reports_are_needed_of_the_territories_that_are_held_to_a_target() -> None:
    first, last = date(2019, 12, 31), date(2020, 12, 31)
    indicator = held_to(
        milestone("paris", first, "75"),
        milestone("all", last, "region", "75"),
        milestone("only_dated", date(2021, 12, 31), "77", target=None),
        milestone("undated", None, "78"),
    )

    assert needed_until(indicator) == {None: last, "75": last, "78": date.max}


@pytest.mark.parametrize(
    ("indicator", "territories"),
    [
        ("schools_connected_ratio", []),  # irregular
        ("trainees_enrolled", [None]),  # without a target, and about persons
        ("premises_in_fibre", [None]),  # without a target
    ],
)
def test_without_a_target_the_region_stands_for_all(
    indicator: str, territories: list[str | None]
) -> None:
    assert list(needed_until(shipped().indicator(indicator))) == territories


def test_of_persons_the_region_stands_for_its_departements() -> None:
    own = milestone("of_one", date(2020, 12, 31), "77")
    persons = shipped().indicator("trainees_enrolled").model_copy(update={"milestones": (own,)})

    assert needed_until(persons) == {None: own.day}
    assert due_day(persons, "77", date(2020, 1, 1)) is None
    assert due_day(persons, None, date(2020, 1, 1)) == date(2020, 3, 18)


def test_the_first_report_is_due_at_no_day() -> None:
    assert due_day(shipped().indicator(QUARTERLY), None, None) is None


@pytest.mark.parametrize("frequency", Frequency)
def test_a_reminder_is_shorter_than_the_interval(frequency: Frequency) -> None:
    if frequency.reminder_days is not None:
        assert 0 < frequency.reminder_days < (frequency.days or 0)


# Who sends them


def ids(indicator: Indicator, producers: Producers) -> list[str]:
    return [one.id for one in producers_of(indicator, producers)]


def test_every_shipped_indicator_has_a_producer() -> None:
    for indicator in shipped().indicators:
        assert producers_of(indicator, load_producers()), indicator.id


def test_a_producer_of_either_term_feeds_a_ratio() -> None:
    share = {
        "ratio": {
            "of": {"count": "school.connected", "unless": "school.closed"},
            "over": {"count": "school.registered"},
        }
    }
    declared = [
        producer(name, f"urn:{name}", types=(f"school.{name}",))
        for name in ("connected", "registered", "closed", "disconnected")
    ]

    (indicator,) = catalogue_of(share, unit="ratio").indicators
    assert ids(indicator, Producers(producers=tuple(declared))) == ["connected", "registered"]


def test_an_observation_is_fed_by_its_owner_alone() -> None:
    observed = ("indicator.observed",)
    rest = producer("rest", "urn:rest", types=observed, owns=observed)
    own = {"types": observed, "entities": ["IND-042/*"]}
    named = producer("named", "urn:named", types=observed, owns=[own])
    both = Producers(producers=(rest, named))

    assert ids(barometer().indicator("fibre_ratio"), both) == ["named"]
    assert ids(barometer().indicator("waiting_days"), both) == ["rest"]
    free = Producers(producers=(producer("free", "urn:free", types=observed),))
    assert ids(barometer().indicator("fibre_ratio"), free) == ["free"]
