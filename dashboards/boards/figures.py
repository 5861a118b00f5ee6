"""What the boards about promises share: columns of values, targets, statuses, days and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from catalogue import metric_names as names
from catalogue import rule_names as recorded
from catalogue.model import Indicator, Programme, Unit
from dashboards import conventions as ours
from dashboards.boards.panels import (
    BARS,
    COLOURED,
    COUNT,
    DATE,
    EUROS,
    NO_UNIT,
    PERCENT,
    Column,
    Link,
    Shown,
    Step,
    status_look,
    words,
)
from dashboards.boards.queries import (
    CHANGE_WINDOW,
    INDICATOR,
    MILESTONE,
    Query,
    change_shown,
    date_of,
    latest,
    per_milestone,
    select,
    shown,
    status_code,
    with_label,
)
from dashboards.conventions import Links
from dashboards.rules import alerts
from dashboards.territory import DEPARTMENTS, REGION_NAME
from dashboards.wording import UNITS

__all__ = [
    "CHANGE",
    "CHOSEN",
    "TERRITORIES",
    "UNIT_SHOWN",
    "change",
    "change_columns",
    "figure",
    "has_target",
    "indicator_names",
    "milestone_columns",
    "promise_column",
    "runbook_links",
    "value_columns",
]

#: The territory that the reader chose, as a matcher of `department`.
CHOSEN: Final = f"${ours.DEPARTMENT_VARIABLE}"

#: How a value of a unit is written where it is alone.
UNIT_SHOWN: Mapping[Unit, Shown] = MappingProxyType(
    {
        Unit.RATIO: Shown(PERCENT, decimals=1),
        Unit.COUNT: Shown(COUNT, decimals=0),
        Unit.EUROS: Shown(EUROS, decimals=0),
    }
)

#: Numbers of different units in one column: the column « Unité » says which.
NUMBER: Final = Shown(COUNT)
#: Less than before in a colour of its own; the sign says it too.
CHANGE: Final = Shown(COUNT, steps=(Step(None, "orange"), Step(0, "text")))

TERRITORIES: Final = words(
    {names.REGION: REGION_NAME}
    | {code: f"{place.name} ({code})" for code, place in DEPARTMENTS.items()}
)

#: Marks what the promise does not state.
ASSUMED: Final = "\u00a0*"

#: The alerts that a reader of figures may meet, and what their runbooks answer.
RUNBOOKS: Mapping[str, str] = MappingProxyType(
    {
        alerts.MILESTONE_MISSED.name: "Que faire d’un jalon manqué",
        alerts.MILESTONE_AT_RISK.name: "Que faire d’un jalon à risque",
        alerts.TARGET_LOST.name: "Que faire d’une cible perdue",
        alerts.INDICATOR_UNREPORTED.name: "Que faire d’un indicateur non renseigné",
    }
)


def runbook_links(links: Links, titles: Mapping[str, str] = RUNBOOKS) -> tuple[Link, ...]:
    """Lead to the runbooks of alerts, each under a title."""
    return tuple(Link(title, links.runbook(name), new_tab=True) for name, title in titles.items())


def figure(*by: str, **labels: str) -> str:
    """Give values by territory; where the workers' sums are withheld, what the assessor says."""
    summed = latest(select(recorded.TERRITORY_VALUE, **labels), *by)
    assessed = latest(select(names.INDICATOR_ASSESSED_VALUE, **labels), *by)
    return f"({summed} or {assessed})"


def change(part: str, *by: str, **labels: str) -> str:
    """Give the change over 30 days: the `value`'s, or the numerator's or denominator's share."""
    return latest(select(names.INDICATOR_CHANGE, part=part, window=CHANGE_WINDOW, **labels), *by)


def has_target(indicator: Indicator) -> bool:
    """Tell whether a milestone of an indicator is judged."""
    return any(milestone.target is not None for milestone in indicator.milestones)


def indicator_names(indicators: Iterable[Indicator]) -> Shown:
    """Show indicators' ids as their titles."""
    return Shown(NO_UNIT, mappings=words({one.id: one.title for one in indicators}))


