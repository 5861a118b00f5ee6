"""Initial and target values that become baselines and milestones."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from boundary.diagnostic import Diagnostic
from catalogue.model import Programme
from events.observation import Territory
from operations.importing.event_building import LineOrigin
from operations.importing.findings import Finding, SkippedLine
from operations.importing.pilote import PiloteValue, ValueKind
from operations.importing.programme.merging import (
    AGAINST,
    KEPT,
    LATER,
    UNDECIDED,
    ImportHints,
    Promise,
    merge,
)
from tests.support.tables import RECORDED

ENTRY: dict[str, Any] = {
    "id": "fibre",
    "title": "Fibre",
    "definition": "Locaux raccordables.",
    "unit": "ratio",
    "direction": "rising",
    "grain": "department",
    "measure": {"observed": "IND-042", "percent": True},
    "periodicity": "quarterly",
    "availability_delay_days": 60,
}
DAY = "2022-12-31"
INITIAL, TARGET = ValueKind.INITIAL, ValueKind.TARGET
REGION, PARIS, EAST = Territory.REGION, Territory.PARIS, Territory.SEINE_ET_MARNE


def declared(*entries: dict[str, Any]) -> dict[str, Any]:
    """Declare a programme with these indicators."""
    return {
        "id": "barometre",
        "title": "Baromètre",
        "promise": "Tenir.",
        "owner": "Essais",
        "indicators": list(entries),
    }


def promise_of(
    kind: ValueKind,
    territory: Territory,
    day: str,
    value: str,
    *,
    indicator: str = "IND-042",
    line: int = 2,
) -> Promise:
    """Return a promise of a value; the empty text takes it back."""
    number = Decimal(value) if value else None
    cells = {"zone_id": territory.value, "date_valeur": day, "valeur": value}
    return Promise(
        PiloteValue(indicator, territory, date.fromisoformat(day), kind, number),
        LineOrigin("dossier/vc.csv", line, cells, {}),
        RECORDED,
    )


def merged(entry: dict[str, Any] | None, *promises: Promise) -> dict[str, Any]:
    """Merge into a programme of one indicator, or none, and return the indicator."""
    after, findings = merge(declared(*([] if entry is None else [entry])), promises)
    assert [finding for finding in findings if not isinstance(finding, SkippedLine)] == []
    (indicator,) = after["indicators"]
    assert isinstance(indicator, dict)
    Programme.model_validate(after)
    return indicator


def milestone_of(name: str, *, scope: list[str], day: str = DAY) -> dict[str, Any]:
    """Declare a milestone whose target is everything."""
    day_of = date.fromisoformat(day)
    return {"id": name, "target": 1, "day": day_of, "scope": scope, "source": "x"}


EARLY = milestone_of("a", scope=["75"], day="2019-12-31")


def findings_of(entry: dict[str, Any], *promises: Promise) -> list[Finding]:
    """Merge, and return what has become of the lines."""
    after, findings = merge(declared(entry), promises)
    Programme.model_validate(after)
    return findings


def test_values_of_an_unknown_indicator_declare_it() -> None:
    """With what is known of it: its places, its direction; people write the rest."""
    entry = merged(
        None, promise_of(INITIAL, PARIS, "2020-01-01", "30"), promise_of(TARGET, PARIS, DAY, "12.5")
    )
    assert entry == {
        "id": "ind_042",
        "title": "Indicateur IND-042",
        "definition": "Indicateur IND-042 de PILOTE, tel que l’État le publie.",
        "unit": "count",
        "direction": "falling",
        "grain": "department",
        "measure": {"observed": "IND-042"},
        "periodicity": "irregular",
        "availability_delay_days": 0,
        "baselines": {
            "75": {"value": 30, "day": date(2020, 1, 1), "source": "PILOTE, fichier vc.csv"}
        },
        "milestones": [
            {
                "id": "vc_20221231_75",
                "target": Decimal("12.5"),
                "day": date(2022, 12, 31),
                "scope": ["75"],
                "source": "PILOTE, fichier vc.csv",
            }
        ],
    }


def test_a_percentage_becomes_a_ratio() -> None:
    """As the indicator's own measure says, exactly."""
    entry = merged(ENTRY, promise_of(INITIAL, PARIS, "2020-01-01", "71.55"))
    assert entry["baselines"]["75"]["value"] == Decimal("0.7155")


