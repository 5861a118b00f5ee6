"""Places: what a search finds, what holds for an entity, and the shares of communes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from broker.stored_record import RawRecord
from events.communes import MERGED_INTO
from events.fact import Family
from report.charts.commune_map import communes
from report.ledger import EventLedger
from report.places import (
    MOST_FOUND,
    communal_indicators,
    commune_page,
    search,
    shares_by_commune,
    state_of,
)
from report.words import EntityKey
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.knowledge import LAST_DAY, knowledge, shipped, simulated_records, view

MELUN, GALILEE = "77288", uai("0770001")


def registered(lycee: str, name: str, commune: str = MELUN) -> RawRecord:
    return raw("school.registered", lycee, "2016-05-01", name=name, commune=commune)


@pytest.fixture(scope="module")
def ledger() -> Iterator[EventLedger]:
    with EventLedger() as ledger:
        ledger.append(simulated_records())
        yield ledger


@pytest.fixture
def few() -> Iterator[EventLedger]:
    site: dict[str, Any] = {"name": "La Ruche", "commune": MELUN, "department": "77"}
    with EventLedger() as ledger:
        ledger.append(
            [
                registered(GALILEE, "Lycée Galilée"),
                registered(uai("0750002"), "L’Œuvre", "75101"),
                registered(uai("0770003"), "Lycée Charles-de-Gaulle", "77322"),
                raw("coworking.opened", "site-1", "2017-01-01", **site),
                raw("dataset.released", "air", "2017-01-01", title="Qualité de l’air"),
            ]
        )
        yield ledger


def names(ledger: EventLedger, text: str) -> list[str]:
    return [one.name for one in search(ledger, text, None).entities]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("galilée", ["Lycée Galilée"]),
        ("GALILEE  lycee", ["Lycée Galilée"]),
        (GALILEE.lower(), ["Lycée Galilée"]),
        ("loeuvre", ["L’Œuvre"]),
        ("Melun", ["La Ruche", "Lycée Galilée"]),
        (MELUN, ["La Ruche", "Lycée Galilée"]),
        ("Paris", ["L’Œuvre"]),
        ("75101", ["L’Œuvre"]),
        ("moussy le neuf", ["Lycée Charles-de-Gaulle"]),
        ("moussy", ["Lycée Charles-de-Gaulle"]),
        ("mouss", []),
        ("qualite", ["Qualité de l’air"]),
        ("%", []),
        ("_a", []),
        ("' OR 1=1 --", []),
        ("g", []),
        ("", []),
        ("galilée ruche", []),
    ],
)
def test_a_search_finds_by_name_code_and_commune(
    few: EventLedger, text: str, found: list[str]
) -> None:
    assert sorted(names(few, text)) == found


def test_what_carries_a_name_stands_before_what_lies_there_by_kind(few: EventLedger) -> None:
    few.append([registered(uai("0770004"), "Zola de Melun", "77322")])
    found = search(few, "melun", None).by_family
    assert {family: [one.name for one in ones] for family, ones in found.items()} == {
        Family.SCHOOLS: ["Zola de Melun", "Lycée Galilée"],
        Family.COWORKING: ["La Ruche"],
    }


def test_a_lycee_is_found_in_the_commune_that_its_own_became_part_of(few: EventLedger) -> None:
    former, whole = next((old, new) for old, new in MERGED_INTO.items() if new in communes())
    few.append([registered(uai(f"{whole[:2].zfill(3)}0005"), "Lycée Molière", former)])
    assert names(few, communes()[whole].name) == ["Lycée Molière"]


def test_a_commune_is_found_by_its_name_and_the_beginning_of_its_code(few: EventLedger) -> None:
    assert [one.code for one in search(few, "moussy-le-neuf", None).communes] == ["77322"]
    assert "77322" in [one.code for one in search(few, "7732", None).communes]


def test_what_was_not_known_yet_is_not_found(few: EventLedger) -> None:
    assert not search(few, "galilée", date(2016, 4, 1)).entities


@pytest.mark.slow
def test_no_person_is_found_and_a_long_list_is_cut(ledger: EventLedger) -> None:
    found = search(ledger, "lycée", None)

    assert (len(found.entities), found.has_more) == (MOST_FOUND, True)
    for row in ledger.query("SELECT DISTINCT family FROM event WHERE name IS NOT NULL"):
        assert not Family(row[0]).about_persons


def test_the_latest_fact_of_a_day_holds_until_it_is_taken_back() -> None:
    key = EntityKey(Family.SCHOOLS, GALILEE)
    with EventLedger() as ledger:
        ledger.append(
            [
                registered(GALILEE, "Lycée Galilée"),
                raw("school.connected", GALILEE, "2018-03-10", downlink_mbps=100),
                raw("school.connected", GALILEE, "2018-06-10", downlink_mbps=1000),
                raw("equipment.delivered", "d-1", "2018-05-01", uai=GALILEE),
            ]
        )

        def speeds(day: date) -> list[int]:
            facts = state_of(ledger, key, view(day)).facts
            return [one.content["downlink_mbps"] for one in facts if one.fact == "school.connected"]

        assert speeds(date(2018, 3, 9)) == []
        assert speeds(date(2018, 6, 9)) == [100]
        assert speeds(date(2018, 6, 10)) == [1000]
        assert [one.entity for one, _ in state_of(ledger, key, view()).referring] == ["d-1"]
        ledger.append([raw("school.connected", GALILEE, "2018-06-10", retracted=True)])
        assert speeds(date(2018, 6, 10)) == [100]


@pytest.mark.slow
@pytest.mark.parametrize("territory", ["region", "75", "77"])
@pytest.mark.parametrize("day", [date(2017, 6, 30), LAST_DAY], ids=str)
def test_the_shares_of_communes_are_the_figure(
    ledger: EventLedger, territory: str, day: date
) -> None:
    (indicator,) = communal_indicators(shipped())
    shown = view(day, territory)
    shares = shares_by_commune(ledger, indicator, shown)
    history = knowledge().standing(indicator, shown.department, day).history
    assert history.denominator is not None

    assert sum(one.numerator for one in shares.values()) == history.numerator.at(day)
    assert sum(one.denominator for one in shares.values()) == history.denominator.at(day)
    assert ("75056" in shares) == (territory != "77")
    assert not [code for code in shares if code.startswith("751")]


@pytest.mark.slow
def test_a_commune_stands_beside_its_department_and_the_region(ledger: EventLedger) -> None:
    page = commune_page(knowledge(), ledger, communes()["75056"], view())
    (figure,) = page.figures

    assert (page.department, figure.department.territory) == ("75", "Paris")
    assert figure.text == figure.department.value.text
    assert figure.region.value.text != figure.text
    assert len(page.entities) > 90
