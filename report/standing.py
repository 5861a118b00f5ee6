"""How a promise stands in one territory on a day: what pages and notes show of a judgement."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final

from catalogue.explanations import Explained, Explanation, explained_by
from catalogue.formatting import (
    MINUS,
    NO_BREAK,
    STATUSES,
    NumberFormat,
    StatusStyle,
    count_text,
    day_text,
    days_text,
    decimal_text,
    is_plural,
    progress_text,
)
from catalogue.history import History
from catalogue.judgement import Judgement, change_over, changed_since
from catalogue.model import Baseline, Indicator, Milestone, Unit
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_NAMES, territory_key
from report import reasons
from report.words import field_label

ASSUMED: Final = "hypothèse"
AWAITED: Final = "passée, et le relevé de ce jour est attendu"
_AHEAD: Final = frozenset({MilestoneStatus.ON_TRACK, MilestoneStatus.AT_RISK})
NO_STATUS: Final = "none"
"""The status of what has no target, as a class of the style sheet."""
DAYS_OF_A_MONTH: Final = Fraction(365, 12)
NOT_A_RATIO: Final = "ce n’est pas une part"
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class TextCell:
    """A text, or the reason why it is missing; exactly one of them is not empty. Both are French.

    `note` completes the text: what is assumed, or the day of publication.
    """

    text: str = ""
    reason: str = ""
    note: str = ""

    @classmethod
    def empty(cls, reason: str) -> TextCell:
        """Return a cell without a text."""
        return cls(reason=reason)


@dataclass(frozen=True)
class Standing:
    """A judgement with the history that it was made from, as cells of a page."""

    judgement: Judgement
    history: History
    said: tuple[Explanation, ...]
    """Explanations of the milestone here, and then of the Région's; the newest first."""
    as_of: date
    """The day; of persons, the judgement's own day is that of the publication."""

    @property
    def indicator(self) -> Indicator:
        """The indicator that is judged."""
        return self.judgement.indicator

    @property
    def milestone(self) -> Milestone | None:
        """The milestone that it is judged against."""
        return self.judgement.milestone

    @property
    def key(self) -> str:
        """The territory's key: a département's code, or `region`."""
        return territory_key(self.judgement.department)

    @property
    def territory(self) -> str:
        """The territory's name."""
        return TERRITORY_NAMES[self.key]

    @property
    def style(self) -> StatusStyle | None:
        """How the status is displayed; None without one."""
        status = self.judgement.status
        return None if status is None else STATUSES[status]

    @property
    def severity(self) -> int:
        """The severity of the status; 0 without one."""
        return 0 if self.style is None else self.style.severity

    @property
    def is_dated(self) -> bool:
        """Whether the promise has a status, and a day by which it must be kept."""
        return self.style is not None and self.milestone is not None and bool(self.milestone.day)

    @property
    def status_class(self) -> str:
        """The status as a class of the style sheet."""
        return str(self.judgement.status or NO_STATUS)

    @cached_property
    def status(self) -> TextCell:
        """The status: its mark and its word."""
        if self.style is None:
            return TextCell.empty(reasons.no_status(self.judgement))
        note = f"relevé du {day_text(self.judgement.last_reported)}" if self._is_outdated else ""
        return TextCell(self.style.text, note=note)

    @cached_property
    def value(self) -> TextCell:
        """The value; of persons, that of the day of publication."""
        value = self.judgement.value
        if value is None:
            return TextCell.empty(reasons.no_value(self.history, self.judgement.as_of))
        published = self.history.publication is not None
        note = f"publié au {day_text(self.judgement.as_of)}" if published else ""
        return TextCell(self._text(value), note=note)

    @cached_property
    def explained(self) -> Explained | None:
        """Since when the milestone is missed or at risk, and its explanation; None where neither.

        It is computed on first use: most pages show it for a few figures.
        """
        return explained_by(self.said, self.judgement, self.history, self.as_of)

    @cached_property
    def explanation(self) -> TextCell:
        """What the newest explanation is; where one is missing, for how long."""
        if self.explained is None:
            return TextCell.empty(reasons.NOTHING_TO_EXPLAIN)
        last = self.explained.last
        if last is None:
            return TextCell(self.unexplained)
        return TextCell(f"{last.kind.word} : {last.text}", note=attribution(last))

    @property
    def unexplained(self) -> str:
        """For how long a milestone that is missed or at risk has no explanation; "" with one."""
        if self.explained is None:
            return ""
        days = self.explained.unexplained_days(self.as_of)
        if days is None:
            return ""
        # Of what was promised today, or is to be, no day has gone by.
        return f"sans explication depuis {days_text(days)}" if days else "sans explication"

    @property
    def parts(self) -> TextCell:
        """Numerator and denominator of a ratio, and what they are."""
        cell = self._parts_at(self.judgement.as_of)
        return cell if cell.reason else replace(cell, note=" sur ".join(term_names(self.indicator)))

    @cached_property
    def target(self) -> TextCell:
        """The target."""
        if self.milestone is None or self.milestone.target is None:
            return TextCell.empty(reasons.no_status(self.judgement))
        return TextCell(self._text(self.milestone.target), note=self._assumed)

    @cached_property
    def deadline(self) -> TextCell:
        """The last day to reach the target in time."""
        if self.milestone is None:
            return TextCell.empty(reasons.no_status(self.judgement))
        if self.milestone.day is None:
            return TextCell.empty(reasons.NO_DEADLINE)
        is_past = self.milestone.day < self.as_of
        awaited = AWAITED if is_past and self.judgement.status in _AHEAD else ""
        notes = ", ".join(filter(None, (self._assumed, awaited)))
        return TextCell(day_text(self.milestone.day), note=notes)

    @property
    def start(self) -> Baseline | None:
        """The value that progress is counted from: the territory's own."""
        return self.indicator.baseline_for(self.judgement.department)

    @cached_property
    def progress(self) -> TextCell:
        """The progress rate, in percent."""
        if self.judgement.progress_rate is None:
            return TextCell.empty(reasons.no_progress(self.judgement, self.history))
        assumed = self.start is not None and self.start.assumed
        note = f"départ : {ASSUMED}" if assumed else ""
        return TextCell(progress_text(self.judgement.progress_rate, self.indicator), note=note)

    @property
    def expected_progress(self) -> float | None:
        """The progress rate of a steady pace from the baseline to the deadline, in percent."""
        start, deadline = self.start, None if self.milestone is None else self.milestone.day
        if start is None or deadline is None or deadline <= start.day:
            return None
        share = (self.judgement.as_of - start.day) / (deadline - start.day)
        return _PERCENT * min(max(share, 0.0), 1.0)

    @cached_property
    def projection(self) -> TextCell:
        """The day on which the target is reached if the pace continues, with its range."""
        projected = self.judgement.projected
        if projected is None:
            return TextCell.empty(reasons.no_projection(self.judgement, self.history))
        earliest = day_text(projected.earliest)
        if projected.latest is None:
            note = f"à partir du {earliest}, voire hors d’atteinte"
        else:
            note = f"entre le {earliest} et le {day_text(projected.latest)}"
        return TextCell(day_text(projected.day), note=note)

    @cached_property
    def change(self) -> TextCell:
        """The change since `changed_since`, with the part of it that the denominator made."""
        until = self.judgement.as_of
        since = changed_since(self.history, until)
        change = shown_change(self.indicator, self.history, since, until)
        if change is None:
            return TextCell.empty(reasons.no_change(self.judgement, self.history))
        when = "" if self.history.publication is None else f"depuis le {day_text(since)}"
        return TextCell(change.value, note=", ".join(filter(None, (when, change.parts))))

    @cached_property
    def pace(self) -> TextCell:
        """The observed pace, per month."""
        pace = self.judgement.observed_pace
        if pace is None:
            return TextCell.empty(reasons.no_pace(self.judgement))
        return TextCell(f"{change_text(self.indicator, pace * DAYS_OF_A_MONTH)} par mois")

    @cached_property
    def required_pace(self) -> TextCell:
        """The pace that the target needs until its deadline, per month."""
        pace = self.judgement.required_pace
        if pace is None:
            why = reasons.no_required_pace(self.judgement, self.history, self.as_of)
            return TextCell.empty(why)
        return TextCell(f"{change_text(self.indicator, pace * DAYS_OF_A_MONTH)} par mois")

    @cached_property
    def attained(self) -> TextCell:
        """Since when the target is held, or when it was lost."""
        if self.judgement.attained_on is not None:
            return TextCell(f"depuis le {day_text(self.judgement.attained_on)}")
        if self.judgement.lost_on is not None:
            return TextCell(f"perdue le {day_text(self.judgement.lost_on)}")
        if self.judgement.status is None:
            return TextCell.empty(reasons.no_status(self.judgement))
        return TextCell("pas encore atteinte")

    @cached_property
    def last_reported(self) -> TextCell:
        """The last day of a fact that counts."""
        if self.judgement.last_reported is None:
            return TextCell.empty(reasons.NO_FACT)
        return TextCell(day_text(self.judgement.last_reported))

    @property
    def arrival(self) -> str:
        """When the target was reached, or is projected to be."""
        if self.judgement.attained_on is not None:
            return self.attained.text
        return self.projection.text or self.projection.reason

    @property
    def days_lost(self) -> int | None:
        """The days between the deadline and the projected day; None where it is in time."""
        projected, milestone = self.judgement.projected, self.milestone
        if projected is None or milestone is None or milestone.day is None:
            return None
        late = (projected.day - milestone.day).days
        return late if late > 0 else None

    def value_on(self, day: date) -> TextCell:
        """Return the value of another day."""
        note = ""
        if self.history.publication is not None:
            day = self.history.publication.day(day)
            note = f"publié au {day_text(day)}"
        value = self.history.value(day)
        if value is None:
            return TextCell.empty(reasons.no_value(self.history, day))
        return TextCell(self._text(value), note=note)

    def parts_on(self, day: date) -> TextCell:
        """Return numerator and denominator of another day."""
        published = self.history.publication
        return self._parts_at(day if published is None else published.day(day))

    def _parts_at(self, day: date) -> TextCell:
        reading = self.history.reading(day)
        if self.indicator.measure.denominator is None:
            return TextCell.empty(NOT_A_RATIO)
        if self.history.value(day) is None:
            return TextCell.empty(reasons.no_value(self.history, day))
        over = amount_text(self.indicator, reading.numerator)
        return TextCell(f"{over} sur {amount_text(self.indicator, reading.denominator or 0)}")

    def points(self, since: date, until: date) -> list[tuple[date, float | None]]:
        """Return the history between two days: the value at the first, and at each change.

        Of persons there are the changes that are published by the last day.
        """
        published = self.history.publication
        known = until if published is None else published.day(until)
        days, values = self.history.curve
        first, last = bisect_right(days, min(since, known)), bisect_right(days, known)
        points = [(since, values[first - 1] if first else None)]
        points += zip(days[first:last], values[first:last], strict=True)
        if points[-1][0] < until:
            points.append((until, points[-1][1]))
        return points

    def text(self, value: float) -> str:
        """Return a value of the indicator as text."""
        return NumberFormat.of(self.indicator).text(value)

    def _text(self, value: Fraction | Decimal) -> str:
        return self.text(float(value))

    @property
    def _assumed(self) -> str:
        return ASSUMED if self.milestone is not None and self.milestone.assumed else ""

    @property
    def _is_outdated(self) -> bool:
        return reasons.is_outdated(self.judgement)


