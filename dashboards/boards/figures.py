"""What the boards about promises share: columns of values, targets, statuses, days and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from catalogue import metrics
from catalogue.model import Indicator, Programme, Unit
from catalogue.territories import TERRITORY_TITLES
from dashboards import conventions
from dashboards.boards.panels import (
    BARS,
    COLOURED,
    COUNT,
    DATE,
    DAYS,
    NO_UNIT,
    PERCENT,
    Column,
    Link,
    Step,
    ValueFormat,
    status_format,
    words,
)
from dashboards.boards.queries import (
    CHANGE_WINDOW,
    Query,
    date_of,
    displayed,
    displayed_change,
    per_milestone,
    per_territory,
    share,
    status_code,
)
from dashboards.conventions import Links
from dashboards.promql import INDICATOR, MILESTONE, days_since, latest, on, select, with_label
from dashboards.wording import CHANGE_UNITS, POINT, UNITS
from events.identifiers import DEPARTMENTS

#: The territory that the reader chose, as a matcher of `department`.
CHOSEN: Final = f"${conventions.DEPARTMENT_VARIABLE}"

#: A number as French readers write it. Grafana writes only plain numbers so, neither percentages
#: nor euros: their unit stands in a title or a column of its own.
NUMBER: Final = ValueFormat(COUNT)
#: Less than before in a colour of its own; the sign says it too.
CHANGE: Final = ValueFormat(COUNT, steps=(Step(None, "orange"), Step(0, "text")))

#: Grafana shows so many decimals of a number where none are named, and rounds the rest.
USUAL_DECIMALS: Final = 3

#: What stands after a title, by unit; and after that of a change.
IN_UNIT: Mapping[Unit, str] = MappingProxyType(
    {Unit.RATIO: " (%)", Unit.COUNT: "", Unit.EUROS: " (€)"}
)
CHANGE_IN_UNIT: Mapping[Unit, str] = MappingProxyType({**IN_UNIT, Unit.RATIO: " (points)"})

#: What two columns of milestones show.
PROJECTION_TEXT: Final = (
    "Projection : jour où la cible serait atteinte au rythme observé (tendance de Theil–Sen) ; "
    "vide si elle est atteinte, ou hors d’atteinte au rythme actuel : jamais, ou dans plus de dix "
    "ans."
)
UNEXPLAINED_TEXT: Final = (
    "Sans explication : depuis combien de jours un jalon manqué ou à risque n’est pas expliqué ; "
    "vide s’il l’est."
)

#: Widths of columns, in pixels: what the longest text takes in Grafana's type, and its margins.
VALUE: Final = 84
UNIT: Final = 56
DAY: Final = 92
STATUS: Final = 128
UNEXPLAINED: Final = 94
NAME: Final = 173

TERRITORIES: Final = words(TERRITORY_TITLES)

#: What a line of a table of milestones is about.
LINE: Final = (*MILESTONE, "department")

#: After an indicator in the label `unit`: its change is between -2 and 2, where French has the
#: singular.
SINGULAR: Final = "/1"

#: Marks what the promise does not state.
ASSUMED: Final = "\u00a0*"

#: The alerts that a reader of figures may meet, and what their runbooks answer.
RUNBOOKS: Final = (
    ("MilestoneMissed", "Que faire d’un jalon manqué"),
    ("MilestoneAtRisk", "Que faire d’un jalon à risque"),
    ("TargetLost", "Que faire d’une cible perdue"),
    ("MilestoneUnexplained", "Que faire d’un jalon sans explication"),
    ("IndicatorUnreported", "Que faire d’un indicateur non renseigné"),
)


def runbook_links(links: Links, *answers: tuple[str, str]) -> tuple[Link, ...]:
    """Return links to the runbooks of alerts, each with a title; by default those about figures."""
    return tuple(
        Link(title, links.runbook(alert), new_tab=True) for alert, title in answers or RUNBOOKS
    )


def figure(*by: str, **labels: str) -> str:
    """Return values by territory; where the workers' sums are withheld, the assessor's."""
    summed = latest(select(conventions.TERRITORY_VALUE, **labels), *by)
    assessed = latest(select(metrics.INDICATOR_ASSESSED_VALUE, **labels), *by)
    return f"({summed} or {assessed})"


def change(part: str, /, *by: str, **labels: str) -> str:
    """Return the change over 30 days: the `value`'s, or the numerator's or denominator's share."""
    return latest(select(metrics.INDICATOR_CHANGE, part=part, window=CHANGE_WINDOW, **labels), *by)


