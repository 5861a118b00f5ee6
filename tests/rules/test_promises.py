"""When alerts about figures ring and when they do not, told minute by minute to promtool."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogue import metrics
from catalogue.progress import MilestoneStatus
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from tests.support.stories import ABSENT, DAY, TODAY, Ring, Span, Story

LYCEES = ("lycees", "schools_connected_ratio", "all_connected")
ON_TRACK = MilestoneStatus.ON_TRACK

# The status that each alert rings on.
STATUS = {
    "MilestoneMissed": MilestoneStatus.MISSED,
    "MilestoneAtRisk": MilestoneStatus.AT_RISK,
    "IndicatorUnreported": MilestoneStatus.UNREPORTED,
}
PATIENCE = {"MilestoneMissed": 5, "MilestoneAtRisk": 5, "TargetLost": 5, "IndicatorUnreported": 30}

TRAINEES = {"programme": "formation", "indicator": "trainees_completed"}
PATIENT_DAYS = 77

each_alert = pytest.mark.parametrize("alert", PATIENCE)


def ring(alert: str, department: str = "77") -> Ring:
    """Give the alert on the lycées' connection in a territory."""
    return Ring.of(alert, indicator=LYCEES[1], department=department)


def judge(
    story: Story,
    alert: str,
    *spans: tuple[bool | None, int],
    department: str = "77",
    instance: str = "assessor:6067",
) -> None:
    """Let the assessor say what an alert rings on (True), the contrary, or nothing (None)."""
    programme, indicator, milestone = LYCEES
    said = STATUS.get(alert, ON_TRACK)
    other = ON_TRACK
    statuses = [
        (None if bad is None else said if bad else other, minutes) for bad, minutes in spans
    ]
    story.judged(programme, indicator, milestone, department, *statuses, instance=instance)
    where = {
        "programme": programme,
        "indicator": indicator,
        "department": department,
        "job": ASSESSOR_JOB,
        "instance": instance,
    }
    lost: list[Span] = [
        (None if bad is None else int(bad and alert == "TargetLost"), minutes)
        for bad, minutes in spans
    ]
    story.expose(metrics.MILESTONE_LOST, *lost, milestone=milestone, **where)
    value: list[Span] = [(None if bad is None else 0.96, minutes) for bad, minutes in spans]
    story.expose(metrics.INDICATOR_ASSESSED_VALUE, *value, **where)


def report(story: Story, *spans: Span) -> None:
    """Let a worker tell, from partition 0, when a département last reported."""
    story.expose(
        metrics.INDICATOR_LAST_REPORTED,
        *spans,
        **TRAINEES,
        department="93",
        partition="0",
        job=WORKER_JOB,
        instance="worker:6066",
    )


@each_alert
def test_rings_when_its_patience_is_over_and_not_a_minute_before(
    story: Story, rules: Path, alert: str
) -> None:
    """It is bad from minute 10 on."""
    story.healthy()
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (False, 10), (True, 100))
    story.rings(10 + PATIENCE[alert] - 1)
    story.rings(10 + PATIENCE[alert], ring(alert))

    story.check(rules)


@each_alert
def test_ends_at_once_when_a_correction_arrives(story: Story, rules: Path, alert: str) -> None:
    """The assessor says the contrary from minute 60 on: nothing is kept beyond its word."""
    story.healthy()
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (True, 60), (False, 60))
    story.rings(59, ring(alert))
    story.rings(60)
    story.rings(100)

    story.check(rules)


@each_alert
def test_a_restarted_assessor_neither_rings_nor_resolves(
    story: Story, rules: Path, alert: str
) -> None:
    """It says nothing for four minutes, then the same as before."""
    story.worker("worker:6066", (1, 200))
    story.assessor((1, 60), (ABSENT, 2), (0, 2), (1, 100))
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (True, 60), (None, 4), (True, 100))
    judge(story, alert, (False, 60), (None, 4), (False, 100), department="95")
    for minute in (59, 60, 62, 63, 64, 70, 100):
        story.rings(minute, ring(alert))

    story.check(rules)


@each_alert
def test_another_assessor_that_takes_over_is_believed_at_once(
    story: Story, rules: Path, alert: str
) -> None:
    """What one at another address said before does not count against its word."""
    story.healthy()
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (True, 60), (None, 60))
    programme, indicator, milestone = LYCEES
    story.judged(
        programme, indicator, milestone, "77", (None, 62), (ON_TRACK, 60), instance="other:6066"
    )
    story.expose(
        metrics.MILESTONE_LOST,
        (ABSENT, 62),
        (0, 60),
        programme=programme,
        indicator=indicator,
        milestone=milestone,
        department="77",
        job=ASSESSOR_JOB,
        instance="other:6066",
    )
    story.rings(61, ring(alert))
    story.rings(62)
    story.rings(90)

    story.check(rules)


@each_alert
def test_a_silent_assessor_is_the_alert_that_takes_over(
    story: Story, rules: Path, alert: str
) -> None:
    """After an hour its last word is no longer believed; AssessorNotReady rang long before."""
    story.worker("worker:6066", (1, 200))
    story.assessor((1, 60), (ABSENT, 70))
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (True, 60), (None, 70))
    story.rings(65, ring(alert), Ring.of("AssessorNotReady"))
    story.rings(118, ring(alert), Ring.of("AssessorNotReady"))
    story.rings(120, Ring.of("AssessorNotReady"))

    story.check(rules)


