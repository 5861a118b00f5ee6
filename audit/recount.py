"""The recount: from raw records to every figure of the catalogue on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from audit.evaluation import TermCourse, course, last, total
from audit.ledger import Ledger, RecordCounts
from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from catalogue.history import Histories, History, Reading, StepFunction
from catalogue.model import Catalogue
from catalogue.terms import Measure, Term
from events.dead_letters import RecordOrigin
from events.record_rules import RULES, RecordRules

ReadingKey = tuple[str, str | None]
"""An indicator's id, and a département's code or None for the region."""
CategoryKey = tuple[str, str, str | None]
"""An indicator's id, a category of its breakdown, and a département's code or None."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Every figure on the day `as_of`, as known at the end of `known_on` (None: with all records).

    `account` counts the outcomes of all records, whatever their days. `readings` are in the
    catalogue's order, the region first and then, where the indicator's grain is the département,
    all of them; amounts are whole numbers (cents where the indicator is in euros). `categories` are
    the numerators' parts, where there are any. `histories` are what the judgements follow, up to
    the day, of all indicators but those about persons.
    """

    as_of: date
    known_on: date | None
    account: RecordCounts
    readings: Mapping[ReadingKey, Reading]
    categories: Mapping[CategoryKey, int]
    histories: Histories
    catalogue: Catalogue


def audit_records(  # noqa: PLR0913 - the sources and the rules of a recount, by name
    records: Iterable[RawRecord],
    catalogue: Catalogue,
    as_of: date,
    known_on: date | None = None,
    partitions: int = 8,
    *,
    work: WorkFolder | None = None,
    skipped: Collection[RecordOrigin] = (),
    rules: RecordRules = RULES,
) -> Audit:
    """Count every figure of a catalogue from the records of the event topics, in any order.

    `partitions` is how many partitions each event topic has, `work` where large ledgers are kept,
    `skipped` which records are refused unread, `rules` what is taken of the others.

    Raises `SmartRegionError`, and as `records` do.
    """
    work = WorkFolder() if work is None else work
    with (
        work.guarded(),
        Ledger(records, partitions=partitions, work=work, skipped=skipped, rules=rules) as ledger,
    ):
        return audit_ledger(ledger, catalogue, as_of, known_on)


def audit_ledger(
    ledger: Ledger, catalogue: Catalogue, as_of: date, known_on: date | None = None
) -> Audit:
    """Count every figure of a catalogue on a day; one ledger serves any number of days."""
    known = {} if known_on is None else catalogue.known_through(known_on)
    ledger.settle(known)
    # Of persons, what took effect after the last publication is not public either.
    ends = {family: day for family, day in known.items() if family.about_persons}
    courses = {
        term: course(ledger, term, min(as_of, ends.get(term.family, as_of)))
        for term in catalogue.terms
    }
    readings: dict[ReadingKey, Reading] = {}
    categories: dict[CategoryKey, int] = {}
    for indicator in catalogue.indicators:
        found = [courses[term] for term in indicator.measure.terms]
        for department in indicator.territories:
            readings[indicator.id, department] = _reading(
                found, department, additive=indicator.measure.additive
            )
            for category in indicator.categories:
                parts = found[0].categories.get(category, {})
                categories[indicator.id, category, department] = total(parts, department)
    histories = {
        (one.id, department): _history(one.measure, courses, department)
        for one in catalogue.indicators
        if one.publication is None
        for department in one.territories
    }
    return Audit(as_of, known_on, ledger.account(), readings, categories, histories, catalogue)


def _reading(courses: Sequence[TermCourse], department: str | None, *, additive: bool) -> Reading:
    numerator, *denominator = (total(one.amounts, department, additive=additive) for one in courses)
    reported = (last(one.last_reports, department, additive=additive) for one in courses)
    return Reading(
        numerator=numerator,
        denominator=denominator[0] if denominator else None,
        last_reported=max((day for day in reported if day is not None), default=None),
    )


def _history(
    measure: Measure, courses: Mapping[Term, TermCourse], department: str | None
) -> History:
    # The region's is the sum of all, but its own where the measure is not additive.
    is_sum = department is None and measure.additive
    counted: list[StepFunction] = []
    days: set[int] = set()
    for term in measure.terms:
        found = courses[term]
        codes = {*found.steps, *found.reports} if is_sum else {department}
        steps: Counter[int] = Counter()
        for code in codes:
            steps.update(found.steps.get(code, {}))
            days |= found.reports.get(code, frozenset())
        counted.append(StepFunction.of(steps))
    numerator, *denominator = counted
    return History(
        numerator,
        denominator[0] if denominator else None,
        tuple(map(date.fromordinal, sorted(days))),
        measure.divisor,
    )