def value_columns(indicators: Iterable[Indicator], **labels: str) -> tuple[Column, ...]:
    """Value and unit of each indicator."""
    chosen = tuple(indicators)
    value = shown(chosen, lambda ids: figure(*INDICATOR, indicator=ids, **labels))
    return (
        Column("Valeur", Query(with_label(value, "unit", "indicator")), NUMBER, 95),
        _unit_column(chosen),
    )


def change_columns(indicators: Iterable[Indicator], **labels: str) -> tuple[Column, ...]:
    """Change of each indicator over 30 days, and what made it: new facts, or a recount."""
    chosen = tuple(indicators)

    def column(title: str, part: str) -> Column:
        changes = change_shown(
            chosen, lambda ids: change(part, *INDICATOR, indicator=ids, **labels)
        )
        return Column(title, Query(changes), CHANGE, 120)

    return (
        column("Variation", "value"),
        column("due au numérateur", "numerator"),
        column("due au dénominateur", "denominator"),
    )


def promise_column(programmes: Sequence[Programme], links: tuple[Link, ...] = ()) -> Column:
    """Name milestones by what was promised; an asterisk marks what the promise does not state."""
    titles = {
        f"{indicator.id}/{milestone.id}": (milestone.title or indicator.title)
        + (ASSUMED if milestone.assumed else "")
        for programme in programmes
        for indicator in programme.indicators
        for milestone in indicator.milestones
    }
    return Column("Promesse", "promise", Shown(NO_UNIT, mappings=words(titles)), links=links)


def milestone_columns(programmes: Sequence[Programme], **labels: str) -> tuple[Column, ...]:
    """Value, target, unit, progress, status, day and projection of each milestone with a target.

    The series carry besides what other columns are made of: `promise` (indicator/milestone),
    `unit` (the indicator again) and `board` (the programme's).
    """
    promised = [
        indicator
        for programme in programmes
        for indicator in programme.indicators
        if has_target(indicator)
    ]
    judged = latest(select(names.MILESTONE_STATUS, **labels), *MILESTONE)

    def only_judged(expression: str) -> str:
        return f"({expression}) and on ({', '.join(MILESTONE)}) {judged}"

    value = per_milestone(
        shown(promised, lambda ids: figure(*INDICATOR, indicator=ids, **labels)), judged
    )
    target = shown(
        promised, lambda ids: latest(select(names.MILESTONE_TARGET, indicator=ids), *MILESTONE)
    )
    deadline = date_of(latest(names.MILESTONE_DEADLINE.name, *MILESTONE))
    return (
        Column("Valeur", Query(value), NUMBER, 95),
        Column("Cible", Query(only_judged(target)), NUMBER, 95),
        _unit_column(promised),
        Column(
            "Avancement",
            Query(latest(select(names.MILESTONE_PROGRESS, **labels), *MILESTONE)),
            Shown(PERCENT, decimals=0, steps=(Step(None, "blue"),), least=0, most=1),
            150,
            cell=BARS,
        ),
        # Where there is a promise there is a status: its series name the line.
        Column("État", Query(_named(labels, programmes)), status_look(), 145, cell=COLOURED),
        Column("Échéance", Query(only_judged(deadline)), Shown(DATE), 105),
        Column(
            "Projection",
            Query(date_of(latest(select(names.MILESTONE_PROJECTED, **labels), *MILESTONE))),
            Shown(DATE),
            105,
        ),
    )


def _named(labels: Mapping[str, str], programmes: Iterable[Programme]) -> str:
    """Give the status with labels for what names the line and for where it leads."""
    joined = f"{status_code(*MILESTONE, **labels)}"
    joined = f'label_join({joined}, "promise", "/", "indicator", "milestone")'
    named = with_label(joined, "unit", "indicator")
    named = with_label(named, "board", "programme", f"{ours.programme_board('')}$1")
    for programme in programmes:
        uid = ours.programme_board(programme.id)
        if not uid.endswith(programme.id):
            named = with_label(named, "board", "programme", uid, programme.id)
    return named


def _unit_column(indicators: Iterable[Indicator]) -> Column:
    units = words({one.id: UNITS[one.unit] for one in indicators})
    return Column("Unité", "unit", Shown(NO_UNIT, mappings=units), 65)
