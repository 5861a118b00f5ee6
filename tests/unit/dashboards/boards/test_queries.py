"""The expressions of panels."""

from catalogue.formatting import STATUSES
from catalogue.metrics import REGION
from catalogue.model import Direction, Indicator, Unit
from catalogue.progress import MilestoneStatus
from dashboards.boards.queries import (
    MAP_POINTS,
    displayed,
    displayed_change,
    geohash,
    per_milestone,
    status_code,
    with_geohash,
    worst_status,
)
from events.identifiers import DEPARTMENTS, Department
from tests.support.boards import CATALOGUE
from tests.support.observations import barometer

RATIO = next(one for one in CATALOGUE.indicators if one.unit is Unit.RATIO)
EUROS = next(one for one in CATALOGUE.indicators if one.unit is Unit.EUROS)


def falling(indicator: Indicator) -> Indicator:
    """Turn a promise round."""
    return indicator.model_copy(update={"direction": Direction.FALLING})


def test_a_percentage_is_truncated_away_from_the_target() -> None:
    """A rising ratio is rounded down, a falling one up; numbers that are not ratios are whole."""
    assert displayed([RATIO], lambda ids: f"v{ids}").startswith("floor(round(1000 * v")
    assert displayed([falling(RATIO)], lambda ids: f"v{ids}").startswith("ceil(round(1000 * v")
    assert displayed([EUROS], lambda ids: f"v{ids}") == (f"floor(round(v=~{EUROS.id}, 0.000001))")


def test_what_was_observed_is_cut_at_its_last_decimal() -> None:
    """An average of days has hundredths."""
    waiting = barometer().indicator("waiting_days")
    assert displayed([waiting], lambda ids: f"v{ids}") == (
        "ceil(round(100 * v=~waiting_days, 0.000001)) / 100"
    )
    assert displayed_change([waiting, RATIO], lambda ids: f"v{ids}") == (
        f"round(100 * v=~{RATIO.id}, 0.1) or round(v=~waiting_days, 0.01)"
    )


def test_no_indicator_has_no_series() -> None:
    """A catalogue may promise nothing, or put a number on everything: its board is still one."""
    assert displayed([], str) == displayed_change([], str) == "(vector(0) > 0)"


def test_units_of_one_column_are_joined() -> None:
    """Each indicator is in one part of the column's expression."""
    column = displayed(CATALOGUE.indicators, lambda ids: f"v{ids}")
    assert [column.count(one.id) for one in CATALOGUE.indicators] == [1] * len(CATALOGUE.indicators)
    assert " or " in column
    assert displayed_change([RATIO], lambda ids: f"v{ids}") == f"round(100 * v=~{RATIO.id}, 0.1)"
    assert displayed_change([EUROS], lambda ids: f"v{ids}") == f"round(v=~{EUROS.id})"


def test_a_status_is_its_severity() -> None:
    """Every status has its part, and only the one that holds counts."""
    code = status_code("indicator", department=REGION)
    for status in MilestoneStatus:
        part = f'status="{status}", department="{REGION}"}} == 1)'
        assert f"{STATUSES[status].severity} * (smartregion_milestone_status{{{part}" in code


def test_the_worst_status_names_the_department() -> None:
    """Each status' part carries a marker with its mark."""
    worst = worst_status()
    for look in STATUSES.values():
        assert f'"marker", "$1{look.mark}"' in worst


def test_every_department_has_a_geohash() -> None:
    """One label for each of them, whatever the series."""
    expression = with_geohash("x")
    assert expression.count('"geohash"') == len(DEPARTMENTS)
    for code in DEPARTMENTS:
        assert f'"department", "{code}")' in expression


def test_a_value_is_repeated_for_each_milestone() -> None:
    """A milestone's row shows its indicator's value."""
    joined = per_milestone("v", "m")
    assert joined == "0 * m + on (programme, indicator, department) group_left () (v)"


def test_every_department_has_a_point() -> None:
    """The départements are those that events may name, in the order of their codes."""
    assert list(MAP_POINTS) == [str(code) for code in Department]


def test_geohash_is_the_published_one() -> None:
    """The example of the geohash's own description, and Paris."""
    assert geohash(57.64911, 10.40744, letters=11) == "u4pruydqqvj"
    assert geohash(48.857, 2.343, letters=5) == "u09tv"


def test_departments_are_apart_on_the_map() -> None:
    """No two départements share a cell."""
    cells = {geohash(*point) for point in MAP_POINTS.values()}
    assert len(cells) == len(MAP_POINTS)
