"""The Atom feeds of what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from catalogue.formatting import NARROW, STATUSES
from report.corrections import Corrections
from report.feeds import DAYS, Feed
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.past import knowledge_on
from report.rendering import Pages
from tests.support.atom import faults_of
from tests.support.attacks import PLAIN
from tests.support.audits import raw
from tests.support.explanations import explained
from tests.support.histories import uai
from tests.support.knowledge import LAST_DAY, knowledge, shipped, view
from tests.support.ledgers import ledger_of

ATOM = "{http://www.w3.org/2005/Atom}"


def feed(day: date = LAST_DAY, territory: str = "region", known: Knowledge | None = None) -> Feed:
    return Feed(known or knowledge(), view(day, territory), None)


def read(made: Feed) -> ET.Element:
    return ET.fromstring(Pages(shipped()).feed(made))  # noqa: S314 - our own


@pytest.mark.parametrize("territory", ["region", "77"])
def test_the_changes_of_a_year_lead_from_its_first_statuses_to_its_last(territory: str) -> None:
    """Read backwards from today's statuses, the entries give those of a year ago."""
    made = feed(territory=territory)
    changes = [one for one in made.entries if "/changes/" in one.id]
    last: dict[str, str] = {}
    for one in reversed(changes):
        promise, status = one.id.split("/changes/")[1].rsplit("/", 3)[::3]
        last[promise] = status
    assert changes
    for indicator in shipped().indicators:
        if made.view.department not in indicator.territories:
            continue
        for standing in knowledge().of(indicator, made.view.department, LAST_DAY):
            milestone = standing.milestone
            key = f"{indicator.id}/{milestone.id}" if milestone else ""
            assert last.get(key) in (None, standing.judgement.status)


@pytest.mark.slow
def test_an_entry_is_the_same_whenever_it_is_read() -> None:
    later = {one.id: one for one in feed().entries}
    earlier = {one.id: one for one in feed(LAST_DAY - timedelta(days=60)).entries}
    common = later.keys() & earlier.keys()

    assert len(common) > 3
    assert len(later) == len(feed().entries)
    for one in common:
        assert (later[one].updated, later[one].title, later[one].text) == (
            earlier[one].updated,
            earlier[one].title,
            earlier[one].text,
        )


@pytest.mark.parametrize(
    "breach",
    [
        ("<updated>", "<updated>demain "),
        ("</title>", "</title><title>2</title>"),
        ('rel="self"', 'rel="related"'),
        ("<author>", "<writer>"),
        ("tag:", "promise:"),
    ],
    ids=str,
)
def test_the_validator_finds_a_breach(breach: tuple[str, str]) -> None:
    made = Pages(shipped()).feed(feed())
    broken = made.replace(*breach).replace(
        "</author>", f"</{breach[1][1:]}", breach[0] == "<author>"
    )

    assert faults_of(made) == []
    assert faults_of(broken) != []


@pytest.mark.parametrize("territory", ["region", "93"])
def test_what_is_published_about_persons_is_announced_on_its_day(territory: str) -> None:
    """Each period once, with the value that the page of that day shows."""
    made = feed(territory=territory)
    published = [one for one in made.entries if "/published/trainees_enrolled/" in one.id]
    indicator = shipped().indicator("trainees_enrolled")
    assert indicator.publication is not None

    assert len(published) == 12
    for one in published:
        *_, end_text, digits = one.id.split("/")
        end, day = date.fromisoformat(end_text), one.updated.date()
        assert day == end + timedelta(days=indicator.publication.delay_days)
        value = knowledge().standing(indicator, made.view.department, day).value
        assert (value.text or value.reason) in one.text
        assert digits == value.text.replace(NARROW, "")
        assert f"as_of={day}" in one.path


@pytest.fixture(scope="module")
def corrected() -> Iterator[tuple[EventLedger, Corrections]]:
    lycees = [uai(f"077{number:04}") for number in range(1, 5)]
    records = [raw("school.registered", one, "2017-01-01", name="Lycée") for one in lycees]
    records += [
        raw("school.connected", lycees[0], "2018-02-01"),
        raw("school.connected", lycees[1], "2018-05-20", at="2018-10-05T10:00:00"),
        # Its facts are not due yet: what was known was not complete.
        raw("school.connected", lycees[2], "2018-10-25", at="2018-11-02T10:00:00"),
        raw("training.enrolled", "enrolment-000001", "2018-05-20", at="2018-10-05T10:00:00"),
    ]
    with EventLedger() as ledger:
        ledger.append(records)
        yield ledger, Corrections(ledger, shipped())