def test_an_indicator_is_a_percentage_where_it_is_said_so() -> None:
    """Only people know: the format does not have units."""
    promise = promise_of(TARGET, REGION, DAY, "80")
    after, _ = merge(declared(), [promise], ImportHints(percent=["IND-042"]))
    (entry,) = after["indicators"]
    assert (entry["unit"], entry["milestones"][0]["target"]) == ("ratio", Decimal("0.8"))


def test_what_people_wrote_stays() -> None:
    """Title, periodicity, other milestones, other programmes' indicators: all but the values."""
    other = {**ENTRY, "id": "other", "measure": {"observed": "IND-001"}}
    before = declared(
        {**ENTRY, "milestones": [{"id": "soon", "day": date(2030, 1, 1), "source": "x"}]}, other
    )
    after, _ = merge(before, [promise_of(TARGET, PARIS, DAY, "80")])
    first, second = after["indicators"]
    assert second == other
    assert {key: first[key] for key in ENTRY} == ENTRY
    assert [one["id"] for one in first["milestones"]] == ["vc_20221231_75", "soon"]


def test_the_first_initial_value_counts() -> None:
    """Whatever the order of the lines; the later one is distinguished."""
    first, second = (
        promise_of(INITIAL, PARIS, "2020-01-01", "30"),
        promise_of(INITIAL, PARIS, "2021-01-01", "40"),
    )
    for promises in ((first, second), (second, first)):
        assert merged(ENTRY, *promises)["baselines"]["75"]["day"] == date(2020, 1, 1)
    assert sorted(
        one.why for one in findings_of(ENTRY, second, first) if isinstance(one, SkippedLine)
    ) == [
        KEPT,
        LATER,
    ]


def test_an_initial_value_is_taken_back() -> None:
    """And another one, of another day, takes its place, in either order of the lines."""
    entry = merged(ENTRY, promise_of(INITIAL, PARIS, "2020-01-01", "30"))
    back, other = (
        promise_of(INITIAL, PARIS, "2020-01-01", ""),
        promise_of(INITIAL, PARIS, "2021-01-01", "40"),
    )
    assert "baselines" not in merged(entry, back)
    assert merged(entry, other, back)["baselines"]["75"]["day"] == date(2021, 1, 1)


def test_what_is_taken_back_goes_even_where_nothing_replaces_it() -> None:
    """The value that should have is refused: its day is after a target's."""
    entry = {**ENTRY, "milestones": [EARLY]}
    entry = merged(entry, promise_of(INITIAL, PARIS, "2019-01-01", "30"))
    back, late = (
        promise_of(INITIAL, PARIS, "2019-01-01", ""),
        promise_of(INITIAL, PARIS, "2020-01-01", "40"),
    )
    after, findings = merge(declared(entry), [back, late])
    assert "baselines" not in after["indicators"][0]
    assert [type(finding) for finding in findings] == [Diagnostic, SkippedLine]


def test_the_region_s_own_baseline_is_kept_where_it_stands() -> None:
    """An indicator may have it under either key."""
    entry = {**ENTRY, "baseline": {"value": 0, "day": date(2020, 1, 1), "source": "x"}}
    changed = merged(entry, promise_of(INITIAL, REGION, "2020-01-01", "10"))
    assert changed["baseline"]["value"] == Decimal("0.1")
    assert "baselines" not in changed


def test_a_target_changes_its_own_milestone() -> None:
    """The name that people gave it stays."""
    milestone = {
        "id": "paris",
        "target": 1,
        "day": date(2022, 12, 31),
        "scope": ["75"],
        "source": "x",
    }
    (changed,) = merged({**ENTRY, "milestones": [milestone]}, promise_of(TARGET, PARIS, DAY, "90"))[
        "milestones"
    ]
    assert (changed["id"], changed["target"]) == ("paris", Decimal("0.9"))


def test_a_target_of_one_territory_leaves_the_others_unchanged() -> None:
    """A milestone that holds for all is left to the others."""
    shared = milestone_of("all", scope=["region", "departments"])
    entry = {**ENTRY, "milestones": [shared]}
    same = [promise_of(TARGET, territory, DAY, "100") for territory in (REGION, PARIS)]
    assert merged(entry, *same) == entry
    others, own = merged(entry, promise_of(TARGET, PARIS, DAY, "90"))["milestones"]
    assert others["scope"] == ["region", "77", "78", "91", "92", "93", "94", "95"]
    assert own["scope"] == ["75"]
    (left,) = merged(entry, promise_of(TARGET, PARIS, DAY, ""))["milestones"]
    assert left["scope"] == others["scope"]


