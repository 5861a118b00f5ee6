"""The Atom feeds of places: each event is an entry, for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.cloudevent import CloudEvent
from events.fact import Family
from report.ledger import EventLedger
from report.place_feeds import MOST_ENTRIES, PlaceFeed, commune_feed, entity_feed
from report.rendering import Pages
from report.words import EntityKey
from tests.support.atom import faults_of
from tests.support.audits import raw
from tests.support.histories import event, uai
from tests.support.knowledge import LAST_DAY, shipped, view
from tests.support.ledgers import ledger_of

GALILEE, CURIE = uai("0770001"), uai("0770002")
MELUN = "77288"


@pytest.fixture(scope="module")
def ledger() -> Iterator[EventLedger]:
    with EventLedger() as ledger:
        connected = raw("school.connected", GALILEE, "2018-03-10", downlink_mbps=1000)
        ledger.append(
            [
                raw("school.registered", GALILEE, "2018-01-02", name="Galilée", commune=MELUN),
                raw("school.registered", CURIE, "2018-01-02", name="Curie", commune="77001"),
                connected,
                connected._replace(offset=10**6, timestamp=connected.timestamp + 10**7),
                raw(
                    "school.connected",
                    GALILEE,
                    "2018-03-10",
                    at="2018-05-01T09:00:00",
                    retracted=True,
                ),
                raw("equipment.delivered", "d-1", "2018-06-01", uai=GALILEE),
                raw(
                    "coworking.opened",
                    "site-1",
                    "2018-07-01",
                    name="La Ruche",
                    commune=MELUN,
                    department="77",
                ),
                raw("broadband.coverage_reported", MELUN, "2018-09-30"),
                raw("school.connected", GALILEE, "2016-03-10"),
            ]
        )
        yield ledger


def lycee(ledger: EventLedger, day: date = LAST_DAY, known_on: date | None = None) -> PlaceFeed:
    key = EntityKey(Family.SCHOOLS, GALILEE)
    return entity_feed(ledger, key, "Galilée", view(day, known_on=known_on))


def titles(feed: PlaceFeed) -> list[str]:
    return [one.title.partition(" : ")[2] for one in feed.entries]


def test_the_events_of_a_lycee_and_what_refers_to_it_are_entries(ledger: EventLedger) -> None:
    """The newest first; a repeat is no event, and what is older than a year is gone."""
    feed = lycee(ledger)

    assert titles(feed) == [
        "matériel livré",
        "lien à très haut débit réceptionné",
        "lien à très haut débit réceptionné",
        "à la charge de la Région",
    ]
    assert feed.entries[1].text == "10/03/2018 : ce jour est annulé"
    assert "débit descendant (Mbit/s) : 1 000" in feed.entries[2].text.replace("\u202f", " ")
    assert feed.entries[2].path == f"entites/schools/{GALILEE}?as_of=2018-03-10&known_on=2018-03-10"
    assert feed.updated == feed.entries[0].updated


def test_a_commune_s_feed_has_its_lycees_its_workplaces_and_its_own_reports(
    ledger: EventLedger,
) -> None:
    feed = commune_feed(ledger, MELUN, "Melun", view())
    names = {one.title.partition(" : ")[0] for one in feed.entries}

    assert names == {"Galilée", "La Ruche", "Melun"}
    assert len(feed.entries) == len(lycee(ledger).entries) + 2
    assert (feed.page, feed.path) == ("communes/77288", "communes/77288/changements.atom")


def test_what_was_not_known_is_in_no_feed_of_a_past_day(ledger: EventLedger) -> None:
    assert len(lycee(ledger, known_on=date(2018, 4, 30)).entries) == 2
    assert len(lycee(ledger, date(2018, 4, 30)).entries) == 2
    assert lycee(ledger, date(2016, 3, 10) - timedelta(days=1)).entries == ()


def test_a_place_s_feed_is_valid_atom(ledger: EventLedger) -> None:
    pages = Pages(shipped())
    for feed, depth in (
        (lycee(ledger), 3),
        (lycee(ledger, date(2012, 1, 1)), 3),
        (commune_feed(ledger, MELUN, "<Melun & Cie>", view()), 2),
    ):
        assert faults_of(pages.feed(feed, depth=depth)) == []


events = st.lists(
    st.builds(
        lambda fact, day, late, again: event(
            fact,
            GALILEE,
            str(day),
            at=f"{day + timedelta(days=late)}T10:00:00",
            id=f"event-{again}",
            **({"name": "Galilée", "commune": MELUN} if fact == "school.registered" else {}),
        ),
        st.sampled_from(["school.registered", "school.connected", "school.disconnected"]),
        st.dates(date(2018, 3, 1), date(2018, 6, 30)),
        st.integers(0, 40),
        st.integers(0, 3),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=30)
@given(events, events, st.randoms())
def test_later_events_change_no_entry(
    known: Sequence[CloudEvent], later: Sequence[CloudEvent], chance: Random
) -> None:
    """In whatever order the records arrive, and for the commune as for the lycée."""
    day = date(2018, 7, 1)
    known = [one for one in known if one.time.date() <= day]
    with ledger_of(known) as ledger:
        before = lycee(ledger, day).entries
    newer = [one for one in later if one.time.date() > day]
    mixed = [*known, *newer, *known]
    chance.shuffle(mixed)
    with ledger_of(mixed) as ledger:
        assert lycee(ledger, day).entries == before
        assert {one.id for one in before} <= {one.id for one in lycee(ledger, LAST_DAY).entries}


def test_a_long_year_is_cut() -> None:
    connected = [
        event(
            "school.connected", GALILEE, "2018-05-01", at=f"2018-06-01T10:{n // 60:02}:{n % 60:02}"
        )
        for n in range(MOST_ENTRIES + 1)
    ]
    with ledger_of(connected) as ledger:
        entries = lycee(ledger).entries

    assert len(entries) == MOST_ENTRIES
    assert entries[0].updated == connected[-1].time
