"""The evidence of a figure adds up to it, names its entities, and shows their events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.history import History, Reading
from catalogue.model import Catalogue, Indicator
from events.cloudevent import CloudEvent
from events.fact import Family
from report.evidence import (
    Evidence,
    EvidencePart,
    PersonsNotShownError,
    events_of,
    evidence_of,
)
from report.words import EntityKey
from streams.histories import histories_of
from tests.support.audits import INDICATOR, catalogue_of, raw_record
from tests.support.histories import DAYS, event, histories, uai
from tests.support.ledgers import ledger_of, ledger_with, numbered
from tests.support.measures import MEASURES, OFFSETS
from tests.support.past_figures import state_store_of

PARIS, PARIS_TOO, MEAUX = uai("0750001"), uai("0750002"), uai("0770001")

CONNECTED = catalogue_of(
    {
        "ratio": {
            "of": {"count": "school.connected", "unless": ["school.disconnected", "school.closed"]},
            "over": {"count": "school.registered", "unless": "school.closed"},
        }
    },
    unit="ratio",
)
EQUIPPED = catalogue_of(
    {
        "ratio": {
            "of": {"count": "equipment.delivered", "where": {"completes_plan": True}},
            "over": {"count": "school.registered", "unless": "school.closed"},
        }
    },
    unit="ratio",
)
SITES = catalogue_of({"count": "coworking.opened", "unless": "coworking.closed"})
WORKSTATIONS = catalogue_of(
    {
        "latest": "workstations",
        "from": ["coworking.opened", "coworking.resized"],
        "unless": "coworking.closed",
    }
)
USE = catalogue_of(
    {
        "ratio": {
            "of": {"latest": "occupied_hours", "from": "workstation.usage_reported"},
            "over": {"latest": "available_hours", "from": "workstation.usage_reported"},
        }
    },
    unit="ratio",
)
PERSONS = catalogue_of({"count": "training.enrolled"})
GRANTS = catalogue_of({"sum": "amount_cents", "from": "grant.paid"}, unit="euros")

SHOWN = [family for family in Family if not family.about_persons]

#: Beside those of one family: the deliveries of lycées over lycées.
OF_TWO_FAMILIES = (Family.SCHOOLS, Family.EQUIPMENT)


def figure(catalogue: Catalogue) -> Indicator:
    return catalogue.indicator(INDICATOR)


def day(text: str) -> date:
    return date.fromisoformat(text)


def behind(
    catalogue: Catalogue,
    events: Iterable[CloudEvent],
    as_of: str,
    department: str | None = None,
    **asked: Any,
) -> Evidence:
    with ledger_of(events) as ledger:
        return evidence_of(ledger, figure(catalogue), department, day(as_of), **asked)


def between(catalogue: Catalogue, events: Iterable[CloudEvent], since: str, until: str) -> Evidence:
    with ledger_of(events) as ledger:
        return evidence_of(ledger, figure(catalogue), None, day(until), since=day(since))


def entities(page: Evidence) -> list[str]:
    return [row.key.entity for row in page.rows]


def held(catalogue: Catalogue, events: Sequence[CloudEvent]) -> Mapping[str | None, History]:
    found = histories_of(state_store_of(catalogue, events), catalogue)
    return {code: found[INDICATOR, code] for code in figure(catalogue).territories}


# -- Sums


def added_up(page: Evidence) -> tuple[int, int | None]:
    over = sum(row.numerator for row in page.rows)
    unders = [row.denominator for row in page.rows if row.denominator is not None]
    return over, sum(unders) if page.denominator is not None else None


def sums(reading: Reading) -> tuple[int, int | None]:
    return reading.numerator, reading.denominator


@st.composite
def told(draw: st.DrawFn) -> tuple[Catalogue, list[CloudEvent]]:
    if draw(st.booleans()):
        parts = [draw(histories(family)) for family in OF_TWO_FAMILIES]
        return EQUIPPED, [one for part in parts for one in part]
    family = draw(st.sampled_from(SHOWN))
    measure, fields = draw(st.sampled_from(MEASURES[family]))
    return catalogue_of(measure, **fields), draw(histories(family))


DAY = st.builds(
    lambda start, offset: date.fromordinal(day(start).toordinal() + offset),
    st.sampled_from(DAYS),
    st.sampled_from(OFFSETS),
)


@pytest.mark.slow
@given(told(), DAY, st.data())
def test_contributions_add_up_to_the_figure(
    drawn: tuple[Catalogue, list[CloudEvent]], as_of: date, data: st.DataObject
) -> None:
    catalogue, history = drawn
    history = data.draw(st.permutations(history))
    code = data.draw(st.sampled_from(figure(catalogue).territories[:3]))
    expected = held(catalogue, history)[code].reading(as_of)
    with ledger_of(history) as ledger:
        page = evidence_of(ledger, figure(catalogue), code, as_of, limit=1000)

    assert (page.numerator, page.denominator) == sums(expected)
    assert added_up(page) == sums(expected)
    assert page.entities == len(page.rows)


@pytest.mark.slow
@given(told(), DAY, DAY, st.data())
def test_changes_add_up_to_that_of_the_figure(
    drawn: tuple[Catalogue, list[CloudEvent]], since: date, until: date, data: st.DataObject
) -> None:
    catalogue, history = drawn
    code = data.draw(st.sampled_from(figure(catalogue).territories[:3]))
    expected = held(catalogue, history)[code]
    before, after = expected.reading(since), expected.reading(until)
    with ledger_of(history) as ledger:
        page = evidence_of(ledger, figure(catalogue), code, until, since=since, limit=1000)

    moved = [row.numerator - row.numerator_before for row in page.rows]
    assert page.numerator == sum(moved) == after.numerator - before.numerator
    under = [(row.denominator or 0) - (row.denominator_before or 0) for row in page.rows]
    if before.denominator is not None and after.denominator is not None:
        assert page.denominator == sum(under) == after.denominator - before.denominator
    assert all(any(one) for one in zip(moved, under, strict=True))


@pytest.mark.slow
@given(told(), DAY, st.sampled_from(["2018-12-31", "2019-06-01", "2019-06-02"]))
def test_contributions_are_as_known_on_a_day(
    drawn: tuple[Catalogue, list[CloudEvent]], as_of: date, known_on: str
) -> None:
    catalogue, history = drawn
    known = [one for one in history if one.time.date() <= day(known_on)]
    with ledger_of(history) as ledger:
        page = evidence_of(ledger, figure(catalogue), None, as_of, day(known_on), limit=1000)

    assert added_up(page) == sums(held(catalogue, known)[None].reading(as_of))


# -- Rows


def lycees() -> Iterator[CloudEvent]:
    yield event("school.registered", MEAUX, "2018-01-01", name="Lycée Condorcet")
    yield event("school.registered", PARIS, "2018-01-01", name="Lycée Éluard")
    yield event("school.registered", PARIS_TOO, "2018-01-01", name="Lycée Diderot")
    yield event("school.connected", PARIS_TOO, "2018-02-01")


def test_what_is_missing_comes_first_and_then_names_as_in_french() -> None:
    assert entities(behind(CONNECTED, lycees(), "2018-03-01")) == [PARIS, MEAUX, PARIS_TOO]
    assert entities(behind(CONNECTED, lycees(), "2018-01-15")) == [PARIS_TOO, PARIS, MEAUX]


def test_a_row_names_its_entity_and_its_amounts() -> None:
    later = event("school.registered", PARIS_TOO, "2018-02-15", name="Lycée Diderot")
    row = behind(CONNECTED, [*lycees(), later], "2018-03-01").rows[-1]

    assert (row.key, row.name) == (EntityKey(Family.SCHOOLS, PARIS_TOO), "Lycée Diderot")
    assert (row.department, row.numerator, row.denominator) == ("75", 1, 1)
    assert row.since == day("2018-02-01")


@pytest.mark.parametrize(
    ("part", "expected"), [("all", 3), ("counted", 1), ("missing", 2)], ids=str
)
def test_a_part_has_its_own_rows_and_number(part: EvidencePart, expected: int) -> None:
    page = behind(CONNECTED, lycees(), "2018-03-01", part=part)

    assert (len(page.rows), page.entities) == (expected, expected)
    assert (page.numerator, page.denominator) == (1, 3)


def test_a_count_misses_nothing() -> None:
    opened = [event("coworking.opened", "site", "2018-01-01")]
    page = behind(SITES, opened, "2018-03-01", part="missing")

    assert (page.rows, page.entities, page.numerator, page.denominator) == ((), 0, 1, None)


def test_pages_follow_each_other() -> None:
    opened = [event("coworking.opened", f"site-{n:02}", "2018-01-01") for n in range(7)]
    pages = [behind(SITES, opened, "2018-03-01", limit=3, offset=start) for start in (0, 3, 6, 9)]

    assert [one for page in pages for one in entities(page)] == [f"site-{n:02}" for n in range(7)]
    assert {page.entities for page in pages} == {7}
    assert pages[-1].rows == ()


def test_a_name_is_the_latest_that_was_known() -> None:
    renamed = [
        event("school.registered", PARIS, "2018-01-01", name="Lycée A"),
        event("school.registered", PARIS, "2018-05-01", name="Lycée B"),
    ]

    assert behind(CONNECTED, renamed, "2018-02-01").rows[0].name == "Lycée B"
    known_then = behind(CONNECTED, renamed, "2018-02-01", known_on=day("2018-03-01"))
    assert known_then.rows[0].name == "Lycée A"


def test_a_sites_use_has_the_sites_name() -> None:
    """The period's entity is called by the site that reported it."""
    used = [
        event("coworking.opened", "site", "2018-01-01", name="Tiers-lieu des Halles"),
        event("workstation.usage_reported", "site", "2018-01-31", occupied_hours={"company": 3}),
    ]
    (row,) = behind(USE, used, "2018-03-01").rows

    assert (row.key.entity, row.name) == ("site/2018-01-01", "Tiers-lieu des Halles")