def displayed_figure(one: Indicator, /, *by: str, **labels: str) -> Query:
    """Return an indicator's value as it is displayed; its unit stands in the title."""
    return Query(displayed([one], lambda _: figure(*by, **labels)))


def displayed_changes(one: Indicator, part: str, /, *by: str, **labels: str) -> Query:
    """Return an indicator's change as it is displayed; its unit stands in the title."""
    return Query(displayed_change([one], lambda _: change(part, *by, **labels)))


def has_target(indicator: Indicator) -> bool:
    """Return whether a milestone of an indicator is judged."""
    return any(milestone.target is not None for milestone in indicator.milestones)


def most_lines(indicators: Iterable[Indicator]) -> int:
    """Count the milestones with a target that one territory is held to, where they are the most."""
    promised = [
        milestone
        for one in indicators
        for milestone in one.milestones
        if milestone.target is not None
    ]
    return max(
        sum(milestone.holds(department) for milestone in promised)
        for department in (None, *DEPARTMENTS)
    )


def number_of(*indicators: Indicator, form: ValueFormat = NUMBER) -> ValueFormat:
    """Return the format of values, or of changes, that were cut or rounded to their decimals."""
    most = max((one.decimals for one in indicators), default=0)
    return replace(form, decimals=most) if most > USUAL_DECIMALS else form


def indicator_names(indicators: Iterable[Indicator]) -> ValueFormat:
    """Return the format of indicators' ids: their titles."""
    return ValueFormat(NO_UNIT, mappings=words({one.id: one.title for one in indicators}))


def value_columns(indicators: Iterable[Indicator], **labels: str) -> tuple[Column, ...]:
    """Value and unit of each indicator."""
    chosen = tuple(indicators)
    value = displayed(chosen, lambda ids: figure(*INDICATOR, indicator=ids, **labels))
    return (
        Column("Valeur", Query(with_label(value, "unit", "indicator")), number_of(*chosen), VALUE),
        _unit_column(chosen),
    )


def change_columns(indicators: Iterable[Indicator], **labels: str) -> tuple[Column, ...]:
    """Change of each indicator over 30 days, and what made it: new facts, or a recount.

    A line for each of which something moved, be it one part against the other.
    """
    chosen = tuple(indicators)
    ratios = tuple(one for one in chosen if one.unit is Unit.RATIO)
    moved = f"{select(metrics.INDICATOR_CHANGE, window=CHANGE_WINDOW, **labels)} != 0"

    def changes(part: str, of: Iterable[Indicator] = chosen) -> str:
        shown_ones = displayed_change(
            of, lambda ids: change(part, *INDICATOR, indicator=ids, **labels)
        )
        return f"({shown_ones}) and {on(*INDICATOR)} ({moved})"

    value = with_label(changes("value"), "unit", "indicator")
    if ratios:
        few = f"({changes('value', ratios)}) > -2 < 2"
        few = with_label(few, "unit", "indicator", f"$1{SINGULAR}")
        value = f"{few} or {on(*INDICATOR)} {value}"
    singular = {f"{one.id}{SINGULAR}": POINT for one in ratios}
    form = number_of(*chosen, form=CHANGE)
    return (
        Column("Variation", Query(value), form, VALUE),
        _unit_column(chosen, CHANGE_UNITS, singular),
        Column("due au numérateur", Query(changes("numerator")), form, 105),
        Column("due au dénominateur", Query(changes("denominator")), form, 118),
    )


