"""The calendar of milestones and of reports that are due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.history import History
from catalogue.model import Catalogue, Programme
from catalogue.reporting import due_day
from catalogue.territories import TERRITORY_NAMES, department_of
from events.frequency import Frequency
from events.producers.model import Producer, Producers, load_producers
from report.calendars import CalendarEvent, PromiseCalendar
from report.knowledge import Knowledge
from tests.support.knowledge import LAST_DAY, knowledge, shipped, view
from tests.support.producers import producer

declared = cache(load_producers)
QUARTERLY, PERSONS = "premises_connectable_ratio", "trainees_enrolled"


def calendar(
    day: date = LAST_DAY,
    territory: str = "region",
    *,
    programme: Programme | None = None,
    producer: Producer | None = None,
    root: str | None = None,
) -> PromiseCalendar:
    return PromiseCalendar(knowledge(), view(day, territory), declared(), programme, producer, root)


def read(made: PromiseCalendar) -> list[Any]:
    return [*icalendar.Calendar.from_ical(made.text).walk("VEVENT")]


def reported(
    day: date, frequency: Frequency = Frequency.QUARTERLY, *, as_of: date = LAST_DAY
) -> PromiseCalendar:
    """Return the calendar of one indicator of which a report of a day is the last."""
    (programme,) = (one for one in shipped().programmes if one.id == "tres_haut_debit")
    one = shipped().indicator("premises_in_fibre").model_copy(update={"periodicity": frequency})
    catalogue = Catalogue(programmes=(programme.model_copy(update={"indicators": (one,)}),))
    history = History(reports=(day,))
    known = Knowledge(catalogue, {(one.id, None): history}, {})
    return PromiseCalendar(known, view(as_of), declared())


@pytest.mark.parametrize("territory", TERRITORY_NAMES)
def test_the_calendar_has_every_dated_milestone_of_a_territory(territory: str) -> None:
    expected = {
        (f"milestones/{indicator.id}/{milestone.id}/{territory}", milestone.day)
        for indicator in shipped().indicators
        for milestone in indicator.milestones
        if milestone.day is not None and milestone.holds(department_of(territory))
    }
    found = calendar(territory=territory).events

    assert {(one.uid, one.day) for one in found if one.uid.startswith("milestones/")} == expected
    assert all(one.title.endswith(TERRITORY_NAMES[territory]) for one in found)


@pytest.mark.parametrize("territory", ["region", "77"])
def test_the_calendar_has_every_report_that_is_due(territory: str) -> None:
    department = department_of(territory)
    expected = set()
    for indicator in shipped().indicators:
        if department in indicator.territories:
            (standing, *_) = knowledge().of(indicator, department, LAST_DAY)
            due = due_day(indicator, department, standing.judgement.last_reported)
            expected |= {(indicator.id, due)} if due else set()
    found = [one for one in calendar(territory=territory).events if "reports/" in one.uid]

    assert {(one.uid.split("/")[1], one.day) for one in found} == expected
    assert {QUARTERLY} <= {one.uid.split("/")[1] for one in found}
    assert (territory == "region") == any(PERSONS in one.uid for one in found)


@given(
    day=st.dates(date(2012, 1, 1), LAST_DAY),
    later=st.integers(0, 400),
    frequency=st.sampled_from([one for one in Frequency if one.days]),
)
@settings(deadline=None)
def test_a_report_that_is_due_in_another_period_is_another_event(
    day: date, later: int, frequency: Frequency
) -> None:
    """And within one period the same event moves; its stamp says which is newer."""
    other = min(day + timedelta(days=later), LAST_DAY)
    (one,), (two,) = reported(day, frequency).events, reported(other, frequency).events

    assert (one.uid == two.uid) == (_period(one, frequency) == _period(two, frequency))
    assert one.revised <= two.revised
    assert (one.revised == two.revised) == (one.day == two.day)


def _period(one: CalendarEvent, frequency: Frequency) -> object:
    year, month = one.day.year, one.day.month
    return {
        Frequency.DAILY: one.day,
        Frequency.WEEKLY: one.day - timedelta(days=one.day.weekday()),
        Frequency.MONTHLY: (year, month),
        Frequency.QUARTERLY: (year, (month - 1) // 3),
        Frequency.ANNUAL: year,
    }[frequency]


@given(day=st.dates(date(2016, 1, 1), LAST_DAY), territory=st.sampled_from(sorted(TERRITORY_NAMES)))
@settings(max_examples=20, deadline=None)
def test_what_is_read_back_is_what_was_meant(day: date, territory: str) -> None:
    made = calendar(day, territory, root="https://page.example.org/")
    found = read(made)

    assert made.text == calendar(day, territory, root="https://page.example.org/").text
    assert len({one["uid"] for one in found}) == len(found)
    assert len(made.events) == len(found)
    for meant, one in zip(made.events, found, strict=True):
        assert one["uid"] == f"{meant.uid}@smart-region.iledefrance.fr"
        assert (one["dtstart"].dt, one["summary"]) == (meant.day, meant.title)
        assert one["description"] == meant.text
        assert one["dtstamp"].dt == datetime.combine(meant.revised, time.min, UTC)
        assert one["url"] == f"https://page.example.org/{meant.path}"
    lines = made.text.encode().split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in b"".join(lines)


def test_the_clock_alone_changes_nothing() -> None:
    first, *later = (reported(date(2018, 9, 30), as_of=LAST_DAY - timedelta(n)) for n in range(90))

    assert {one.text for one in later} == {first.text}
    assert [one.day for one in first.events] == [date(2019, 3, 17)]


def test_a_programme_s_calendar_is_of_its_indicators_alone() -> None:
    programme = next(one for one in shipped().programmes if one.id == "tres_haut_debit")
    found = calendar(programme=programme)
    own = {one.id for one in programme.indicators}

    assert {one.uid.split("/")[1] for one in found.events} == own
    assert programme.title in found.text


def test_a_producer_s_calendar_is_of_the_reports_it_feeds() -> None:
    arcep = declared().get("arcep")
    found = [one.uid.split("/")[:2] for one in calendar(producer=arcep).events]

    assert found == [["reports", "premises_in_fibre"]]
    lycees = declared().get("lycees")
    assert calendar(producer=lycees).events == []


def test_a_calendar_without_an_address_has_no_links() -> None:
    assert all("url" not in one for one in read(calendar()))


def test_of_persons_there_are_days_alone_and_those_published() -> None:
    (one,) = (one for one in calendar().events if f"reports/{PERSONS}/" in one.uid)
    indicator = shipped().indicator(PERSONS)
    assert indicator.publication is not None

    assert one.revised <= indicator.publication.day(LAST_DAY)
    assert one.revised == indicator.publication.period_end(one.revised)
    value = knowledge().of(indicator, None, LAST_DAY)[0].value.text
    assert value
    assert value not in one.text


@pytest.mark.parametrize("title", ["A, B; C\\D", "a\r\nEND:VEVENT", "a\u0000b", "é" * 200])
def test_what_a_producer_calls_itself_is_only_text(title: str) -> None:
    own = producer("own", "urn:own", types=("broadband.*",)).model_copy(update={"title": title})
    producers = Producers(producers=(own,))
    made = PromiseCalendar(knowledge(), view(), producers, None, own)
    (one,) = read(made)

    assert one["uid"].startswith(f"reports/{QUARTERLY}/")
    assert one["dtstart"].dt > LAST_DAY
    assert title.split("\r", maxsplit=1)[0].replace("\0", " ") in one["description"]