def test_the_deliveries_of_a_lycee_are_in_its_row() -> None:
    """The row is the lycée's, and its sources name what was delivered."""
    delivered = [
        event(
            "equipment.delivered",
            "delivery",
            "2018-02-01",
            uai=PARIS,
            department="75",
            completes_plan=True,
        )
    ]
    rows = {
        row.key.entity: row for row in behind(EQUIPPED, [*lycees(), *delivered], "2018-03-01").rows
    }

    assert (rows[PARIS].numerator, rows[PARIS].denominator) == (1, 1)
    assert rows[PARIS].sources == (
        EntityKey(Family.SCHOOLS, PARIS),
        EntityKey(Family.EQUIPMENT, "delivery"),
    )
    assert rows[MEAUX].sources == (EntityKey(Family.SCHOOLS, MEAUX),)


def test_an_amount_that_adds_up_counts_since_the_last() -> None:
    paid = [
        event("grant.paid", "grant", "2018-01-01", amount_cents=3),
        event("grant.paid", "grant", "2018-02-01", amount_cents=4),
    ]
    (row,) = behind(GRANTS, paid, "2018-03-01").rows

    assert (row.numerator, row.since) == (7, day("2018-02-01"))


def test_a_change_names_who_made_it() -> None:
    (row,) = between(CONNECTED, lycees(), "2018-01-15", "2018-03-01").rows

    assert (row.key.entity, row.name, row.department) == (PARIS_TOO, "Lycée Diderot", "75")
    assert (row.numerator_before, row.numerator) == (0, 1)
    assert (row.denominator_before, row.denominator) == (1, 1)


