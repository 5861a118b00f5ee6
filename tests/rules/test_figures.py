"""What is recorded of the workers' shares: sums, ratios, and nothing where a part is missing."""

from __future__ import annotations

from catalogue import metrics
from catalogue.metrics import Metric
from dashboards import conventions
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from tests.support.rule_scenarios import ABSENT, DAY, PARTITIONS, TODAY, RuleScenario, Span

CONNECTED = {"programme": "lycees", "indicator": "schools_connected_ratio"}
GRANTS = {"programme": "formation", "indicator": "grants_committed_euros"}
WORKER, OTHER = "worker:6066", "other:6066"
LONG = 60


def share(
    scenario: RuleScenario,
    metric: Metric,
    labels: dict[str, str],
    department: str,
    partition: int,
    *spans: Span,
    instance: str = WORKER,
) -> None:
    scenario.expose(
        metric,
        *spans,
        **labels,
        department=department,
        partition=str(partition),
        job=WORKER_JOB,
        instance=instance,
    )


def connected(
    scenario: RuleScenario,
    department: str,
    partition: int,
    of: int,
    over: int,
    *,
    instance: str = WORKER,
) -> None:
    for metric, amount in (
        (metrics.INDICATOR_NUMERATOR, of),
        (metrics.INDICATOR_DENOMINATOR, over),
    ):
        share(scenario, metric, CONNECTED, department, partition, (amount, LONG), instance=instance)


def test_a_ratio_is_a_sum_over_a_sum(scenario: RuleScenario) -> None:
    """Not a mean of ratios: 3 of 4 and 1 of 12 are 4 of 16."""
    scenario.healthy()
    connected(scenario, "77", 0, 3, 4)
    connected(scenario, "77", 1, 1, 12)
    named = {"__name__": conventions.DEPARTMENT_VALUE.name, **CONNECTED, "department": "77"}
    scenario.expect_samples(5, conventions.DEPARTMENT_VALUE.name, named, value=0.25)


def test_the_region_is_all_its_departments(scenario: RuleScenario) -> None:
    scenario.healthy()
    connected(scenario, "77", 0, 3, 4)
    connected(scenario, "95", 1, 0, 4)
    connected(scenario, metrics.REGION, 2, 3, 4)
    total = {"__name__": conventions.REGION_VALUE.name, **CONNECTED}
    scenario.expect_samples(5, conventions.REGION_VALUE.name, total, value=0.5)
    scenario.expect_samples(
        5,
        f'{conventions.TERRITORY_VALUE}{{department="region"}}',
        {"__name__": conventions.TERRITORY_VALUE.name, **CONNECTED, "department": "region"},
        value=0.5,
    )


def test_nothing_over_nothing_is_blank(scenario: RuleScenario) -> None:
    """A département without lycées has no ratio; a NaN would spoil every board."""
    scenario.healthy()
    connected(scenario, "75", 0, 0, 0)
    scenario.expect_samples(5, conventions.DEPARTMENT_VALUE.name)
    scenario.expect_samples(5, conventions.REGION_VALUE.name)


def test_an_amount_is_a_sum(scenario: RuleScenario) -> None:
    scenario.healthy()
    share(scenario, metrics.INDICATOR_VALUE, GRANTS, metrics.REGION, 0, (1_000_000, LONG))
    share(scenario, metrics.INDICATOR_VALUE, GRANTS, metrics.REGION, 3, (500_000.5, LONG))
    total = {"__name__": conventions.REGION_VALUE.name, **GRANTS}
    scenario.expect_samples(5, conventions.REGION_VALUE.name, total, value=1_500_000.5)


