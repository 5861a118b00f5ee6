"""The Atom feeds of what changed."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from catalogue.formatting import STATUSES
from report.feeds import DAYS, Feed
from report.knowledge import Knowledge
from report.past import knowledge_on
from report.rendering import Pages
from tests.support.attacks import PLAIN
from tests.support.explanations import explained
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
        root = read(feed(known=knowledge_on(ledger, (), shipped(), LAST_DAY)))
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
