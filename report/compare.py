"""Two days side by side: every promise on both, the change, and what made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalogue.judgement import change_over
from report import reasons
from report.cell import TextCell
from report.standing import change_text

if TYPE_CHECKING:
    from datetime import date

    from catalogue.model import Indicator, Programme
    from report.knowledge import Knowledge
    from report.standing import Standing
    from report.view import View

__all__ = ["ComparedRow", "Comparison", "comparison_of"]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One indicator on two days."""

    programme: Programme
    indicator: Indicator
    is_regional: bool
    """True where a département is chosen and the figures are the Région's: there are none finer."""
    before: Standing
    after: Standing
    change: TextCell
    numerator: TextCell
    denominator: TextCell

    @property
    def has_changed(self) -> bool:
        """True where value or status differ."""
        before, after = self.before.judgement, self.after.judgement
        return (before.value, before.status) != (after.value, after.status)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every indicator on two days, in the catalogue's order."""

    since: date
    until: date
    rows: tuple[ComparedRow, ...]


def comparison_of(knowledge: Knowledge, view: View, since: date) -> Comparison:
    """Return the comparison of a day with the view's; the earlier one comes first."""
    first, last = sorted((since, view.as_of))
    rows = []
    for programme in knowledge.catalogue.programmes:
        for indicator in programme.indicators:
            department = view.department_for(indicator)
            before = knowledge.standing(indicator, department, first)
            after = knowledge.standing(indicator, department, last)
            is_regional = department != view.department
            rows.append(_row(programme, indicator, before, after, is_regional=is_regional))
    return Comparison(first, last, tuple(rows))


def _row(
    programme: Programme,
    indicator: Indicator,
    before: Standing,
    after: Standing,
    *,
    is_regional: bool,
) -> ComparedRow:
    # Of persons, the days of publication are compared: those that are shown.
    since, until = before.judgement.as_of, after.judgement.as_of
    change = change_over(after.history, since, until)
    if change is None:
        day = since if before.judgement.value is None else until
        why = TextCell.empty(reasons.no_value(after.history, day))
        return ComparedRow(programme, indicator, is_regional, before, after, why, why, why)
    return ComparedRow(
        programme,
        indicator,
        is_regional,
        before,
        after,
        TextCell(change_text(indicator, change.value)),
        TextCell(change_text(indicator, change.due_to_numerator)),
        TextCell.empty("ce n’est pas une part")
        if indicator.measure.denominator is None
        else TextCell(change_text(indicator, change.due_to_denominator)),
    )
