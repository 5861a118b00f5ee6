"""When alerts about figures fire and when they do not, minute by minute in promtool."""

from __future__ import annotations

import pytest

from catalogue import metrics
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from tests.support.rule_scenarios import ABSENT, DAY, TODAY, FiringAlert, RuleScenario, Span

LYCEES = ("lycees", "schools_connected_ratio", "all_connected")
FIGURE = {
    "programme": "lycees",
    "indicator": "schools_connected_ratio",
    "job": ASSESSOR_JOB,
}
ON_TRACK = MilestoneStatus.ON_TRACK

# The status that each alert fires on.
STATUS = {
    "MilestoneMissed": MilestoneStatus.MISSED,
    "MilestoneAtRisk": MilestoneStatus.AT_RISK,
    "IndicatorUnreported": MilestoneStatus.UNREPORTED,
}
FOR_MINUTES = {
    "MilestoneMissed": 5,
    "MilestoneAtRisk": 5,
    "TargetLost": 5,
    "MilestoneUnexplained": 30,
    "IndicatorUnreported": 30,
}

TRAINEES = {"programme": "formation", "indicator": "trainees_completed"}
ALLOWED_DAYS = 77

GRACE_DAYS = 30
LONG_AGO = TODAY - (GRACE_DAYS + 1) * DAY
"""Since when a milestone is without explanation for a day too long."""

each_alert = pytest.mark.parametrize("alert", FOR_MINUTES)


def firing(alert: str, department: str = "77") -> FiringAlert:
    return FiringAlert.of(alert, indicator=LYCEES[1], department=department)


def judge(
    scenario: RuleScenario,
    alert: str,
    *spans: tuple[bool | None, int],
    department: str = "77",
    instance: str = "assessor:6067",
) -> None:
    """Expose by the assessor what an alert fires on (True), the contrary, or nothing (None)."""
    programme, indicator, milestone = LYCEES
    bad_status = STATUS.get(alert, ON_TRACK)
    other = ON_TRACK
    statuses = [
        (None if bad is None else bad_status if bad else other, minutes) for bad, minutes in spans
    ]
    scenario.judged(programme, indicator, milestone, department, *statuses, instance=instance)
    where = FIGURE | {"department": department, "instance": instance}
    lost: list[Span] = [
        (None if bad is None else int(bad and alert == "TargetLost"), minutes)
        for bad, minutes in spans
    ]
    scenario.expose(metrics.MILESTONE_LOST, *lost, milestone=milestone, **where)
    unexplained: list[Span] = [
        (LONG_AGO if bad and alert == "MilestoneUnexplained" else ABSENT, minutes)
        for bad, minutes in spans
    ]
    scenario.expose(metrics.MILESTONE_UNEXPLAINED, *unexplained, milestone=milestone, **where)
    value: list[Span] = [(None if bad is None else 0.96, minutes) for bad, minutes in spans]
    scenario.expose(metrics.INDICATOR_ASSESSED_VALUE, *value, **where)


def report(scenario: RuleScenario, *spans: Span) -> None:
    scenario.expose(
        metrics.INDICATOR_LAST_REPORTED,
        *spans,
        **TRAINEES,
        department="93",
        partition="0",
        job=WORKER_JOB,
        instance="worker:6066",
    )


def well(scenario: RuleScenario) -> None:
    scenario.healthy()
    report(scenario, (TODAY - DAY, 200))


@each_alert
def test_fires_when_its_for_is_over_and_not_a_minute_before(
    scenario: RuleScenario, alert: str
) -> None:
    well(scenario)
    judge(scenario, alert, (False, 10), (True, 100))
    scenario.expect_firing(10 + FOR_MINUTES[alert] - 1)
    scenario.expect_firing(10 + FOR_MINUTES[alert], firing(alert))


@each_alert
def test_ends_at_once_when_a_correction_arrives(scenario: RuleScenario, alert: str) -> None:
    well(scenario)
    judge(scenario, alert, (True, 60), (False, 60))
    scenario.expect_firing(59, firing(alert))
    scenario.expect_firing(60)
    scenario.expect_firing(100)


@each_alert
def test_a_restarted_assessor_neither_fires_nor_resolves(
    scenario: RuleScenario, alert: str
) -> None:
    scenario.worker("worker:6066", (1, 200))
    scenario.assessor((1, 60), (ABSENT, 2), (0, 2), (1, 100))
    report(scenario, (TODAY - DAY, 200))
    judge(scenario, alert, (True, 60), (None, 4), (True, 100))
    judge(scenario, alert, (False, 60), (None, 4), (False, 100), department="95")
    for minute in (59, 60, 62, 63, 64, 70, 100):
        scenario.expect_firing(minute, firing(alert))


@each_alert
def test_another_assessor_that_takes_over_is_believed_at_once(
    scenario: RuleScenario, alert: str
) -> None:
    well(scenario)
    judge(scenario, alert, (True, 60), (None, 60))
    programme, indicator, milestone = LYCEES
    scenario.judged(
        programme, indicator, milestone, "77", (None, 62), (ON_TRACK, 60), instance="other:6066"
    )
    where = FIGURE | {"milestone": milestone, "department": "77", "instance": "other:6066"}
    scenario.expose(metrics.MILESTONE_LOST, (ABSENT, 62), (0, 60), **where)
    scenario.expect_firing(61, firing(alert))
    scenario.expect_firing(62)
    scenario.expect_firing(90)


