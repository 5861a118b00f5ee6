"""Lycées on a map: their places, their states, and since when, on any day as known on any day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from events.fact import Family
from report.charts.commune_map import centre_of, point_at
from report.ledger import EventLedger
from report.places import ratios_by
from report.school_map import MappedSchool, schools_on_map
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.knowledge import LAST_DAY, knowledge, shipped, simulated_records, view
from tests.support.ledgers import ledger_with

ONE, TWO, THREE = uai("0770001"), uai("0770002"), uai("0770003")
CONNECTED = shipped().indicator("schools_connected_ratio")
EQUIPPED = shipped().indicator("schools_equipped_ratio")
HERE, THERE = "48.539927,2.660817", "48.6,2.7"


@pytest.fixture
def few() -> Iterator[EventLedger]:
    registered = [
        raw("school.registered", ONE, "2016-05-01", name="Galilée", commune="77288", position=HERE),
        raw(
            "school.registered", ONE, "2018-03-01", name="Galilée", commune="77288", position=THERE
        ),
        raw("school.registered", TWO, "2016-05-01", name="Curie", commune="77288"),
    ]
    links = [
        raw("school.connected", ONE, "2017-01-10"),
        raw("school.disconnected", ONE, "2018-02-01"),
        raw("school.disconnected", ONE, "2018-02-05"),
        raw("equipment.delivered", "d-1", "2017-06-01", uai=THREE, completes_plan=True),
    ]
    with ledger_with([*registered, *links]) as ledger:
        yield ledger


def mapped(ledger: EventLedger, day: str, known_on: str | None = None) -> dict[str, MappedSchool]:
    known = None if known_on is None else date.fromisoformat(known_on)
    found = schools_on_map(ledger, CONNECTED, view(date.fromisoformat(day), known_on=known))
    return {one.key.entity: one for one in found}


def test_a_lycee_is_at_its_position_else_at_its_commune_s_centre(few: EventLedger) -> None:
    found = mapped(few, "2018-03-01")

    assert (found[ONE].point, found[ONE].is_exact) == (point_at(THERE), True)
    assert (found[TWO].point, found[TWO].is_exact) == (centre_of("77288"), False)
    assert {one.commune for one in found.values()} == {"Melun"}


@pytest.mark.parametrize(
    ("day", "state", "since"),
    [
        ("2017-01-09", "ne compte pas encore", "à la charge de la Région depuis le 01/05/2016"),
        ("2017-01-10", "compte", "lien à très haut débit réceptionné le 10/01/2017"),
        ("2018-02-28", "ne compte plus", "lien à très haut débit coupé le 01/02/2018"),
    ],
)
def test_a_state_says_what_made_it_and_when(
    few: EventLedger, day: str, state: str, since: str
) -> None:
    assert (mapped(few, day)[ONE].state, mapped(few, day)[ONE].since) == (state, since)


def test_a_closed_lycee_that_still_counts_is_outside_the_total(few: EventLedger) -> None:
    few.append(
        [
            raw("equipment.delivered", "d-2", "2017-02-01", uai=TWO, completes_plan=True),
            raw("school.closed", TWO, "2018-01-01"),
        ]
    )
    found = schools_on_map(few, EQUIPPED, view(date(2018, 6, 30)))
    (closed,) = (one for one in found if one.key.entity == TWO)

    assert (closed.counts, closed.in_total) == (True, False)
    assert closed.state == "compte, hors du total"
    assert closed.since == "matériel livré le 01/02/2017, fermé le 01/01/2018"


def test_a_past_day_s_map_is_as_it_was_known(few: EventLedger) -> None:
    """A lycée that moved is where it was; what was recorded later is not there."""
    assert mapped(few, "2018-02-28")[ONE].point == point_at(HERE)
    assert mapped(few, "2016-04-30") == {}
    few.append([raw("school.connected", TWO, "2017-01-01", at="2019-05-01T10:00:00")])
    assert mapped(few, "2018-03-01")[TWO].counts
    assert not mapped(few, "2018-03-01", known_on="2018-03-01")[TWO].counts


def test_a_lycee_that_nothing_places_is_in_the_table_alone(few: EventLedger) -> None:
    (found,) = (one for one in schools_on_map(few, EQUIPPED, view()) if one.key.entity == THREE)
    assert (found.point, found.commune, found.counts) == (None, "", True)
    assert found.name == f"Lycée {THREE}"


def test_promises_counted_by_lycee_have_a_map() -> None:
    ids = {one.id for one in ratios_by(shipped(), Family.SCHOOLS)}

    assert {"schools_connected_ratio", "schools_equipped_ratio", "schools_workspace_ratio"} <= ids
    assert not ids & {"premises_connectable_ratio", "trainees_enrolled"}


@pytest.mark.slow
@pytest.mark.parametrize("territory", ["region", "95"])
@pytest.mark.parametrize("day", [date(2017, 6, 30), LAST_DAY], ids=str)
def test_the_points_of_a_map_are_the_figure(territory: str, day: date) -> None:
    shown = view(day, territory)
    with ledger_with(simulated_records()) as ledger:
        found = schools_on_map(ledger, CONNECTED, shown)
    history = knowledge().standing(CONNECTED, shown.department, day).history
    assert history.denominator is not None

    assert sum(one.counts for one in found) == history.numerator.at(day)
    assert len(found) == history.denominator.at(day)
    assert all(one.is_exact for one in found)
