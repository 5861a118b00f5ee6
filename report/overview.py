"""The overview: every promise in one territory, worst first, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from catalogue.formatting import STATUSES, day_text, days_text
from catalogue.judgement import CHANGE_DAYS
from catalogue.model import Grain, Indicator, Programme
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_TITLES
from events.identifiers import Department
from report import reasons
from report.knowledge import Knowledge
from report.standing import Standing, TextCell
from report.summary import Summary, summary_of
from report.view import View

SOON_DAYS: Final = 90
"""How far ahead deadlines are announced."""


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """One indicator in the chosen territory."""

    programme: Programme
    indicator: Indicator
    standing: Standing
    is_regional: bool
    """True where a département is chosen and the figure is the Région's: there is none finer."""


@dataclass(frozen=True, slots=True)
class Group:
    """The promises of one severity, with their status in words."""

    status: str
    """As a class of the style sheet."""
    title: str
    rows: tuple[PromiseRow, ...]


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """One département: its worst status, and how it stands by indicator."""

    key: str
    title: str
    worst: Standing | None
    cells: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class News:
    """Something that changed in the last days, or that is near."""

    text: str
    indicator: Indicator
    status: str
    """The status after it, as a class of the style sheet."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows."""

    summary: Summary
    dated: tuple[PromiseRow, ...]
    """The territory's own promises that have a status, a target and a day; the worst first."""
    groups: tuple[Group, ...]
    departments: tuple[DepartmentRow, ...]
    local: tuple[Indicator, ...]
    """The indicators that départements are held to, in the catalogue's order."""
    changed: tuple[News, ...]
    coming: tuple[News, ...]
    unknown: tuple[News, ...]


def overview_of(knowledge: Knowledge, view: View) -> Overview:
    """Return the overview of a view."""
    before = view.as_of - timedelta(days=CHANGE_DAYS)
    catalogue = knowledge.catalogue
    rows = sorted(_rows(knowledge, view), key=_worst_first)
    local = tuple(
        one
        for one in catalogue.indicators
        if one.grain is Grain.DEPARTMENT and any(item.departments for item in one.milestones)
    )
    dated = tuple(row for row in rows if row.standing.is_dated and not row.is_regional)
    return Overview(
        summary=summary_of(knowledge, view, [row.standing for row in dated], before),
        dated=dated,
        groups=tuple(_groups(rows)),
        departments=tuple(_departments(knowledge, local, view.as_of)),
        local=local,
        changed=tuple(_changed(knowledge, view, rows, before)),
        coming=tuple(_coming(view, rows)),
        unknown=tuple(_unknown(rows)),
    )


def _rows(knowledge: Knowledge, view: View) -> Iterator[PromiseRow]:
    for programme in knowledge.catalogue.programmes:
        for indicator in programme.indicators:
            department = view.department_for(indicator)
            is_regional = department != view.department
            standing = knowledge.standing(indicator, department, view.as_of)
            yield PromiseRow(programme, indicator, standing, is_regional)


def _worst_first(row: PromiseRow) -> tuple[object, ...]:
    milestone = row.standing.milestone
    deadline = date.max if milestone is None or milestone.day is None else milestone.day
    return -row.standing.severity, deadline


def _groups(rows: Sequence[PromiseRow]) -> Iterator[Group]:
    statuses = dict.fromkeys(row.standing.status_class for row in rows)
    for status in statuses:
        own = tuple(row for row in rows if row.standing.status_class == status)
        style = own[0].standing.style
        yield Group(status, "sans état" if style is None else style.text, own)


def _departments(
    knowledge: Knowledge, local: Sequence[Indicator], as_of: date
) -> Iterator[DepartmentRow]:
    for code in Department:
        cells = tuple(knowledge.standing(one, code.value, as_of) for one in local)
        yield of_cells(code.value, TERRITORY_TITLES[code.value], cells)


def of_cells(key: str, title: str, cells: tuple[Standing, ...]) -> DepartmentRow:
    """Return the row of a département that stands so by indicator."""
    return DepartmentRow(key, title, max(cells, key=lambda one: one.severity, default=None), cells)


def _changed(
    knowledge: Knowledge, view: View, rows: Sequence[PromiseRow], before: date
) -> Iterator[News]:
    """Yield what differs from `CHANGE_DAYS` earlier: statuses first, then values."""
    moved = []
    for row in rows:
        standing, department = row.standing, row.standing.judgement.department
        # Also those whose day has passed since: no row has them any more.
        earlier = knowledge.of(row.indicator, department, before)
        for one, then in zip(
            knowledge.of(row.indicator, department, view.as_of), earlier, strict=True
        ):
            yield from _new_status(one, then, is_in_force=one.milestone == standing.milestone)
        change = standing.judgement.change
        # Of persons, what was published before those days has changed earlier.
        is_new = standing.judgement.as_of > earlier[0].judgement.as_of
        if is_new and change is not None and change.value:
            note = f" ({standing.change.note})" if standing.change.note else ""
            text = f"{standing.change.text}{note}, soit {standing.value.text}"
            moved.append(News(text, row.indicator, standing.status_class))
    yield from moved


def _new_status(one: Standing, earlier: Standing, *, is_in_force: bool) -> Iterator[News]:
    now, then = one.judgement.status, earlier.judgement.status
    if now is None or now == then:
        return
    was = "" if then is None else f", {STATUSES[then].word} auparavant"
    which = ""
    if not is_in_force and one.milestone is not None:
        which = f"jalon « {one.milestone.name} » : "
    yield News(f"{which}{STATUSES[now].word}{was}", one.indicator, one.status_class)


def _coming(view: View, rows: Sequence[PromiseRow]) -> Iterator[News]:
    """Yield the deadlines of the next days, nearest first, but for what is attained."""
    until = view.as_of + timedelta(days=SOON_DAYS)
    due = [
        (row.standing.milestone.day, row)
        for row in rows
        if row.standing.milestone is not None
        and row.standing.milestone.day is not None
        and view.as_of <= row.standing.milestone.day <= until
        and row.standing.judgement.status is not MilestoneStatus.ACHIEVED
    ]
    for day, row in sorted(due, key=lambda one: one[0]):
        left = (day - view.as_of).days
        text = (
            f"échéance le {day_text(day)}, dans {days_text(left)}"
            if left
            else f"échéance ce jour, le {day_text(day)}"
        )
        yield News(text, row.indicator, row.standing.status_class)


def _unknown(rows: Sequence[PromiseRow]) -> Iterator[News]:
    """Yield the figures that are missing or outdated, and why."""
    for row in rows:
        standing = row.standing
        cell: TextCell = standing.value
        if cell.reason:
            yield News(cell.reason, row.indicator, standing.status_class)
        elif reasons.is_outdated(standing.judgement):
            text = f"non renseigné depuis le {standing.last_reported.text}"
            yield News(text, row.indicator, standing.status_class)