@each_alert
def test_a_rebalance_of_the_workers_changes_nothing(story: Story, rules: Path, alert: str) -> None:
    """First two workers show a partition, then none does, for three minutes."""
    first: dict[int, list[Span]] = {partition: [(1, 200)] for partition in (0, 1, 2)}
    first[3] = [(1, 62), (ABSENT, 100)]
    story.worker("worker:6066", (1, 200), owned=first)
    second: dict[int, list[Span]] = {2: [(ABSENT, 60), (1, 2), (ABSENT, 100)]}
    second[3] = [(ABSENT, 65), (1, 100)]
    story.worker("other:6066", (ABSENT, 55), (1, 145), owned=second)
    story.assessor((1, 200))
    report(story, (TODAY - DAY, 200))
    judge(story, alert, (True, 200))
    judge(story, alert, (False, 200), department="95")
    for minute in (59, 60, 61, 62, 64, 65, 66, 80):
        story.rings(minute, ring(alert))

    story.check(rules)


@each_alert
def test_a_dead_worker_rings_for_itself_alone(story: Story, rules: Path, alert: str) -> None:
    """The milestones are judged from the state on the broker, which outlives it."""
    story.worker("worker:6066", (1, 60), (0, 200))
    story.assessor((1, 200))
    report(story, (TODAY - DAY, 60), (ABSENT, 140))
    judge(story, alert, (True, 200))
    story.rings(64, ring(alert))
    story.rings(65, ring(alert), Ring.of("PartitionsMissing"))
    dead = Ring.of("WorkerNotReady", instance="worker:6066")
    story.rings(70, ring(alert), Ring.of("PartitionsMissing"), dead)

    story.check(rules)


def test_each_territory_rings_for_itself(story: Story, rules: Path) -> None:
    """One département misses the milestone, the region and the others do not."""
    story.healthy()
    report(story, (TODAY - DAY, 200))
    judge(story, "MilestoneMissed", (True, 60), department="region")
    judge(story, "MilestoneMissed", (True, 60), department="77")
    judge(story, "MilestoneMissed", (False, 60), department="75")
    story.rings(10, ring("MilestoneMissed", "region"), ring("MilestoneMissed", "77"))

    story.check(rules)


def test_a_status_that_flickers_does_not_ring(story: Story, rules: Path) -> None:
    """A correction that overtakes what it corrects makes a milestone missed for a moment."""
    story.healthy()
    report(story, (TODAY - DAY, 200))
    judge(story, "MilestoneMissed", *[(False, 4), (True, 4)] * 10)
    for minute in range(0, 80, 3):
        story.rings(minute)

    story.check(rules)


# Indicators without a target: their last report is compared with the monitor's day.

NEVER_HEARD = Ring.of("IndicatorUnreported", indicator="trainees_completed", department="region")


def test_an_indicator_without_target_rings_a_day_after_its_patience(
    story: Story, rules: Path
) -> None:
    """77 days are allowed: that old it does not ring, 78 it does."""
    story.healthy()
    reported = TODAY - PATIENT_DAYS * DAY
    report(story, (reported, 60), (reported - DAY, 100))
    story.rings(59)
    story.rings(89)
    story.rings(90, NEVER_HEARD)

    story.check(rules)


def test_one_that_was_never_reported_rings_too(story: Story, rules: Path) -> None:
    """With every partition shown, no report at all is known to be none."""
    story.healthy()
    story.rings(29)
    story.rings(30, NEVER_HEARD)

    story.check(rules)


def test_a_report_ends_it(story: Story, rules: Path) -> None:
    """The producer sends what was missing."""
    story.healthy()
    report(story, (TODAY - 90 * DAY, 60), (TODAY - DAY, 100))
    story.rings(59, NEVER_HEARD)
    story.rings(60)

    story.check(rules)


def test_absent_partitions_are_not_absent_reports(story: Story, rules: Path) -> None:
    """The worker that knew the last report is gone for more than an hour."""
    kept: dict[int, list[Span]] = {partition: [(1, 200)] for partition in (1, 2, 3)}
    story.worker("other:6066", (1, 200), owned=kept)
    gone: list[Span] = [(1, 20), (ABSENT, 70), (1, 110)]
    story.worker("worker:6066", (1, 20), (0, 70), (1, 110), owned={0: gone})
    story.assessor((1, 200))
    report(story, (TODAY - DAY, 20), (ABSENT, 70), (TODAY - DAY, 110))
    dead = Ring.of("WorkerNotReady", instance="worker:6066")
    story.rings(60, Ring.of("PartitionsMissing"), dead)
    story.rings(89, Ring.of("PartitionsMissing"), dead)
    story.rings(96)
    story.rings(130)

    story.check(rules)


def test_a_worker_that_starts_does_not_ring_before_it_shows_figures(
    story: Story, rules: Path
) -> None:
    """Until every partition is shown nothing is known to be missing."""
    starting: list[Span] = [(ABSENT, 4), (1, 196)]
    story.worker(
        "worker:6066", (1, 200), owned=dict.fromkeys(range(4), starting), ready=[(0, 4), (1, 196)]
    )
    story.assessor((0, 4), (1, 196))
    report(story, (ABSENT, 4), (TODAY - DAY, 196))
    for minute in (1, 4, 30, 40):
        story.rings(minute)

    story.check(rules)