def corrections_on(
    day: date, corrections: Corrections, *, known_on: date | None = None
) -> list[Any]:
    shown = view(day, known_on=known_on)
    entries = Feed(knowledge(), shown, None, corrections).entries
    return [one for one in entries if "/corrected/schools_connected_ratio/" in one.id]


@pytest.mark.slow
def test_a_past_figure_that_a_later_fact_changed_is_corrected_at_the_month_s_end(
    corrected: tuple[EventLedger, Corrections],
) -> None:
    (one,) = corrections_on(LAST_DAY, corrected[1])

    assert one.id.endswith("/region/2018-10-31")
    assert one.updated.date() == date(2018, 11, 1)
    assert one.text.count("50,0\u00a0% au lieu de 25,0\u00a0%") == 4  # From May to August.
    assert one.path.endswith("?as_of=2018-08-31&known_on=2018-10-31")
    assert corrections_on(date(2018, 10, 31), corrected[1]) == []
    assert corrections_on(LAST_DAY, corrected[1], known_on=date(2018, 10, 30)) == []


@pytest.mark.slow
def test_corrections_are_those_of_the_events_that_are_there(
    corrected: tuple[EventLedger, Corrections],
) -> None:
    """What was computed before another event arrived is computed anew."""
    ledger, corrections = corrected
    before = corrections_on(LAST_DAY, corrections)
    late = raw("school.connected", uai("0770004"), "2018-05-21", at="2018-10-06T10:00:00")
    ledger.append([late])

    assert "75,0" in corrections_on(LAST_DAY, corrections)[0].text
    assert corrections_on(LAST_DAY, corrections)[0].id == before[0].id


def test_a_feed_has_what_atom_requires() -> None:
    root = read(feed())

    for required in ("id", "title", "updated"):
        assert len(root.findall(f"{ATOM}{required}")) == 1
        for entry in root.findall(f"{ATOM}entry"):
            assert len(entry.findall(f"{ATOM}{required}")) == 1
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    days = [one.findtext(f"{ATOM}updated") for one in root.findall(f"{ATOM}entry")]
    assert days == sorted(days, reverse=True, key=str)
    assert root.findtext(f"{ATOM}updated") == days[0]


def test_a_feed_before_the_first_fact_is_valid_and_empty() -> None:
    root = read(feed(date(2012, 1, 1)))

    assert root.findall(f"{ATOM}entry") == []
    assert faults_of(Pages(shipped()).feed(feed(date(2012, 1, 1)))) == []
    assert root.findtext(f"{ATOM}updated") == "2011-01-01T00:00:00+00:00"


def test_a_programme_s_feed_is_of_its_indicators_alone() -> None:
    programme = shipped().programmes[0]
    made = Feed(knowledge(), view(), programme)
    own = {one.id for one in programme.indicators}

    assert made.id.endswith(f"/{programme.id}/region")
    assert {one.path.split("/")[1].split("?")[0] for one in made.entries} <= own
    assert len(made.entries) < len(feed().entries)


@pytest.mark.parametrize("text", PLAIN.values(), ids=ascii)
def test_an_explanation_is_only_text(text: str) -> None:
    day = LAST_DAY - timedelta(days=3)
    with ledger_of([explained(str(day), text)]) as ledger:
        made = feed(known=knowledge_on(ledger, (), shipped(), LAST_DAY))
    root = read(made)
    assert faults_of(Pages(shipped()).feed(made)) == []
    found = root.findall(f"{ATOM}entry")
    (entry,) = (one for one in found if "explanations" in str(one.findtext(f"{ATOM}id")))
    tags = [one.tag.removeprefix(ATOM) for one in entry]

    assert tags == ["id", "title", "updated", "link", "content"]
    assert entry.findtext(f"{ATOM}updated") == f"{day}T00:00:00+00:00"


def test_a_feed_goes_back_a_year() -> None:
    days = [one.updated.date() for one in feed().entries]

    assert LAST_DAY - timedelta(days=DAYS) < min(days) <= max(days) <= LAST_DAY
    statuses = {one.id.rpartition("/")[2] for one in feed().entries if "/changes/" in one.id}
    assert statuses <= {str(one) for one in STATUSES}