def test_the_largest_change_comes_first() -> None:
    opened = [
        event("coworking.opened", "small", "2018-01-01", workstations=5),
        event("coworking.opened", "large", "2018-01-01", workstations=20),
        event("coworking.resized", "small", "2018-02-01", workstations=7),
        event("coworking.resized", "large", "2018-02-01", workstations=3),
    ]
    page = between(WORKSTATIONS, opened, "2018-01-15", "2018-03-01")

    assert entities(page) == ["large", "small"]
    assert (page.numerator, page.denominator, page.entities) == (-15, None, 2)


# -- Events


def test_an_event_has_its_place_and_its_content() -> None:
    said = event("coworking.closed", "site", "2018-03-01", id="7", source="urn:sites")
    (record,) = numbered([raw_record(said)])
    with ledger_with([record._replace(timestamp=1_520_000_000_123)]) as ledger:
        (one,) = events_of(ledger, Family.COWORKING, "site").rows

    assert (one.topic, one.partition, one.offset) == record[:3]
    assert (one.fact, one.source, one.id) == ("coworking.closed", "urn:sites", "7")
    assert one.time == said.time
    assert one.recorded_at == datetime(2018, 3, 2, 14, 13, 20, 123_000, tzinfo=UTC)
    assert one.content == {"site_id": "site"}