@each_alert
def test_a_silent_assessor_is_the_alert_that_takes_over(scenario: RuleScenario, alert: str) -> None:
    """After an hour its last word is no longer used; AssessorNotReady fired long before."""
    scenario.worker("worker:6066", (1, 200))
    scenario.assessor((1, 60), (ABSENT, 70))
    report(scenario, (TODAY - DAY, 200))
    judge(scenario, alert, (True, 60), (None, 70))
    scenario.expect_firing(65, firing(alert), FiringAlert.of("AssessorNotReady"))
    scenario.expect_firing(118, firing(alert), FiringAlert.of("AssessorNotReady"))
    scenario.expect_firing(120, FiringAlert.of("AssessorNotReady"))


@each_alert
def test_a_dead_worker_fires_for_itself_alone(scenario: RuleScenario, alert: str) -> None:
    scenario.worker("worker:6066", (1, 60), (0, 200))
    scenario.assessor((1, 200))
    report(scenario, (TODAY - DAY, 60), (ABSENT, 140))
    judge(scenario, alert, (True, 200))
    scenario.expect_firing(64, firing(alert))
    scenario.expect_firing(65, firing(alert), FiringAlert.of("PartitionsMissing"))
    dead = FiringAlert.of("WorkerNotReady", instance="worker:6066")
    scenario.expect_firing(70, firing(alert), FiringAlert.of("PartitionsMissing"), dead)


def test_each_territory_fires_for_itself(scenario: RuleScenario) -> None:
    well(scenario)
    judge(scenario, "MilestoneMissed", (True, 60), department="region")
    judge(scenario, "MilestoneMissed", (True, 60), department="77")
    judge(scenario, "MilestoneMissed", (False, 60), department="75")
    scenario.expect_firing(10, firing("MilestoneMissed", "region"), firing("MilestoneMissed", "77"))


def test_a_status_that_flickers_does_not_fire(scenario: RuleScenario) -> None:
    """A correction that overtakes what it corrects makes a milestone missed for a moment."""
    well(scenario)
    judge(scenario, "MilestoneMissed", *[(False, 4), (True, 4)] * 10)
    for minute in range(0, 80, 3):
        scenario.expect_firing(minute)


# What is missed or at risk has to be explained.


def slip(scenario: RuleScenario, status: MilestoneStatus, *unexplained: Span) -> None:
    programme, indicator, milestone = LYCEES
    scenario.judged(programme, indicator, milestone, "77", (status, 300))
    where = FIGURE | {"department": "77", "instance": "assessor:6067"}
    scenario.expose(metrics.INDICATOR_ASSESSED_VALUE, (0.96, 300), **where)
    scenario.expose(metrics.MILESTONE_UNEXPLAINED, *unexplained, milestone=milestone, **where)


each_slipping = pytest.mark.parametrize("alert", ["MilestoneMissed", "MilestoneAtRisk"])


@each_slipping
def test_a_milestone_without_explanation_fires_after_its_grace(
    scenario: RuleScenario, alert: str
) -> None:
    well(scenario)
    slip(scenario, STATUS[alert], (TODAY - GRACE_DAYS * DAY, 60), (LONG_AGO, 140))
    scenario.expect_firing(59, firing(alert))
    scenario.expect_firing(89, firing(alert))
    scenario.expect_firing(90, firing(alert), firing("MilestoneUnexplained"))


@each_slipping
def test_an_explanation_ends_it_and_its_retraction_does_not(
    scenario: RuleScenario, alert: str
) -> None:
    """The milestone stays missed or at risk. What is retracted was never said."""
    well(scenario)
    slip(scenario, STATUS[alert], (LONG_AGO, 60), (ABSENT, 30), (LONG_AGO, 110))
    scenario.expect_firing(59, firing(alert), firing("MilestoneUnexplained"))
    scenario.expect_firing(60, firing(alert))
    scenario.expect_firing(119, firing(alert))
    scenario.expect_firing(120, firing(alert), firing("MilestoneUnexplained"))


def test_days_are_counted_only_while_there_is_a_day(scenario: RuleScenario) -> None:
    """Where no process says which day it is, nothing is recorded: 0 would be wrong."""
    scenario.assessor((1, 60))
    slip(scenario, MilestoneStatus.MISSED, (LONG_AGO, 60))
    scenario.expect_samples(30, conventions.MILESTONE_UNEXPLAINED.name)


# Indicators without a target: their last report is compared with the monitor's day.

UNREPORTED = FiringAlert.of(
    "IndicatorUnreported", indicator="trainees_completed", department="region"
)


def test_an_indicator_without_target_fires_a_day_after_its_allowed_delay(
    scenario: RuleScenario,
) -> None:
    scenario.healthy()
    reported = TODAY - ALLOWED_DAYS * DAY
    report(scenario, (reported, 60), (reported - DAY, 100))
    scenario.expect_firing(59)
    scenario.expect_firing(89)
    scenario.expect_firing(90, UNREPORTED)


def test_one_that_was_never_reported_fires_too(scenario: RuleScenario) -> None:
    scenario.healthy()
    scenario.expect_firing(29)
    scenario.expect_firing(30, UNREPORTED)


def test_absent_partitions_are_not_absent_reports(scenario: RuleScenario) -> None:
    kept: dict[int, list[Span]] = {partition: [(1, 200)] for partition in (1, 2, 3)}
    scenario.worker("other:6066", (1, 200), owned=kept)
    gone: list[Span] = [(1, 20), (ABSENT, 70), (1, 110)]
    scenario.worker("worker:6066", (1, 20), (0, 70), (1, 110), owned={0: gone})
    scenario.assessor((1, 200))
    report(scenario, (TODAY - DAY, 20), (ABSENT, 70), (TODAY - DAY, 110))
    dead = FiringAlert.of("WorkerNotReady", instance="worker:6066")
    scenario.expect_firing(60, FiringAlert.of("PartitionsMissing"), dead)
    scenario.expect_firing(89, FiringAlert.of("PartitionsMissing"), dead)
    scenario.expect_firing(96)
    scenario.expect_firing(130)
