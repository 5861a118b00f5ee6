"""The page of one promise: its history, its territories, its categories, its milestones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from catalogue.formatting import day_text
from catalogue.history import History
from catalogue.model import Indicator, Programme
from catalogue.reference_day import month_end_before
from catalogue.territories import TERRITORY_TITLES, territory_key
from report import reasons
from report.knowledge import Knowledge
from report.standing import Standing, TextCell, amount_text
from report.view import View

MOST_ROWS: Final = 120
"""The rows of the table of a history: ten years of months."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """The figure at the end of a month, or on the last day."""

    day: date
    value: TextCell
    parts: TextCell


@dataclass(frozen=True, slots=True)
class TerritoryRow:
    """One territory against the milestone in force."""

    key: str
    title: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category of the breakdown: its part of the numerator."""

    title: str
    value: TextCell


@dataclass(frozen=True, slots=True)
class PromisePage:
    """What the page of a promise shows."""

    programme: Programme
    indicator: Indicator
    standing: Standing
    is_regional: bool
    milestones: tuple[Standing, ...]
    history: tuple[HistoryRow, ...]
    territories: tuple[TerritoryRow, ...]
    categories: tuple[CategoryRow, ...]
    country: TextCell | None
    """The whole country's value, where it is shown for comparison."""


def promise_of(knowledge: Knowledge, indicator: Indicator, view: View) -> PromisePage:
    """Return the page of an indicator."""
    department = view.department_for(indicator)
    standing = knowledge.standing(indicator, department, view.as_of)
    return PromisePage(
        programme=knowledge.catalogue.programme_of(indicator.id),
        indicator=indicator,
        standing=standing,
        is_regional=department != view.department,
        milestones=tuple(knowledge.of(indicator, department, view.as_of)),
        history=tuple(_history(standing, view.as_of)),
        territories=tuple(_territories(knowledge, indicator, view.as_of)),
        categories=tuple(_categories(knowledge, indicator, standing)),
        country=_country(knowledge, standing),
    )


def _history(standing: Standing, as_of: date) -> Iterator[HistoryRow]:
    """Yield the figure at each month's end since the first that has one, newest first."""
    day = as_of
    rows = []
    for _ in range(MOST_ROWS):
        rows.append(HistoryRow(day, standing.value_on(day), standing.parts_on(day)))
        day = month_end_before(day)
    known = [index for index, row in enumerate(rows) if not row.value.reason]
    yield from rows[: known[-1] + 1] if known else ()


def _territories(knowledge: Knowledge, indicator: Indicator, as_of: date) -> Iterator[TerritoryRow]:
    for department in indicator.territories:
        key = territory_key(department)
        standing = knowledge.standing(indicator, department, as_of)
        yield TerritoryRow(key, TERRITORY_TITLES[key], standing)


def _categories(
    knowledge: Knowledge, indicator: Indicator, standing: Standing
) -> Iterator[CategoryRow]:
    history, day = standing.history, standing.judgement.as_of
    unknown = standing.value.reason
    for category in indicator.categories:
        words = indicator.category_words.get(category, category)
        part = knowledge.parts.get((indicator.id, standing.judgement.department, category))
        count = 0 if part is None else part.at(day)
        if unknown and unknown != reasons.WITHHELD:
            yield CategoryRow(words, TextCell.empty(unknown))
        elif history.publication is not None and not count:
            yield CategoryRow(words, TextCell.empty(reasons.WITHHELD))
        else:
            under = None if history.denominator is None else history.denominator.at(day)
            note = "" if not under else f"{standing.text(float(Fraction(count, under)))} du total"
            text = amount_text(indicator, count)
            yield CategoryRow(words, TextCell(text, note=note))


def _country(knowledge: Knowledge, standing: Standing) -> TextCell | None:
    if standing.judgement.department is not None:
        return None
    history: History | None = knowledge.country(standing.indicator)
    if history is None:
        return None
    day = standing.judgement.as_of
    value = history.value(day)
    if value is None:
        return TextCell.empty(reasons.no_value(history, day))
    last = history.reading(day).last_reported
    return TextCell(standing.text(float(value)), note=f"au {day_text(last)}")