CLOSED = event("coworking.closed", "site", "2018-03-01", at="2018-03-01T23:59:59.999999")
RETRACTED = event(
    "coworking.closed", "site", "2018-03-01", at="2018-03-02T00:00:00", retracted=True
)
CLOSED_AGAIN = event("coworking.closed", "site", "2018-03-01", at="2018-03-03T00:00:00")


@pytest.mark.parametrize(
    ("said", "known_on", "expected"),
    [
        ([CLOSED, CLOSED_AGAIN], None, ["counts", "superseded"]),
        ([CLOSED, CLOSED], None, ["duplicate", "counts"]),
        ([CLOSED, RETRACTED], None, ["retraction", "superseded"]),
        ([CLOSED, RETRACTED], day("2018-03-01"), ["counts"]),
    ],
)
def test_an_event_says_what_it_does(
    said: Sequence[CloudEvent], known_on: date | None, expected: Sequence[str]
) -> None:
    with ledger_of(said) as ledger:
        page = events_of(ledger, Family.COWORKING, "site", known_on)
        assert [one.state for one in page.rows] == expected
        assert page.events == len(expected)
        second = events_of(ledger, Family.COWORKING, "site", known_on, limit=1, offset=1)
        assert [one.state for one in second.rows] == expected[1:2]


@pytest.mark.parametrize(
    ("family", "entity", "name"),
    [
        (Family.SCHOOLS, PARIS, "Lycée Éluard"),
        (Family.EQUIPMENT, "delivery", "Lycée Éluard"),
        (Family.BROADBAND, "77288", None),
    ],
    ids=str,
)
def test_events_are_headed_by_a_name(family: Family, entity: str, name: str | None) -> None:
    said = [
        *lycees(),
        event("equipment.delivered", "delivery", "2018-02-01", uai=PARIS, department="75"),
        event("broadband.coverage_reported", "77288", "2018-01-01"),
    ]
    with ledger_of(said) as ledger:
        assert events_of(ledger, family, entity).name == name


# -- Persons


def test_no_person_is_shown() -> None:
    with pytest.raises(PersonsNotShownError, match="figure: is about persons"):
        behind(PERSONS, [], "2018-01-01")
    with pytest.raises(PersonsNotShownError, match="figure: is about persons"):
        between(PERSONS, [], "2018-01-01", "2018-02-01")
    with ledger_of([]) as ledger, pytest.raises(PersonsNotShownError, match="trainings"):
        events_of(ledger, Family.TRAININGS, "enrolment-000001")
