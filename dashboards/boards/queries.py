"""The expressions of panels, over the catalogue's metrics and recorded series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from catalogue import metrics
from catalogue.formatting import STATUSES, NumberFormat
from catalogue.model import Indicator, Unit
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.promql import (
    FIGURE,
    MILESTONE,
    in_decimals,
    latest,
    on,
    one_of,
    select,
    with_label,
)
from events.territory import TERRITORY

_GEOHASH_DIGITS: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
_GEOHASH_BITS: Final = 15
"""For each of latitude and longitude: six letters, a cell of about 1.2 km by 0.6 km."""


def _geohash(latitude: float, longitude: float) -> str:
    """Return the geohash (G. Niemeyer, geohash.org, 2008) of a place in degrees, in six letters."""
    down = int((latitude + 90) / 180 * 2**_GEOHASH_BITS)
    across = int((longitude + 180) / 360 * 2**_GEOHASH_BITS)
    # Their bits in turn, that of the longitude first.
    bits = "".join(
        f"{across >> bit & 1}{down >> bit & 1}" for bit in reversed(range(_GEOHASH_BITS))
    )
    return "".join(_GEOHASH_DIGITS[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


#: The geohash of each département's marker, by INSEE code.
GEOHASHES: Mapping[str, str] = MappingProxyType(
    {one.code: _geohash(*one.marker) for one in TERRITORY.departments if one.marker is not None}
)

CHANGE_WINDOW: Final = "30d"
PERCENT: Final = 100
NOTHING: Final = "(vector(0) > 0)"
"""No series: the expression of no indicator."""
LOOK_BACK: Final = "400d"
"""Longer than a backfill's longest step, and than the year to come that a range may reach into."""
MILLISECONDS: Final = 1000
"""Grafana takes dates in milliseconds, Prometheus has seconds."""


def of_the_last_day(expression: str) -> str:
    """Return an expression at the end of the range; where the monitor did not run, on its last day.

    A backfill has one sample a day (or week), of midnight UTC, which an instant query sees for five
    minutes. So the midnights before are read, and of these the last that has the monitor's own
    day: what is absent on it is absent, whatever the days before it had. While the rules are
    evaluated no day before is read: what is withheld or stale stays absent.
    """
    return _or_before(f"({expression})", expression)


def throughout(expression: str) -> str:
    """Return what `of_the_last_day` gives, the same at each step of a range."""
    return f"({_or_before(f'last_over_time(({expression})[1s:1s] @ end())', expression)})"


def _or_before(at_the_end: str, expression: str) -> str:
    # Of a live series one sample a day is read, not all of them.
    days = f"[{LOOK_BACK}:1d] @ end()"
    day = conventions.AS_OF.name
    last = f"scalar(last_over_time((0 * {day} + time()){days}))"
    before = f"last_over_time((({expression}) and on () vector(time()) == {last}){days})"
    running = " or ".join(f"{name} @ end()" for name in (day, conventions.TERRITORY_INFO))
    return f"{at_the_end} or {before} unless on () ({running})"


def date_of(expression: str) -> str:
    """Return seconds as the milliseconds that Grafana displays as a date."""
    return f"{MILLISECONDS} * {expression}"


def per_milestone(value: str, judged: str) -> str:
    """Return each indicator's value, once for each of its milestones in a territory."""
    return f"0 * {judged} + {on(*FIGURE)} group_left () ({value})"


def per_territory(promise: str, judged: str) -> str:
    """Return what a milestone promises, once for each territory that is held to it."""
    return f"0 * {judged} + {on(*MILESTONE)} group_left () ({promise})"


def displayed(indicators: Iterable[Indicator], expression_of: Callable[[str], str]) -> str:
    """Return values of indicators of different units as one column displays them.

    `expression_of` makes an expression of a matcher of indicators. A ratio becomes a percentage;
    each has the decimals that its indicator has, mostly none, and is cut as
    `catalogue.formatting` says.
    """
    parts = []
    for written, ids in _kinds(indicators).items():
        cut = written.cut_query(expression_of(one_of(ids)))
        parts.append(f"{cut} / {10**written.decimals}" if written.decimals else cut)
    return " or ".join(parts) or NOTHING


def share(expression: str) -> str:
    """Return a share of 1 for a column of whole percentages, cut to them."""
    return in_decimals(expression, NumberFormat(Unit.RATIO))


def displayed_change(indicators: Iterable[Indicator], expression_of: Callable[[str], str]) -> str:
    """Return changes in one column: of a ratio in points of percentage, with one decimal."""
    kinds: dict[tuple[bool, int], list[str]] = {}
    for one in indicators:
        kinds.setdefault((one.unit is not Unit.RATIO, one.decimals), []).append(one.id)
    parts = (
        _rounded(expression_of(one_of(ids)), decimals, ratio=not other)
        for (other, decimals), ids in sorted(kinds.items())  # Ratios first.
    )
    return " or ".join(parts) or NOTHING


def _rounded(change: str, decimals: int, *, ratio: bool) -> str:
    raised = f"{PERCENT} * {change}" if ratio else change
    return f"round({raised}, {10**-decimals:g})" if decimals else f"round({raised})"


def _kinds(indicators: Iterable[Indicator]) -> Mapping[NumberFormat, list[str]]:
    kinds: dict[NumberFormat, list[str]] = {}
    for one in indicators:
        kinds.setdefault(NumberFormat.of(one), []).append(one.id)
    return kinds


def status_code(*by: str, **labels: str) -> str:
    """Return the status of milestones as its severity, a number that a panel turns into words."""
    return latest(" or ".join(_severities(**labels).values()), *by)


def worst_status(**labels: str) -> str:
    """Return each département's worst status, with `marker`: its code and the status’ mark."""
    parts = (
        with_label(severity, "marker", "department", f"$1{STATUSES[status].mark}")
        for status, severity in _severities(**labels).items()
    )
    return f"topk by (department) (1, {latest(' or '.join(parts), 'department', 'marker')})"


def _severities(**labels: str) -> Mapping[MilestoneStatus, str]:
    """Return for each status the milestones that have it, as its severity."""
    return {
        status: f"{style.severity} * ({select(metrics.MILESTONE_STATUS, status=status, **labels)}"
        " == 1)"
        for status, style in STATUSES.items()
    }


def with_geohash(expression: str) -> str:
    """Return series by département with the geohash of each.

    In the expression, not in a series of its own to be joined: so the map also works on a
    backfilled day on which no rule ran, and needs nothing but the figures.
    """
    for code, point in GEOHASHES.items():
        expression = with_label(expression, "geohash", "department", point, code)
    return expression


def fact_of(expression: str) -> str:
    """Return series by type with the short name of the fact: `school.connected`."""
    named = with_label(expression, "fact", "type")
    return with_label(named, "fact", "type", "$1", r".+\\.([a-z_]+\\.[a-z_]+)\\.v[0-9]+")