def test_a_partition_shown_by_two_workers_counts_once(scenario: RuleScenario) -> None:
    """During a rebalance the old owner is scraped before, the new one after."""
    scenario.healthy()
    all_of_it: dict[int, list[Span]] = {1: [(1, LONG)]}
    scenario.worker(OTHER, (1, LONG), owned=all_of_it)
    connected(scenario, "77", 0, 3, 4)
    connected(scenario, "77", 1, 1, 12)
    connected(scenario, "77", 1, 1, 12, instance=OTHER)
    named = {"__name__": conventions.DEPARTMENT_NUMERATOR.name, **CONNECTED, "department": "77"}
    scenario.expect_samples(5, conventions.DEPARTMENT_NUMERATOR.name, named, value=4)


def test_totals_are_withheld_while_a_partition_is_missing(scenario: RuleScenario) -> None:
    """In minutes 10 to 19 nobody shows partition 3: not even the others' sum is recorded."""
    away: list[Span] = [(1, 10), (ABSENT, 10), (1, LONG)]
    owned: dict[int, list[Span]] = {one: [(1, LONG)] for one in range(PARTITIONS - 1)}
    scenario.worker(WORKER, (1, LONG), owned=owned | {PARTITIONS - 1: away})
    connected(scenario, "77", 0, 3, 4)
    share(scenario, metrics.INDICATOR_VALUE, GRANTS, metrics.REGION, 0, (1_000_000, LONG))
    share(scenario, metrics.INDICATOR_LAST_REPORTED, CONNECTED, "77", 0, (TODAY - DAY, LONG))
    category = CONNECTED | {"dimension": "kind", "category": "vocational"}
    share(scenario, metrics.INDICATOR_CATEGORY, category, "77", 0, (2, LONG))
    series = (
        conventions.DEPARTMENT_NUMERATOR.name,
        "department:smartregion_indicator_value:ratio",
        conventions.DEPARTMENT_VALUE.name,
        conventions.REGION_DENOMINATOR.name,
        "region:smartregion_indicator_value:sum",
        conventions.REGION_VALUE.name,
        conventions.TERRITORY_VALUE,
        conventions.TERRITORY_LAST_REPORTED,
        conventions.REGION_CATEGORY,
        conventions.DEPARTMENT_CATEGORY,
    )
    for name in series:
        scenario.expect_samples(9, f"count({name}) > bool 0", {})
        for minute in (10, 14, 19):
            scenario.expect_samples(minute, f"count({name})")
        scenario.expect_samples(20, f"count({name}) > bool 0", {})


def test_counts_of_persons_come_from_the_assessor(scenario: RuleScenario) -> None:
    """The workers show nothing of them; what is hidden in a département is shown of the region."""
    scenario.healthy()
    dropped_out = {"programme": "formation", "indicator": "trainees_dropped_out"}
    scenario.expose(
        metrics.INDICATOR_ASSESSED_VALUE,
        (240, LONG),
        **dropped_out,
        department="region",
        job=ASSESSOR_JOB,
        instance="assessor:6067",
    )
    scenario.expect_samples(
        5,
        conventions.REGION_VALUE.name,
        {"__name__": conventions.REGION_VALUE.name, **dropped_out},
        value=240,
    )
    scenario.expect_samples(5, conventions.DEPARTMENT_VALUE.name)


def test_others_do_not(scenario: RuleScenario) -> None:
    scenario.assessor((1, LONG))
    scenario.expose(
        metrics.INDICATOR_ASSESSED_VALUE,
        (0.5, LONG),
        **CONNECTED,
        department="region",
        job=ASSESSOR_JOB,
        instance="assessor:6067",
    )
    scenario.expect_samples(5, conventions.REGION_VALUE.name)


def test_the_monitors_day_is_the_latest_that_is_exposed(scenario: RuleScenario) -> None:
    for instance, day in ((WORKER, TODAY), (OTHER, TODAY + DAY)):
        scenario.expose(metrics.AS_OF, (day, LONG), job=WORKER_JOB, instance=instance)
    scenario.expect_samples(
        5, conventions.AS_OF.name, {"__name__": conventions.AS_OF.name}, value=TODAY + DAY
    )
