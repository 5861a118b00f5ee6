"""The expressions and the words of figures, as the templates of boards name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from catalogue import metrics
from catalogue.formatting import STATUSES
from catalogue.model import Indicator, Milestone, Programme, Unit
from catalogue.publication import PublicationStep
from dashboards import conventions
from dashboards.boards.projections import Line, Target, expected_lines, lines_to_the_target
from dashboards.boards.queries import (
    CHANGE_WINDOW,
    date_of,
    displayed,
    displayed_change,
    per_milestone,
    per_territory,
    share,
    status_code,
    throughout,
)
from dashboards.promql import (
    DAY_SECONDS,
    INDICATOR,
    MILESTONE,
    days_since,
    latest,
    on,
    one_of,
    over,
    select,
    total,
    with_label,
)
from dashboards.wording import CHANGE_UNITS, POINT, UNITS
from events.identifiers import DEPARTMENTS

#: The territory that the reader chose, as a matcher of `department`.
CHOSEN: Final = f"${conventions.DEPARTMENT_VARIABLE}"

#: Grafana shows so many decimals of a number where none are named, and rounds the rest.
USUAL_DECIMALS: Final = 3

#: What stands after a title, by unit; and after that of a change.
IN_UNIT: Mapping[Unit, str] = MappingProxyType(
    {Unit.RATIO: " (%)", Unit.COUNT: "", Unit.EUROS: " (€)"}
)
CHANGE_IN_UNIT: Mapping[Unit, str] = MappingProxyType({**IN_UNIT, Unit.RATIO: " (points)"})

#: What a line of a table of milestones is about.
LINE: Final = (*MILESTONE, "department")

#: After an indicator in the label `unit`: its change is between -2 and 2, where French has the
#: singular.
SINGULAR: Final = "/1"

#: Marks what the promise does not state.
ASSUMED: Final = "\u00a0*"

#: The last day of what is published.
PERIOD_ENDS: Mapping[PublicationStep, str] = MappingProxyType(
    {
        PublicationStep.MONTHLY: "du mois",
        PublicationStep.QUARTERLY: "du trimestre",
        PublicationStep.ANNUAL: "de l’année",
    }
)

TITLE: Final = "title"
"""The label of a mark on the axis of time: what falls due, in French."""


def figure(*by: str, **labels: str) -> str:
    """Return values by territory; where the workers' sums are withheld, the assessor's."""
    summed = latest(select(conventions.TERRITORY_VALUE, **labels), *by)
    assessed = latest(select(metrics.INDICATOR_ASSESSED_VALUE, **labels), *by)
    return f"({summed} or {assessed})"


def figures(indicators: Iterable[Indicator], *by: str, **labels: str) -> str:
    """Return values of indicators as they are displayed, without their units."""
    return displayed(indicators, lambda ids: figure(*by, **_of(ids, labels)))


def changes(indicators: Iterable[Indicator], part: str, *by: str, **labels: str) -> str:
    """Return changes over 30 days as they are displayed, without their units.

    They are the `value`'s, or the numerator's or denominator's share of it.
    """
    named = {"part": part, "window": CHANGE_WINDOW}
    return displayed_change(
        indicators,
        lambda ids: latest(select(metrics.INDICATOR_CHANGE, **named, **_of(ids, labels)), *by),
    )


def _of(ids: str, labels: Mapping[str, str]) -> Mapping[str, str]:
    return labels if "indicator" in labels else {"indicator": ids, **labels}


def moved(indicators: Sequence[Indicator], part: str, **labels: str) -> str:
    """Return changes with a line for each indicator of which something moved.

    Be it one part against the other. The values have the label `unit`, for `change_units`.
    """
    any_part = f"{select(metrics.INDICATOR_CHANGE, window=CHANGE_WINDOW, **labels)} != 0"

    def those(chosen: Iterable[Indicator]) -> str:
        return f"({changes(chosen, part, *INDICATOR, **labels)}) and {on(*INDICATOR)} ({any_part})"

    if part != "value":
        return those(indicators)
    value = with_label(those(indicators), "unit", "indicator")
    ratios = [one for one in indicators if one.unit is Unit.RATIO]
    if not ratios:
        return value
    few = with_label(f"({those(ratios)}) > -2 < 2", "unit", "indicator", f"$1{SINGULAR}")
    return f"{few} or {on(*INDICATOR)} {value}"


def units(indicators: Iterable[Indicator]) -> Mapping[str, str]:
    """Return the unit of each indicator's values."""
    return {one.id: UNITS[one.unit] for one in indicators}