@dataclass(frozen=True, slots=True)
class ShownChange:
    """The texts of a change and of the values before and after it, which add up as they are shown.

    `parts` names the parts of both terms; empty where the denominator's is shown as none.
    """

    before: str
    after: str
    value: str
    numerator: str
    denominator: str
    parts: str


def shown_change(
    indicator: Indicator, history: History, since: date, until: date
) -> ShownChange | None:
    """Return the texts of a change; None where one of the two values is not known.

    Where both values would read the same, all texts have up to two decimals more.
    """
    change = change_over(history, since, until)
    before, after = history.value(since), history.value(until)
    if change is None or before is None or after is None:
        return None
    usual = NumberFormat.of(indicator)
    finer = (replace(usual, decimals=usual.decimals + more) for more in range(3))
    form = next((one for one in finer if one.cut(float(before)) != one.cut(float(after))), usual)
    moved = Fraction(form.cut(float(after)) - form.cut(float(before)))
    counted = moved
    if change.due_to_denominator:
        exact = change.due_to_numerator * (_PERCENT if indicator.unit is Unit.RATIO else 1)
        digits = _rounded(exact, form.decimals)
        counted = Fraction(digits if exact > 0 else -digits, 10**form.decimals)
    value, numerator, denominator = (
        _in_unit(indicator, amount, form.decimals) for amount in (moved, counted, moved - counted)
    )
    parts = f"{numerator} par le numérateur, {denominator} par le dénominateur"
    return ShownChange(
        form.text(float(before)),
        form.text(float(after)),
        value,
        numerator,
        denominator,
        parts if moved != counted else "",
    )


