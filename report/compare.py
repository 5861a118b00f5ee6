"""Two days side by side: every promise on both, the change, and what made it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from catalogue.model import Indicator, Programme
from report import reasons
from report.knowledge import Knowledge
from report.standing import NOT_A_RATIO, Standing, TextCell, shown_change
from report.view import View


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One indicator on two days."""

    programme: Programme
    indicator: Indicator
    is_regional: bool
    """True where a département is chosen and the figures are the Région's: there are none finer."""
    before: Standing
    after: Standing
    was: TextCell
    """The values, with as many decimals as their change takes."""
    now: TextCell
    change: TextCell
    numerator: TextCell
    denominator: TextCell
    parts: str
    """What made the change; empty where the numerator alone did."""

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
    """Return the comparison of a day with the view's, which is not before it."""
    rows = []
    for programme in knowledge.catalogue.programmes:
        for indicator in programme.indicators:
            department = view.department_for(indicator)
            before = knowledge.standing(indicator, department, since)
            after = knowledge.standing(indicator, department, view.as_of)
            is_regional = department != view.department
            rows.append(_row(programme, indicator, before, after, is_regional=is_regional))
    return Comparison(since, view.as_of, tuple(rows))


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
    change = shown_change(indicator, after.history, since, until)
    if change is None:
        day = since if before.judgement.value is None else until
        why = TextCell.empty(reasons.no_value(after.history, day))
        was, now, moved, parts = before.value, after.value, (why, why, why), ""
    else:
        was, now = (
            replace(one.value, text=text)
            for one, text in ((before, change.before), (after, change.after))
        )
        is_ratio = indicator.measure.denominator is not None
        under = TextCell(change.denominator) if is_ratio else TextCell.empty(NOT_A_RATIO)
        moved, parts = (TextCell(change.value), TextCell(change.numerator), under), change.parts
    return ComparedRow(
        programme, indicator, is_regional, before, after, was, now, *moved, parts=parts
    )