def change_units(indicators: Sequence[Indicator]) -> Mapping[str, str]:
    """Return the unit of each indicator's changes, and that of a ratio's change below two."""
    ratios = (one for one in indicators if one.unit is Unit.RATIO)
    return {one.id: CHANGE_UNITS[one.unit] for one in indicators} | {
        f"{one.id}{SINGULAR}": POINT for one in ratios
    }


def titles(indicators: Iterable[Indicator]) -> Mapping[str, str]:
    """Return the title of each indicator."""
    return {one.id: one.title for one in indicators}


def promised(programmes: Iterable[Programme]) -> list[Indicator]:
    """Return the indicators of which a milestone is judged."""
    return [
        one
        for programme in programmes
        for one in programme.indicators
        if any(milestone.target is not None for milestone in one.milestones)
    ]


def dated_promises(
    programmes: Iterable[Programme], **labels: str
) -> Iterator[tuple[Indicator, str]]:
    """Yield what the Région must attain by a day, with its progress: by the last such milestone."""
    for one in promised(programmes):
        dated = [item for item in one.milestones if item.day and item.target is not None]
        regional = [item.id for item in dated if item.holds(None)]
        if regional:
            of = {"indicator": one.id, "milestone": regional[-1], "department": metrics.REGION}
            yield one, share(latest(select(metrics.MILESTONE_PROGRESS, **labels, **of)))


def most_lines(indicators: Iterable[Indicator]) -> int:
    """Count the milestones with a target that one territory is held to, where they are the most."""
    held = [
        milestone
        for one in indicators
        for milestone in one.milestones
        if milestone.target is not None
    ]
    return max(
        sum(milestone.holds(department) for milestone in held)
        for department in (None, *DEPARTMENTS)
    )


def decimals_of(indicators: Iterable[Indicator]) -> int | None:
    """Return the decimals to name of values, or of changes, that were cut or rounded to theirs."""
    most = max((one.decimals for one in indicators), default=0)
    return most if most > USUAL_DECIMALS else None


def count_of(status: str, *by: str, **labels: str) -> str:
    """Return how many milestones have a status."""
    chosen = select(metrics.MILESTONE_STATUS, status=status, **labels)
    return total(latest(chosen, "indicator", "milestone", "department"), *by)


def promises(programmes: Iterable[Programme]) -> Mapping[str, str]:
    """Return what was promised by INDICATOR/MILESTONE; an asterisk marks what is not stated."""
    return {
        f"{indicator.id}/{milestone.id}": (milestone.title or indicator.title)
        + (ASSUMED if milestone.assumed else "")
        for programme in programmes
        for indicator in programme.indicators
        for milestone in indicator.milestones
    }


def milestones(programmes: Sequence[Programme], **labels: str) -> Mapping[str, str]:
    """Return what each milestone with a target is, with a line for each territory held to it.

    The series carry besides what other columns are made of: `department`, `promise`
    (indicator/milestone), `unit` (the indicator again) and `board` (the programme's).
    """
    judged = latest(select(metrics.MILESTONE_STATUS, **labels), *LINE)
    held = promised(programmes)
    target = displayed(
        held, lambda ids: latest(select(metrics.MILESTONE_TARGET, indicator=ids), *MILESTONE)
    )
    deadline = date_of(latest(metrics.MILESTONE_DEADLINE.name, *MILESTONE))

    def of_each(metric: metrics.Metric) -> str:
        return latest(select(metric, **labels), *LINE)

    observed = latest(select(metrics.INDICATOR_PACE, **labels), *INDICATOR, "department")
    required = f"({of_each(metrics.MILESTONE_REQUIRED_PACE)} != 0)"
    pace = f"{observed} / {on(*INDICATOR, 'department')} group_right () {required}"
    return {
        "value": per_milestone(figures(held, *INDICATOR, "department", **labels), judged),
        "target": per_territory(target, judged),
        "progress": share(of_each(metrics.MILESTONE_PROGRESS)),
        # Where there is a promise there is a status: its series name the line.
        "status": _named(labels, programmes),
        "deadline": per_territory(deadline, judged),
        "projected": date_of(of_each(metrics.MILESTONE_PROJECTED)),
        "earliest": date_of(of_each(metrics.MILESTONE_PROJECTED_EARLIEST)),
        "latest": date_of(of_each(metrics.MILESTONE_PROJECTED_LATEST)),
        "pace": share(pace),
        "unexplained": days_since(of_each(metrics.MILESTONE_UNEXPLAINED)),
    }


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


