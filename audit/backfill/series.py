"""Every figure, target and status of a run of days, as known now and as OpenMetrics text."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, Self

from catalogue import metrics
from catalogue.explanations import explained_all
from catalogue.judgement import Judgement, compared, judge
from catalogue.metrics import WORKER_METRICS, Metric
from catalogue.model import Catalogue, Indicator
from catalogue.territories import territory_key
from dashboards import conventions
from streams.assessor.series import (
    Point,
    cell_points,
    explanation_counts,
    judgement_points,
    unexplained_points,
)
from streams.dated_sums import DatedSums
from streams.explanations import explanations_of
from streams.histories import categories_of, histories_of, region_reports_of
from streams.metric_families import catalogue_families, midnight


class OpenMetricsSpool:
    """Collects series on disk and writes them as one text; open it with `with`.

    OpenMetrics requires all samples of a family together, and those of a series together in order
    of time. Series are added by territory, so each family has a temporary file: memory does not
    grow with the number of days. `folder` is where; by default the system's for temporary files,
    which may be small, or in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.samples = 0
        self._folder = folder
        self._resources = ExitStack()
        self._families: dict[Metric, BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def add(
        self, metric: Metric, labels: Sequence[str], samples: Sequence[tuple[int, float]]
    ) -> None:
        """Add a whole series: its label values, and (seconds since 1970, value) in order.

        A series must be added once.
        """
        name = metric.name
        if metric.labels:
            pairs = zip(metric.labels, labels, strict=True)
            name += "{" + ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs) + "}"
        lines = "".join(f"{name} {value!r} {when}\n" for when, value in samples)
        self._file(metric).write(lines.encode())
        self.samples += len(samples)

    def write(self, out: BinaryIO) -> None:
        """Write all that was added."""
        for metric, family in self._families.items():
            out.write(f"# TYPE {metric.name} {metric.kind}\n".encode())
            family.seek(0)
            shutil.copyfileobj(family, out)
        out.write(b"# EOF\n")

    def _file(self, metric: Metric) -> BinaryIO:
        if metric not in self._families:
            # One for each metric: they are few.
            spool = TemporaryFile(dir=self._folder)  # noqa: SIM115 - the resources close it
            self._families[metric] = self._resources.enter_context(spool)
        return self._families[metric]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class PastSeries(NamedTuple):
    """A whole series: its label values in the metric's order, and (seconds since 1970, value)."""

    metric: Metric
    labels: tuple[str, ...]
    samples: list[tuple[int, float]]