def test_a_target_is_taken_back() -> None:
    """With its milestone."""
    entry = merged(ENTRY, promise_of(TARGET, PARIS, DAY, "80"))
    assert "milestones" not in merged(entry, promise_of(TARGET, PARIS, DAY, ""))


def test_milestones_are_in_the_order_of_their_days() -> None:
    """Whatever the order in which they come, with ids of their own."""
    days = ("2023-12-31", "2021-12-31", DAY)
    promises = [
        promise_of(TARGET, territory, day, "80") for day in days for territory in (PARIS, EAST)
    ]
    milestones = merged(ENTRY, *promises)["milestones"]
    assert [str(one["day"]) for one in milestones] == sorted([*days, *days])
    assert len({one["id"] for one in milestones}) == 6


def test_an_id_that_is_taken_is_not_taken_again() -> None:
    """Somebody may have called another milestone so."""
    milestone = {"id": "vc_20221231_75", "day": date(2022, 1, 1), "source": "x"}
    changed = merged({**ENTRY, "milestones": [milestone]}, promise_of(TARGET, PARIS, DAY, "80"))
    assert changed["milestones"][1]["id"] == "vc_20221231_75_bis"


@pytest.mark.parametrize(
    ("entry", "promises", "expected"),
    [
        (
            ENTRY,
            [promise_of(TARGET, PARIS, DAY, "120", line=7)],
            "dossier/vc.csv:7: valeur: is out of range for a ratio, value '120': write a number",
        ),
        (
            ENTRY,
            [promise_of(INITIAL, PARIS, "2005-12-31", "1")],
            "date_valeur: is out of the catalogue's range, value '2005-12-31'",
        ),
        (
            {**ENTRY, "grain": "region"},
            [promise_of(TARGET, PARIS, DAY, "80")],
            "zone_id: is finer than what the catalogue follows of this indicator, value 'D75'",
        ),
        (
            ENTRY,
            [
                promise_of(INITIAL, PARIS, "2020-01-01", "1"),
                promise_of(TARGET, PARIS, "2020-01-01", "80"),
            ],
            "date_valeur: is not after the initial value's (2020-01-01), value '2020-01-01'",
        ),
        (
            {**ENTRY, "milestones": [EARLY]},
            [promise_of(INITIAL, PARIS, "2020-01-01", "1")],
            "date_valeur: is not before the milestone of 2019-12-31, value '2020-01-01'",
        ),
    ],
)
def test_what_the_catalogue_cannot_take_is_refused_by_line(
    entry: dict[str, Any], promises: list[Promise], expected: str
) -> None:
    """With the column, the value and what to do; the catalogue stays right."""
    refusals = [one for one in findings_of(entry, *promises) if not isinstance(one, SkippedLine)]
    assert len(refusals) == 1
    assert expected in str(refusals[0])


BOTH_WAYS = [
    promise_of(INITIAL, REGION, "2020-01-01", "10", line=2),
    promise_of(TARGET, REGION, DAY, "100", line=3),
    promise_of(INITIAL, PARIS, "2020-01-01", "50", line=4),
    promise_of(TARGET, PARIS, DAY, "40", line=5),
]


def test_targets_that_go_both_ways_are_refused() -> None:
    """PILOTE's direction is the indicator's: one département's does not turn the region's."""
    after, findings = merge(declared(), BOTH_WAYS)
    assert after["indicators"] == []
    (refusal,) = (one for one in findings if isinstance(one, Diagnostic))
    assert str(refusal) == (
        "dossier/vc.csv:5: valeur: leads down, against the indicator's other targets or its"
        " direction, value '40': say --rising IND-042 or --falling IND-042, as PILOTE's tendance"
        " is hausse or baisse"
    )
    asides = [one for one in findings if isinstance(one, SkippedLine)]
    assert asides == [SkippedLine(line, UNDECIDED) for line in (2, 3, 4)]