def deadlines(programme: Programme) -> str:
    """Return the deadlines of a programme, in milliseconds, with what falls due as `title`."""
    series = latest(select(metrics.MILESTONE_DEADLINE, programme=programme.id), *MILESTONE)
    named = f'label_join({series}, "{TITLE}", "/", "indicator", "milestone")'
    for one in programme.indicators:
        for milestone in one.milestones:
            title = (milestone.title or one.title).replace("$", "$$")
            quoted = json.dumps(title, ensure_ascii=False)[1:-1]
            named = with_label(named, TITLE, TITLE, quoted, f"{one.id}/{milestone.id}")
    return date_of(named)


def age_of(series: str) -> str:
    """Return the age of a timestamp in days, relative to the monitor's day."""
    return f"(scalar({conventions.AS_OF}) - {series}) / {DAY_SECONDS}"


def scale(one: Indicator) -> str:
    """Return what a value is multiplied by: a ratio is displayed in percent."""
    return "100 * " if one.unit is Unit.RATIO else ""


def over_time(series: str) -> str:
    """Return a day's point of a backfill, or the last scrape, between two points of the screen."""
    return over("last_over_time", series, "$__rate_interval")


def in_euros(one: Indicator, expression: str) -> str:
    """Return a term of a ratio; a sum of cents in euros, as whole as an amount is shown."""
    divides_cents = one.unit is Unit.RATIO and one.term_unit is Unit.EUROS
    return f"floor({expression} / {one.term_divisor})" if divides_cents else expression


def target_lines(one: Indicator, **of: str) -> Iterator[Line]:
    """Yield an indicator's targets, also where the range reaches beyond the last day.

    Each is followed by the lines to it. Of the targets of some départements only the chosen one's
    is drawn, of each day.
    """
    for target in _targets(one, of):
        last = throughout(target.value(lambda series: series))
        value = target.value(over_time)
        yield Line(f"{value} or {last}", f"Cible{target.day}", "target")
        yield from expected_lines(target, over_time)
        yield from lines_to_the_target(target)


def _targets(one: Indicator, of: dict[str, str]) -> Iterator[Target]:
    """Yield the targets of the region or of all départements, then those of some départements."""
    own = {**of, "department": CHOSEN if one.grain == "department" else metrics.REGION}
    same_day: dict[str, list[str]] = {}
    for milestone in one.milestones:
        if milestone.target is None:
            continue
        if not milestone.holds(None) and len(milestone.departments) < len(DEPARTMENTS):
            after = f"{_after(milestone)}, département choisi"
            same_day.setdefault(after, []).append(milestone.id)
        else:
            series = select(metrics.MILESTONE_TARGET, milestone=milestone.id, **of)
            yield Target(_after(milestone), own, milestone.id, scale(one), series)
    held = select(metrics.MILESTONE_STATUS, department=CHOSEN, **of)
    for after, some in same_day.items():
        series = select(metrics.MILESTONE_TARGET, milestone=one_of(some), **of)
        yield Target(after, own, one_of(some), scale(one), series, held)


def _after(milestone: Milestone) -> str:
    """Return the deadline, as it stands after the name of a line."""
    day = "" if milestone.day is None else f" au {milestone.day:%d/%m/%Y}"
    assumed = " (supposé)" if milestone.assumed else ""
    return f"{day}{assumed}"


#: The form of a severity: the status' mark and word, in its colour.
STATUS_FORM: Final = {
    "unit": "string",
    "words": {str(style.severity): style.text for style in STATUSES.values()},
    "colours": {str(style.severity): style.colour for style in STATUSES.values()},
    "first": 1,
}
