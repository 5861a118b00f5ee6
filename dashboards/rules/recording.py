"""The recording rules: from the workers' shares to the figures of the region and its départements.

A figure is a sum over partitions. During a rebalance two workers may expose the same partition, so
that the larger share is taken (`max by (partition)`); while any partition is exposed by none, no
total is recorded: a partial sum would be a wrong figure, and a missing one is only late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from catalogue import metrics
from catalogue.metrics import REGION, Metric
from catalogue.model import Catalogue
from dashboards import conventions
from dashboards.promql import (
    FIGURE,
    INDICATOR,
    Expression,
    indented,
    latest,
    none_of,
    of_region,
    one_of,
    over,
    select,
    total,
)
from dashboards.rules.model import Recording, RuleGroup

#: Of every partition some worker exposes the figures.
COMPLETE = f"{conventions.PARTITIONS_OWNED} == {conventions.PARTITIONS_EXPECTED}"

_IF_COMPLETE = f"and on () ({COMPLETE})"
_DEPARTMENTS = f"!={REGION}"

#: A worker counts only the events since it started: what was recorded before is carried on.
_CARRIED_ON = (
    (metrics.LAST_EVENT, conventions.SOURCE_LAST_EVENT, conventions.SOURCE_LAST_EVENT_HOURLY),
    (
        metrics.PRODUCER_LAST_EVENT,
        conventions.PRODUCER_LAST_EVENT,
        conventions.PRODUCER_LAST_EVENT_HOURLY,
    ),
)
_HOUR = 3600


def figures_group(catalogue: Catalogue) -> RuleGroup:
    """Return the rules that add up the figures, each after those it is made of."""
    observed = [one.id for one in catalogue.indicators if not one.measure.additive]
    rules = [
        *_monitor(),
        *_sums(observed),
        *_values(catalogue),
        *_reports(observed),
        *_categories(),
        *_lasting(),
    ]
    return RuleGroup("smart-region-figures", rules)


def memory_group() -> RuleGroup:
    """Return what is recorded once an hour, so that a month of it is few samples to read.

    Prometheus may be away for longer than what is read of a series that it records all the time.
    """
    rules = [_recording(hourly, str(series)) for _, series, hourly in _CARRIED_ON]
    return RuleGroup("smart-region-memory", rules, interval=_HOUR)


def _recording(series: Metric, expression: str) -> Recording:
    return Recording(series.name, expression)


def _monitor() -> Iterator[Recording]:
    """Yield what holds for all workers together."""
    yield _recording(conventions.AS_OF, latest(metrics.AS_OF))
    yield _recording(conventions.PARTITIONS_EXPECTED, latest(metrics.PARTITIONS_EXPECTED))
    # Counted over the values of `partition`: exposed by two workers, it is one partition.
    owned = latest(metrics.PARTITION_OWNED, "partition")
    yield _recording(conventions.PARTITIONS_OWNED, f"count({owned})")


def _sums(observed: Sequence[str]) -> Iterator[Recording]:
    for metric, department, region, own in (
        (metrics.INDICATOR_VALUE, conventions.DEPARTMENT_SUM, conventions.REGION_SUM, observed),
        (
            metrics.INDICATOR_NUMERATOR,
            conventions.DEPARTMENT_NUMERATOR,
            conventions.REGION_NUMERATOR,
            (),
        ),
        (
            metrics.INDICATOR_DENOMINATOR,
            conventions.DEPARTMENT_DENOMINATOR,
            conventions.REGION_DENOMINATOR,
            (),
        ),
    ):
        yield _recording(department, _over_partitions(metric, department.labels))
        yield _recording(region, _of_the_region(total, department, own))


def _values(catalogue: Catalogue) -> Iterator[Recording]:
    """Yield ratios, blank over 0, and values: an indicator has either a sum or a ratio."""
    for numerator, denominator, ratio in (
        (
            conventions.DEPARTMENT_NUMERATOR,
            conventions.DEPARTMENT_DENOMINATOR,
            conventions.DEPARTMENT_RATIO,
        ),
        (conventions.REGION_NUMERATOR, conventions.REGION_DENOMINATOR, conventions.REGION_RATIO),
    ):
        yield _recording(ratio, f"{numerator}\n/\n({denominator} > 0)")
    # The assessor alone exposes counts of persons, as far as they may be published.
    persons = [one.id for one in catalogue.indicators if one.publication is not None]
    for summed, ratio, value, territories in (
        (
            conventions.DEPARTMENT_SUM,
            conventions.DEPARTMENT_RATIO,
            conventions.DEPARTMENT_VALUE,
            _DEPARTMENTS,
        ),
        (conventions.REGION_SUM, conventions.REGION_RATIO, conventions.REGION_VALUE, REGION),
    ):
        parts = [summed.name, ratio.name]
        if persons:
            labels = {"indicator": one_of(persons), "department": territories}
            assessed = select(metrics.INDICATOR_ASSESSED_VALUE, **labels)
            parts.append(latest(assessed, *value.labels))
        yield _recording(value, "\nor\n".join(parts))
    yield _recording(
        conventions.TERRITORY_VALUE,
        _region_beside_departments(
            conventions.REGION_VALUE, select(conventions.DEPARTMENT_VALUE, department=_DEPARTMENTS)
        ),
    )


def _of_the_region(together: Callable[..., str], metric: Metric, observed: Sequence[str]) -> str:
    """Return all territories of an indicator together; of an observed one the region alone."""
    if not observed:
        return together(metric, *INDICATOR)
    counted = select(metric, indicator=none_of(observed))
    own = select(metric, indicator=one_of(observed), department=REGION)
    return f"{together(counted, *INDICATOR)}\nor\n{together(own, *INDICATOR)}"


def _reports(observed: Sequence[str]) -> Iterator[Recording]:
    reported = metrics.INDICATOR_LAST_REPORTED
    newest = _region_beside_departments(
        _of_the_region(latest, reported, observed),
        latest(select(reported, department=_DEPARTMENTS), *FIGURE),
    )
    # Of a part of the partitions it might be too early a day.
    yield _recording(conventions.TERRITORY_LAST_REPORTED, f"({indented(newest)})\n{_IF_COMPLETE}")


def _categories() -> Iterator[Recording]:
    department, region = conventions.DEPARTMENT_CATEGORY, conventions.REGION_CATEGORY
    yield _recording(department, _over_partitions(metrics.INDICATOR_CATEGORY, department.labels))
    yield _recording(region, total(department, *region.labels))


def _lasting() -> Iterator[Recording]:
    lag = conventions.TOPIC_LAG
    yield _recording(lag, total(latest(metrics.LAG, *metrics.LAG.labels), *lag.labels))
    for metric, series, hourly in _CARRIED_ON:
        before = over("last_over_time", series, "1d"), over("last_over_time", hourly, "30d")
        known = "\nor\n".join((str(metric), *before))
        yield _recording(series, latest(indented(known), *series.labels))


def _over_partitions(metric: Metric, labels: tuple[str, ...]) -> str:
    """Return the sum of the partitions' shares, each once, and only where all of them are there."""
    each = latest(metric, *labels, "partition")
    return f"{total(indented(each), *labels)}\n{_IF_COMPLETE}"


def _region_beside_departments(region: Expression, departments: str) -> str:
    """Return the whole region's series among the départements', with `region` as département."""
    return f"{of_region(region)}\nor\n{departments}"