class BackfillSeries:
    """The series of the assessor and of the rules at midnight (UTC) of each day.

    As known now: a fact that was recorded late counts from the day on which it took effect.
    """

    def __init__(self, catalogue: Catalogue, sums: DatedSums, days: Sequence[date]) -> None:
        self._catalogue = catalogue
        self._days = days
        self._moments = [round(midnight(day)) for day in days]
        self._histories = histories_of(sums, catalogue)
        self._reports = region_reports_of(sums, catalogue)
        self._parts = categories_of(sums, catalogue)
        self._explanations = explanations_of(sums)

    def __len__(self) -> int:
        """How many territories of indicators there are to judge."""
        return sum(1 for one in self._catalogue.indicators for _ in one.territories)

    def promised(self) -> Iterator[PastSeries]:
        """Yield what is the same on every day: targets, deadlines; and the day itself."""
        for family in catalogue_families(self._catalogue):
            (metric,) = (one for one in WORKER_METRICS if one.name == family.name)
            for sample in family.samples:
                labels = tuple(sample.labels[label] for label in metric.labels)
                yield PastSeries(
                    metric, labels, [(moment, sample.value) for moment in self._moments]
                )
        for metric in (metrics.AS_OF, conventions.AS_OF):
            yield PastSeries(metric, (), [(moment, moment) for moment in self._moments])
        for metric, labels, value in explanation_counts(self._catalogue, self._explanations):
            yield PastSeries(metric, labels, [(moment, value) for moment in self._moments])

    def persons(self) -> Iterator[PastSeries]:
        """Yield the persons by category, as they are published."""
        yield from self._series(
            cell_points(self._catalogue, self._parts, day) for day in self._days
        )

    def judged(self) -> Iterator[Iterator[PastSeries]]:
        """Yield the series of each territory of each indicator."""
        for programme in self._catalogue.programmes:
            for indicator in programme.indicators:
                for department in indicator.territories:
                    yield self._territory(programme.id, indicator, department)

    def _territory(
        self, programme: str, indicator: Indicator, department: str | None
    ) -> Iterator[PastSeries]:
        history = self._histories[indicator.id, department]
        country = compared(self._histories, indicator, department)
        held = [one for one in indicator.milestones if one.holds(department)]
        judgements = (
            [
                judge(indicator, one, department, history, day, country=country)
                for one in held or (None,)
            ]
            for day in self._days
        )
        yield from self._series(
            self._points(programme, judged, day)
            for judged, day in zip(judgements, self._days, strict=True)
        )
        dimension = indicator.breakdown or ""
        # Persons by category are among `persons`.
        for category in indicator.categories if indicator.publication is None else ():
            part = self._parts[indicator.id, department, category]
            if not part.days:
                continue
            samples = [
                (moment, part.at(day) / indicator.measure.divisor)
                for moment, day in zip(self._moments, self._days, strict=True)
                if part.days[0] <= day
            ]
            labels = (programme, indicator.id, dimension, category)
            if department is None:
                yield PastSeries(conventions.REGION_CATEGORY, labels, samples)
            else:
                yield PastSeries(conventions.DEPARTMENT_CATEGORY, (*labels, department), samples)

    def _points(self, programme: str, judged: Sequence[Judgement], day: date) -> Iterator[Point]:
        yield from judgement_points(self._catalogue, judged)
        explained = explained_all(judged, self._histories, self._explanations, day)
        yield from unexplained_points(self._catalogue, explained)
        # All milestones of a territory share its figure.
        yield from _recorded_points(programme, judged[0])
        if judged[0].department is None:
            reports = self._reports.get(judged[0].indicator.id, ())
            count = bisect_right(reports, day)
            if count:
                labels = (programme, judged[0].indicator.id, metrics.REGION)
                last = midnight(reports[count - 1])
                yield Point(conventions.TERRITORY_LAST_REPORTED, labels, last)

    def _series(self, days: Iterable[Iterable[Point]]) -> Iterator[PastSeries]:
        """Turn points day by day into series."""
        found: dict[tuple[Metric, tuple[str, ...]], list[tuple[int, float]]] = defaultdict(list)
        for moment, points in zip(self._moments, days, strict=True):
            for metric, labels, value in points:
                found[metric, labels].append((moment, value))
        for (metric, labels), samples in found.items():
            yield PastSeries(metric, labels, samples)


def _recorded_points(programme: str, judged: Judgement) -> Iterator[Point]:
    """Yield what the rules record of a figure, once something was reported."""
    if judged.last_reported is None:
        return
    region: tuple[str, ...] = (programme, judged.indicator.id)
    territory = (*region, territory_key(judged.department))
    if judged.department is None:
        labels = region
        numerator, denominator = conventions.REGION_NUMERATOR, conventions.REGION_DENOMINATOR
        value = conventions.REGION_VALUE
    else:
        labels = territory
        numerator, denominator = (
            conventions.DEPARTMENT_NUMERATOR,
            conventions.DEPARTMENT_DENOMINATOR,
        )
        value = conventions.DEPARTMENT_VALUE
    counts_persons = judged.indicator.publication is not None
    # Of persons the rules record the region's last report, yielded elsewhere, and no numerators.
    if not counts_persons:
        yield Point(conventions.TERRITORY_LAST_REPORTED, territory, midnight(judged.last_reported))
    if judged.denominator is not None and not counts_persons:
        yield Point(numerator, labels, judged.numerator)
        yield Point(denominator, labels, judged.denominator)
    if judged.value is not None:
        yield Point(value, labels, float(judged.value))
        yield Point(conventions.TERRITORY_VALUE, territory, float(judged.value))
