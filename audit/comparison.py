"""The comparison: what the audit counted against what the workers show, figure by figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from audit.evaluation import DepartmentCode, last, total
from audit.exposed import Exposed, WorkerUnreadableError
from audit.recount import Audit
from catalogue import metrics
from catalogue.history import Reading
from catalogue.model import Catalogue, Indicator
from catalogue.territories import department_of, territory_key
from events.identifiers import Department
from streams.histories import ExactPersons

FIGURES: Final = (
    metrics.INDICATOR_VALUE,
    metrics.INDICATOR_NUMERATOR,
    metrics.INDICATOR_DENOMINATOR,
    metrics.INDICATOR_CATEGORY,
    metrics.INDICATOR_LAST_REPORTED,
)


@dataclass(frozen=True, slots=True)
class AuditComparison:
    """How many figures were compared, and one line for each difference.

    Where the workers together cannot show the figures of the audit's day (one is not ready, a
    partition is missing, the day is another) the differences name that, and nothing is compared.
    """

    compared: int
    differences: tuple[str, ...]


def compare_exposed(
    audit: Audit, workers: Sequence[Exposed], persons: ExactPersons | None = None
) -> AuditComparison:
    """Compare an audit with what all the workers of one monitor showed.

    They expose no persons: `persons` are those of the audit's day in the workers' histories;
    without them none are compared.
    """
    reasons = tuple(incomparable_reasons(audit.as_of, workers))
    if reasons:
        return AuditComparison(0, reasons)
    shown = _Shown(workers)
    compared = 0
    differences = list(_unknown_figures(audit.catalogue, shown))
    for programme in audit.catalogue.programmes:
        for indicator in programme.indicators:
            figure = _Figure(programme.id, indicator)
            if indicator.publication is None:
                pairs = figure.compared(audit, shown)
            else:
                differences.extend(figure.disclosures(shown))
                pairs = figure.compared_cells(audit, (persons or {}).get(indicator.id))
            for difference in pairs:
                compared += 1
                if difference is not None:
                    differences.append(difference)
    return AuditComparison(compared, tuple(differences))


def workers_day(workers: Iterable[Exposed]) -> date:
    """Return the workers' latest day. Raises `WorkerUnreadableError` where one shows none."""
    days: list[date] = []
    for worker in workers:
        if worker.as_of is None:
            raise WorkerUnreadableError(worker.url, cause=f"{metrics.AS_OF} is not there")
        days.append(worker.as_of)
    return max(days)


def incomparable_reasons(as_of: date, workers: Sequence[Exposed]) -> Iterator[str]:
    """Yield why the workers' figures are not those of a day, or not all of them."""
    for worker in workers:
        if not worker.ready:
            yield f"{worker.url}: the worker is not ready; its /readyz has the reason"
        if worker.as_of != as_of:
            yield f"{worker.url}: audit of {as_of}, worker of {worker.as_of or 'no day'}"
    owned = frozenset[int]().union(*(worker.partitions_owned for worker in workers))
    expected = max((worker.partitions_expected for worker in workers), default=0)
    missing = sorted(set(range(expected)) - owned)
    if missing or not expected:
        listed = ", ".join(map(str, missing)) or "all"
        yield f"partitions: {listed} shown by no worker; name each with --against"


class _Series(NamedTuple):
    """What the samples of one figure have in common, whatever their département and partition."""

    metric: str
    programme: str
    indicator: str
    category: str = ""


class _Shown:
    """The workers' figures: by series, département and partition.

    During a rebalance two workers may show the same partition: the greater counts, once.
    """

    def __init__(self, workers: Iterable[Exposed]) -> None:
        self.departments: dict[_Series, dict[DepartmentCode, dict[str, float]]] = {}
        for worker in workers:
            for metric in FIGURES:
                for sample in worker.of(metric):
                    self._take(metric, sample.labels, sample.value)

    def amounts(self, series: _Series, *, divisor: int = 1) -> dict[DepartmentCode, int]:
        """Return the whole amounts of a series, summed over partitions and times `divisor`."""
        return {
            department: sum(round(value * divisor) for value in partitions.values())
            for department, partitions in self.departments.get(series, {}).items()
        }

    def days(self, series: _Series) -> dict[DepartmentCode, date]:
        """Return the latest day of a series of timestamps, over its partitions."""
        return {
            department: datetime.fromtimestamp(max(partitions.values()), UTC).date()
            for department, partitions in self.departments.get(series, {}).items()
        }

    def _take(self, metric: metrics.Metric, labels: Mapping[str, str], value: float) -> None:
        series = _Series(
            metric.name, labels["programme"], labels["indicator"], labels.get("category", "")
        )
        department = department_of(labels["department"])
        partitions = self.departments.setdefault(series, defaultdict(dict))[department]
        partition = labels["partition"]
        partitions[partition] = max(value, partitions.get(partition, value))