def term_names(indicator: Indicator) -> tuple[str, ...]:
    """Return what each term adds up: `heures occupées`, `heures offertes`; () for entities."""
    names = tuple(
        field_label(term.facts[0], term.amount)
        for term in indicator.measure.terms
        if term.amount is not None
    )
    return names if len(names) == len(indicator.measure.terms) else ()


def amount_text(indicator: Indicator, amount: int) -> str:
    """Return an amount of a term exactly, in the term's unit: `448`, `1 500,50 €`, `71,5 %`.

    What is cut or rounded would not add up to its total.
    """
    exact, unit = Decimal(amount) / indicator.term_divisor, indicator.term_unit
    if unit is Unit.RATIO:
        return f"{decimal_text(exact * _PERCENT)}{NO_BREAK}%"
    if unit is Unit.EUROS:
        return f"{decimal_text(exact, 2 if exact % 1 else 0)}{NO_BREAK}€"
    return decimal_text(exact)


def change_text(indicator: Indicator, change: Fraction) -> str:
    """Return a change in an indicator's unit: `+2,6 points`, `−12`, `+1 500 €`; rounded.

    French has the plural from two on: `+1,9 point`.
    """
    decimals = indicator.pace_decimals
    amount = change * _PERCENT if indicator.unit is Unit.RATIO else change
    if not _rounded(amount, decimals) and _rounded(amount, decimals + 2):
        # A change is not shown as none; one that takes still more digits is, and without them.
        decimals += 2
    return _in_unit(indicator, amount, decimals)