def promise_column(programmes: Sequence[Programme], links: tuple[Link, ...] = ()) -> Column:
    """Return the column of what was promised; an asterisk marks what the promise does not state."""
    titles = {
        f"{indicator.id}/{milestone.id}": (milestone.title or indicator.title)
        + (ASSUMED if milestone.assumed else "")
        for programme in programmes
        for indicator in programme.indicators
        for milestone in indicator.milestones
    }
    return Column("Promesse", "promise", ValueFormat(NO_UNIT, mappings=words(titles)), links=links)


def milestone_columns(programmes: Sequence[Programme], **labels: str) -> tuple[Column, ...]:
    """Return what each milestone with a target is, from its value to its days unexplained.

    The last two columns are the projection and the days without an explanation, which a
    programme's board places apart. A line for each territory that is held to it. The series carry
    besides what other columns are made of: `department`, `promise` (indicator/milestone), `unit`
    (the indicator again) and `board` (the programme's).
    """
    promised = [
        indicator
        for programme in programmes
        for indicator in programme.indicators
        if has_target(indicator)
    ]
    judged = latest(select(metrics.MILESTONE_STATUS, **labels), *LINE)
    value = displayed(
        promised, lambda ids: figure(*INDICATOR, "department", indicator=ids, **labels)
    )
    target = displayed(
        promised, lambda ids: latest(select(metrics.MILESTONE_TARGET, indicator=ids), *MILESTONE)
    )
    deadline = date_of(latest(metrics.MILESTONE_DEADLINE.name, *MILESTONE))
    progress = latest(select(metrics.MILESTONE_PROGRESS, **labels), *LINE)
    form = number_of(*promised)
    return (
        Column("Valeur", Query(per_milestone(value, judged)), form, VALUE),
        Column("Cible", Query(per_territory(target, judged)), form, VALUE),
        _unit_column(promised),
        Column(
            "Avancement",
            Query(share(progress)),
            ValueFormat(PERCENT, decimals=0, steps=(Step(None, "blue"),), least=0, most=1),
            100,
            cell=BARS,
        ),
        # Where there is a promise there is a status: its series name the line.
        Column("État", Query(_named(labels, programmes)), status_format(), STATUS, cell=COLOURED),
        Column("Échéance", Query(per_territory(deadline, judged)), ValueFormat(DATE), DAY),
        Column(
            "Projection",
            Query(date_of(latest(select(metrics.MILESTONE_PROJECTED, **labels), *LINE))),
            ValueFormat(DATE),
            DAY,
        ),
        Column(
            "Sans explication",
            Query(days_since(latest(select(metrics.MILESTONE_UNEXPLAINED, **labels), *LINE))),
            ValueFormat(DAYS, decimals=0),
            UNEXPLAINED,
        ),
    )


def _named(labels: Mapping[str, str], programmes: Iterable[Programme]) -> str:
    """Return the status with labels for what names the line and for where it leads."""
    code = status_code(*LINE, **labels)
    named = f'label_join({code}, "promise", "/", "indicator", "milestone")'
    named = with_label(named, "unit", "indicator")
    named = with_label(named, "board", "programme", f"{conventions.programme_board('')}$1")
    for programme in programmes:
        uid = conventions.programme_board(programme.id)
        if not uid.endswith(programme.id):
            named = with_label(named, "board", "programme", uid, programme.id)
    return named


def _unit_column(
    indicators: Iterable[Indicator],
    texts: Mapping[Unit, str] = UNITS,
    others: Mapping[str, str] = MappingProxyType({}),
) -> Column:
    units = words({one.id: texts[one.unit] for one in indicators} | dict(others))
    return Column("Unité", "unit", ValueFormat(NO_UNIT, mappings=units), UNIT)
