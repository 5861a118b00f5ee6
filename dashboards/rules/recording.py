"""The recording rules: from the workers' shares to the figures of the region and its départements.

A figure is a sum over partitions. During a rebalance two workers may show the same partition, so
that the larger share is taken (`max by (partition)`); while any partition is shown by none, no
total is recorded: a partial sum would be a wrong figure, and a missing one is only late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalogue import metrics
from catalogue.metrics import Metric
from catalogue.model import Catalogue, Indicator
from dashboards import conventions
from dashboards.rules.model import Recording, RuleGroup, in_brackets

__all__ = ["COMPLETE", "figures_group"]

#: Of every partition some worker shows the figures.
COMPLETE = f"{conventions.PARTITIONS_OWNED} == {conventions.PARTITIONS_EXPECTED}"

_WHERE = "programme, indicator, department"


def figures_group(catalogue: Catalogue) -> RuleGroup:
    """Give the rules that add up the figures, each after those it is made of."""
    observed = _matching(one for one in catalogue.indicators if not one.measure.additive)
    rules = [
        *_monitor(),
        *_sums(observed),
        *_values(catalogue),
        *_reports(observed),
        *_categories(),
        *_lasting(),
    ]
    return RuleGroup("smart-region-figures", rules)


def _monitor() -> Iterator[Recording]:
    """What holds for all workers together."""
    yield Recording(conventions.AS_OF.name, f"max({metrics.AS_OF})")
    yield Recording(conventions.PARTITIONS_EXPECTED.name, f"max({metrics.PARTITIONS_EXPECTED})")
    # Counted over the values of `partition`: shown by two workers, it is one partition.
    yield Recording(
        conventions.PARTITIONS_OWNED.name, f"count(max by (partition) ({metrics.PARTITION_OWNED}))"
    )


def _sums(observed: str) -> Iterator[Recording]:
    for metric, department, region in (
        (metrics.INDICATOR_VALUE, conventions.DEPARTMENT_SUM, conventions.REGION_SUM),
        (
            metrics.INDICATOR_NUMERATOR,
            conventions.DEPARTMENT_NUMERATOR,
            conventions.REGION_NUMERATOR,
        ),
        (
            metrics.INDICATOR_DENOMINATOR,
            conventions.DEPARTMENT_DENOMINATOR,
            conventions.REGION_DENOMINATOR,
        ),
    ):
        yield Recording(department.name, _over_partitions(metric, _WHERE))
        own = observed if metric is metrics.INDICATOR_VALUE else ""
        yield Recording(region.name, _of_the_region("sum", department.name, own))


def _values(catalogue: Catalogue) -> Iterator[Recording]:
    """Ratios are blank over 0; an indicator has either a sum or a ratio."""
    for numerator, denominator, ratio in (
        (
            conventions.DEPARTMENT_NUMERATOR,
            conventions.DEPARTMENT_DENOMINATOR,
            conventions.DEPARTMENT_RATIO,
        ),
        (conventions.REGION_NUMERATOR, conventions.REGION_DENOMINATOR, conventions.REGION_RATIO),
    ):
        yield Recording(ratio.name, f"{numerator.name}\n/\n({denominator.name} > 0)")
    hidden = _hidden(catalogue)
    for total, ratio, value, labels, territories in (
        (
            conventions.DEPARTMENT_SUM,
            conventions.DEPARTMENT_RATIO,
            conventions.DEPARTMENT_VALUE,
            _WHERE,
            f'department!="{metrics.REGION}"',
        ),
        (
            conventions.REGION_SUM,
            conventions.REGION_RATIO,
            conventions.REGION_VALUE,
            "programme, indicator",
            f'department="{metrics.REGION}"',
        ),
    ):
        parts = [total.name, ratio.name]
        if hidden:
            assessed = metrics.INDICATOR_ASSESSED_VALUE.name
            parts.append(f'max by ({labels}) ({assessed}{{indicator=~"{hidden}", {territories}}})')
        yield Recording(value.name, "\nor\n".join(parts))
    departments = f'{conventions.DEPARTMENT_VALUE}{{department!="{metrics.REGION}"}}'
    yield Recording(
        conventions.TERRITORY_VALUE.name,
        _region_beside_departments(conventions.REGION_VALUE.name, departments),
    )


def _hidden(catalogue: Catalogue) -> str:
    """Match the counts of persons: of them only the assessor tells, and what may be shown."""
    return _matching(one for one in catalogue.indicators if one.publication is not None)


def _matching(indicators: Iterable[Indicator]) -> str:
    return "|".join(one.id for one in indicators)


def _of_the_region(operation: str, departments: str, observed: str) -> str:
    """Take all territories of an indicator together; of an observed one the region's own alone."""
    together = f"{operation} by (programme, indicator)"
    if not observed:
        return f"{together} ({departments})"
    counted = f'{departments}{{indicator!~"{observed}"}}'
    own = f'{departments}{{indicator=~"{observed}", department="{metrics.REGION}"}}'
    return f"{together} ({counted})\nor\n{together} ({own})"


def _reports(observed: str) -> Iterator[Recording]:
    reported = metrics.INDICATOR_LAST_REPORTED.name
    latest = _region_beside_departments(
        _of_the_region("max", reported, observed),
        f'max by ({_WHERE}) ({reported}{{department!="{metrics.REGION}"}})',
    )
    # Of a part of the partitions it might be too early a day.
    yield Recording(conventions.TERRITORY_LAST_REPORTED.name, f"{in_brackets(latest)}\n{_GATE}")


def _categories() -> Iterator[Recording]:
    metric = metrics.INDICATOR_CATEGORY
    place = "programme, indicator, dimension, category"
    yield Recording(
        conventions.DEPARTMENT_CATEGORY.name, _over_partitions(metric, f"{place}, department")
    )
    yield Recording(
        conventions.REGION_CATEGORY.name, f"sum by ({place}) ({conventions.DEPARTMENT_CATEGORY})"
    )


def _lasting() -> Iterator[Recording]:
    yield Recording(
        conventions.TOPIC_LAG.name, f"sum by (topic) (max by (topic, partition) ({metrics.LAG}))"
    )
    # A worker knows only the events since it started: what was recorded before is carried on.
    for metric, name in (
        (metrics.LAST_EVENT, conventions.SOURCE_LAST_EVENT),
        (metrics.PRODUCER_LAST_EVENT, conventions.PRODUCER_LAST_EVENT),
    ):
        carried = f"last_over_time({name}[1d])"
        latest = f"max by ({', '.join(metric.labels)})"
        yield Recording(name.name, f"{latest} (\n  {metric.name}\n  or\n  {carried}\n)")


_GATE = f"and on () ({COMPLETE})"


def _over_partitions(metric: Metric, labels: str) -> str:
    """Add up the partitions' shares, each once, and only where all of them are there."""
    each = f"max by ({labels}, partition) ({metric.name})"
    return f"sum by ({labels}) (\n  {each}\n)\n{_GATE}"


def _region_beside_departments(region: str, departments: str) -> str:
    """Put the whole region's series among the départements', with `region` as its département."""
    return f'label_replace({region}, "department", "{metrics.REGION}", "", "")\nor\n{departments}'