class _Figure(NamedTuple):
    """An indicator, as the workers expose it and as a line names it."""

    programme: str
    indicator: Indicator

    @property
    def _who(self) -> tuple[str, str]:
        return self.programme, self.indicator.id

    def series(self, metric: metrics.Metric, category: str = "") -> _Series:
        return _Series(metric.name, *self._who, category)

    def reading(self, shown: _Shown, department: str | None) -> Reading:
        """Return the workers' reading; what they do not expose is 0: they miss no partition."""
        measure = self.indicator.measure
        above = metrics.INDICATOR_NUMERATOR if measure.denominator else metrics.INDICATOR_VALUE
        numerators = shown.amounts(self.series(above), divisor=measure.divisor)
        denominators = shown.amounts(self.series(metrics.INDICATOR_DENOMINATOR))
        reported = shown.days(self.series(metrics.INDICATOR_LAST_REPORTED))
        additive = measure.additive
        return Reading(
            numerator=total(numerators, department, additive=additive),
            denominator=total(denominators, department) if measure.denominator else None,
            last_reported=last(reported, department, additive=additive),
        )

    def shows_zero_for_blank(self, shown: _Shown, counted: Reading, department: str | None) -> bool:
        """Return whether the workers show 0 where nothing was observed, instead of no value."""
        if self.indicator.measure.additive or counted.last_reported is not None:
            return False
        return department in shown.departments.get(self.series(metrics.INDICATOR_VALUE), {})

    def disclosures(self, shown: _Shown) -> Iterator[str]:
        """Yield a line for each metric by which a worker shows persons: only the assessor may."""
        reported = metrics.INDICATOR_LAST_REPORTED.name
        shown_by = {
            series.metric
            for series, cells in shown.departments.items()
            if series[1:3] == self._who and (series.metric != reported or set(cells) != {None})
        }
        for metric in sorted(shown_by):
            yield f"{'/'.join(self._who)}: {metric} shown by the worker, despite min_cell"

    def compared(self, audit: Audit, shown: _Shown) -> Iterator[str | None]:
        """Compare each of its figures with the workers': one line for each difference, or None."""
        for department in self.indicator.territories:
            where = self._named(department)
            counted = audit.readings[self.indicator.id, department]
            found = self.reading(shown, department)
            if counted != found:
                yield f"{where}: {self.difference(counted, found)}"
            elif self.shows_zero_for_blank(shown, counted, department):
                yield f"{where}: audit no value, worker {self.amount(0)}"
            else:
                yield None
            for category in self.indicator.categories:
                amount = audit.categories[self.indicator.id, category, department]
                part = self.part(shown, category, department)
                amounts = f"audit {self.amount(amount)}, worker {self.amount(part)}"
                yield None if amount == part else f"{where}/{category}: {amounts}"

    def compared_cells(
        self, audit: Audit, held: Mapping[tuple[str, str], int] | None
    ) -> Iterator[str | None]:
        """Compare its persons with those that the workers hold (None: not known), as `compared`.

        The numbers are not in the line: anybody may read a difference.
        """
        if held is None:
            return
        problem = "the workers' states are not what the audit counts"
        for department in self.indicator.territories:
            where = self._named(department)
            cells = {cell: count for cell, count in held.items() if department in (None, cell[0])}
            counted = audit.readings[self.indicator.id, department].numerator
            yield None if counted == sum(cells.values()) else f"{where}: {problem}"
            for category in self.indicator.categories:
                counted = audit.categories[self.indicator.id, category, department]
                part = sum(count for cell, count in cells.items() if cell[1] == category)
                yield None if counted == part else f"{where}/{category}: {problem}"

    def _named(self, department: str | None) -> str:
        return f"{'/'.join(self._who)}/{territory_key(department)}"

    def part(self, shown: _Shown, category: str, department: str | None) -> int:
        """Return the workers' amount of one category."""
        series = self.series(metrics.INDICATOR_CATEGORY, category)
        return total(shown.amounts(series, divisor=self.indicator.measure.divisor), department)

    def amount(self, counted: int) -> str:
        """Return a whole amount in the indicator's unit."""
        return str(Decimal(counted) / self.indicator.measure.divisor)

    def difference(self, counted: Reading, shown: Reading) -> str:
        """Return what differs between two readings: their amounts, or only their last reports."""
        if (counted.numerator, counted.denominator) == (shown.numerator, shown.denominator):
            days = (counted.last_reported or "never", shown.last_reported or "never")
            return f"audit last reported {days[0]}, worker {days[1]}"
        return f"audit {self._fraction(counted)}, worker {self._fraction(shown)}"

    def _fraction(self, reading: Reading) -> str:
        over = "" if reading.denominator is None else f"/{reading.denominator}"
        return self.amount(reading.numerator) + over


def _unknown_figures(catalogue: Catalogue, shown: _Shown) -> Iterator[str]:
    """Yield the figures and départements that the workers show and the catalogue does not have."""
    known = {
        (programme.id, indicator.id)
        for programme in catalogue.programmes
        for indicator in programme.indicators
    }
    strange: set[str] = set()
    for series, cells in shown.departments.items():
        name = f"{series.programme}/{series.indicator}"
        if (series.programme, series.indicator) not in known:
            strange.add(f"{name}: shown by the worker, not in the audit's catalogue")
        else:
            strange |= {
                f"{name}/{department}: shown by the worker, not a département of the region"
                for department in cells
                if department is not None and department not in set(Department)
            }
    yield from sorted(strange)