@pytest.mark.parametrize(
    ("direction", "against"), [("rising", {5}), ("falling", {3})], ids=["hausse", "baisse"]
)
def test_a_direction_that_is_given_counts(direction: str, against: set[int]) -> None:
    """For all territories; what goes against it is kept and reported separately."""
    hints = ImportHints(**{direction: ["IND-042"]})
    after, findings = merge(declared(), BOTH_WAYS, hints)
    (entry,) = after["indicators"]
    assert entry["direction"] == direction
    assert {one.line for one in findings if one == SkippedLine(one.line, AGAINST)} == against
    again, _ = merge(after, BOTH_WAYS)
    assert again == after


def test_targets_that_all_go_against_the_catalogue_are_refused() -> None:
    """The catalogue may have been written before anybody knew; it stays as it was."""
    falls = [
        promise_of(INITIAL, PARIS, "2020-01-01", "50"),
        promise_of(TARGET, PARIS, DAY, "40", line=3),
    ]
    after, findings = merge(declared(ENTRY), falls)
    assert after == declared(ENTRY)
    assert [type(one) for one in findings] == [Diagnostic, SkippedLine]
    turned, _ = merge(declared(ENTRY), falls, ImportHints(falling=["IND-042"]))
    assert turned["indicators"][0]["direction"] == "falling"
    confirmed, _ = merge(declared(ENTRY), falls, ImportHints(rising=["IND-042"]))
    assert merge(confirmed, falls) == (confirmed, [SkippedLine(2, KEPT), SkippedLine(3, AGAINST)])


def test_one_territory_against_the_catalogue_is_kept_and_reported() -> None:
    """The others say that the direction is right."""
    asides = findings_of(ENTRY, *BOTH_WAYS)
    assert sorted(asides, key=lambda one: one.line) == [
        SkippedLine(2, KEPT),
        SkippedLine(3, KEPT),
        SkippedLine(4, KEPT),
        SkippedLine(5, AGAINST),
    ]


def test_without_initial_values_an_indicator_rises_as_pilote_has_it() -> None:
    """Its own default; and a target at its start says nothing."""
    assert merged(None, promise_of(TARGET, PARIS, DAY, "80"))["direction"] == "rising"
    flat = (promise_of(INITIAL, PARIS, "2020-01-01", "80"), promise_of(TARGET, PARIS, DAY, "80"))
    assert merged(None, *flat)["direction"] == "rising"


FRANCE = Territory.COUNTRY


def test_the_country_s_values_are_kept_apart() -> None:
    """With what people wrote of it; nobody in the region is held to them."""
    entry = {**ENTRY, "country": {"shown": True}}
    promises = (
        promise_of(INITIAL, FRANCE, "2020-01-01", "30"),
        promise_of(TARGET, FRANCE, "2025-12-31", "90"),
        promise_of(TARGET, FRANCE, DAY, "80"),
    )
    entry = merged(entry, *promises)
    source = "PILOTE, fichier vc.csv"
    assert entry["country"] == {
        "shown": True,
        "baseline": {"value": Decimal("0.3"), "day": date(2020, 1, 1), "source": source},
        "targets": [
            {"target": Decimal("0.8"), "day": date(2022, 12, 31), "source": source},
            {"target": Decimal("0.9"), "day": date(2025, 12, 31), "source": source},
        ],
    }
    assert not entry.keys() & {"baselines", "milestones"}
    assert merged(entry, *promises) == entry
    back = [
        promise_of(INITIAL, FRANCE, "2020-01-01", ""),
        *(promise_of(TARGET, FRANCE, day, "") for day in ("2025-12-31", DAY)),
    ]
    assert merged(entry, *back)["country"] == {"shown": True}


def test_an_indicator_of_the_country_alone_is_declared() -> None:
    """Its values have somewhere to be."""
    entry = merged(None, promise_of(TARGET, FRANCE, DAY, "80"))
    assert (entry["grain"], list(entry["country"])) == ("region", ["targets"])


def test_a_national_target_before_its_start_is_refused() -> None:
    """As anybody's."""
    promises = (
        promise_of(INITIAL, FRANCE, "2020-01-01", "1"),
        promise_of(TARGET, FRANCE, "2019-01-01", "80"),
    )
    refusals = [one for one in findings_of(ENTRY, *promises) if isinstance(one, Diagnostic)]
    assert "is not after the initial value's (2020-01-01)" in str(refusals[0])