def moved_text(indicator: Indicator, amount: int) -> str:
    """Return by how much a term changed, exactly and with its sign: `+6`, `−1 500,50 €`."""
    if indicator.term_unit is Unit.RATIO:
        return change_text(indicator, Fraction(amount, indicator.term_divisor))
    return f"{'+' if amount > 0 else ''}{amount_text(indicator, amount)}"


def territory_text(department: str | None) -> str:
    """Return the name of an entity's département; of none: the Région's."""
    return TERRITORY_NAMES.get(territory_key(department), str(department))


def _in_unit(indicator: Indicator, amount: Fraction, decimals: int) -> str:
    """Return a change in points, euros or a number as text, rounded to some decimals."""
    shown = Fraction(_rounded(amount, decimals), 10**decimals)
    points = "points" if is_plural(shown) else "point"
    unit = {Unit.RATIO: points, Unit.EUROS: "€", Unit.COUNT: ""}[indicator.unit]
    is_whole = indicator.unit is Unit.EUROS and shown.denominator == 1
    text = signed(amount, 0 if is_whole else decimals)
    return f"{text}{NO_BREAK}{unit}" if unit else text


def signed(amount: Fraction, decimals: int) -> str:
    """Return a number with its sign, in French: `+1 200,5`; rounded half away from zero."""
    digits = _rounded(amount, decimals)
    sign = "" if not digits else "+" if amount > 0 else MINUS
    whole, rest = divmod(digits, 10**decimals)
    text = count_text(whole)
    return f"{sign}{text},{rest:0{decimals}d}" if decimals else f"{sign}{text}"


def _rounded(amount: Fraction, decimals: int) -> int:
    """Return the absolute amount in units of its last decimal, rounded half away from zero."""
    return int(abs(amount) * 10**decimals + Fraction(1, 2))


def attribution(explanation: Explanation) -> str:
    """Return who explained a milestone, where and when: `Responsable…, Région, 12/03/2019`."""
    territory = TERRITORY_NAMES[territory_key(explanation.department)]
    return f"{explanation.author_role}, {territory}, {day_text(explanation.day)}"
