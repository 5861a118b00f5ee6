"""When alerts about the monitor itself and its producers fire and when they do not."""

from __future__ import annotations

from collections.abc import Sequence
from math import nextafter

import pytest

from catalogue import metrics
from catalogue.metrics import Metric
from dashboards.conventions import (
    ASSESSOR_JOB,
    GATEWAY_JOB,
    PAGE_JOB,
    WORKER_JOB,
)
from tests.support.rule_scenarios import (
    ABSENT,
    DAY,
    PARTITIONS,
    TODAY,
    FiringAlert,
    RuleScenario,
    Span,
    growing,
)

WORKER = "worker:6066"
OTHER = "other:6066"
FOREVER = 200


def reporting(scenario: RuleScenario) -> None:
    scenario.expose(
        metrics.INDICATOR_LAST_REPORTED,
        (TODAY - DAY, FOREVER),
        programme="formation",
        indicator="trainees_completed",
        department="93",
        partition="0",
        job=WORKER_JOB,
        instance=WORKER,
    )


@pytest.fixture(autouse=True)
def reported(scenario: RuleScenario) -> None:
    """Keep the figures' own alerts out of these scenarios."""
    reporting(scenario)


def test_a_healthy_monitor_is_silent(scenario: RuleScenario) -> None:
    scenario.healthy()
    for minute in (0, 1, 10, 100, 199):
        scenario.expect_firing(minute)
    watchdog = 'ALERTS{alertstate="firing", alertname="Watchdog"}'
    scenario.expect_samples(0, f"count({watchdog})")
    scenario.expect_samples(1, f"count({watchdog})", {})
    scenario.expect_samples(199, f"count({watchdog})", {})


def test_the_watchdog_fires_also_where_nothing_else_works(scenario: RuleScenario) -> None:
    """Its absence must mean one thing only: alerts do not arrive."""
    scenario.expect_samples(5, 'count(ALERTS{alertstate="firing", alertname="Watchdog"})', {})


# Workers


def test_a_monitor_of_which_nothing_is_exposed_fires(scenario: RuleScenario) -> None:
    nothing = [FiringAlert.of("PartitionsMissing"), FiringAlert.of("AssessorNotReady")]
    scenario.expect_firing(4)
    scenario.expect_firing(5, *nothing)
    scenario.expect_firing(10, *nothing, FiringAlert.of("WorkerNotReady"))


@pytest.mark.parametrize(
    ("job", "ready", "alert"),
    [
        (GATEWAY_JOB, metrics.GATEWAY_READY, "GatewayNotReady"),
        (PAGE_JOB, metrics.PAGE_READY, "PageNotReady"),
    ],
)
def test_a_gateway_or_page_that_is_not_ready_fires_after_five_minutes(
    scenario: RuleScenario, job: str, ready: Metric, alert: str
) -> None:
    """It says so itself, or cannot be asked; a restart within five minutes is no alarm."""
    scenario.healthy()
    where = {"job": job, "instance": "one"}
    scenario.expose("up", (1, 20), (0, 2), (1, 38), (0, 20), (1, FOREVER), **where)
    starting: list[Span] = [(1, 20), (ABSENT, 2), (0, 2), (1, 36), (ABSENT, 20)]
    scenario.expose(ready, *starting, (1, 100), (0, 10), (1, FOREVER), **where)
    missing = FiringAlert.of(alert, instance="one")
    scenario.expect_firing(24)
    scenario.expect_firing(64)
    scenario.expect_firing(65, missing)
    scenario.expect_firing(84, missing)
    scenario.expect_firing(85)
    scenario.expect_firing(184)
    scenario.expect_firing(185, missing)
    scenario.expect_firing(194, missing)


@pytest.mark.parametrize(
    ("job", "alert"), [(GATEWAY_JOB, "GatewayNotReady"), (PAGE_JOB, "PageNotReady")]
)
def test_a_job_whose_last_target_is_gone_fires_after_five_minutes(
    scenario: RuleScenario, job: str, alert: str
) -> None:
    """A deployment without pods has no target that could be down; another address is one."""
    scenario.healthy()
    scenario.expose("up", (1, 20), (ABSENT, FOREVER), job=job, instance="first")
    scenario.expose("up", (ABSENT, 24), (1, 20), (ABSENT, FOREVER), job=job, instance="second")
    gone = FiringAlert.of(alert)
    scenario.expect_firing(48)
    scenario.expect_firing(49, gone)
    scenario.expect_firing(190, gone)


def test_deleted_events_fire_for_a_day(scenario: RuleScenario) -> None:
    """From the deletion on; a partition that began late before anybody looked does not fire."""
    scenario.healthy()
    where = {"topic": "smartregion.schools", "job": WORKER_JOB, "instance": WORKER}
    scenario.expose(metrics.LOG_START, (0, 60), (17, FOREVER), partition="3", **where)
    scenario.expose(metrics.LOG_START, (5, FOREVER), partition="4", **where)
    deleted = FiringAlert.of("RecordsDeleted", topic="smartregion.schools")
    scenario.expect_firing(59)
    scenario.expect_firing(62, deleted)
    scenario.expect_firing(190, deleted)


def test_a_restart_hides_nothing_that_lasts(scenario: RuleScenario) -> None:
    scenario.worker(WORKER, (1, 60), (0, 2), (1, 100))
    scenario.assessor((1, FOREVER))
    where = {"job": WORKER_JOB, "instance": WORKER}
    topic = {"topic": "smartregion.schools", "partition": "3"}
    scenario.expose(metrics.LOG_START, (0, 9), (17, 51), (ABSENT, 2), (17, 100), **topic, **where)
    count(scenario, 0, (9, 60), (ABSENT, 2), (9, 100))
    assess(scenario, (0.8, FOREVER))
    lasting = [
        FiringAlert.of("RecordsDeleted", topic="smartregion.schools"),
        DIVERGED,
    ]
    for minute in (59, 60, 61, 62, 70):
        scenario.expect_firing(minute, *lasting)


def test_missing_partitions_fire_after_five_minutes(scenario: RuleScenario) -> None:
    away: list[Span] = [(1, 60), (ABSENT, 10), (1, 100)]
    owned: dict[int, list[Span]] = {one: [(1, FOREVER)] for one in range(PARTITIONS - 1)}
    scenario.worker(WORKER, (1, FOREVER), owned=owned | {PARTITIONS - 1: away})
    scenario.assessor((1, FOREVER))
    scenario.expect_firing(64)
    scenario.expect_firing(65, FiringAlert.of("PartitionsMissing"))
    scenario.expect_firing(74, FiringAlert.of("PartitionsMissing"))
    scenario.expect_firing(75)


def test_a_rebalance_does_not_fire(scenario: RuleScenario) -> None:
    kept: dict[int, list[Span]] = {0: [(1, FOREVER)], 1: [(1, FOREVER)]}
    given: dict[int, list[Span]] = {
        2: [(1, 62), (ABSENT, 100)],
        3: [(1, 60), (ABSENT, 100)],
    }
    taken: dict[int, list[Span]] = {2: [(ABSENT, 60), (1, 100)], 3: [(ABSENT, 64), (1, 100)]}
    scenario.worker(WORKER, (1, FOREVER), owned=kept | given)
    scenario.worker(
        OTHER, (ABSENT, 55), (1, 145), owned=taken, ready=[(ABSENT, 55), (0, 9), (1, 100)]
    )
    scenario.assessor((1, FOREVER))
    for minute in range(54, 80, 2):
        scenario.expect_firing(minute)


def test_a_worker_that_restarts_does_not_fire(scenario: RuleScenario) -> None:
    owned: dict[int, list[Span]] = {
        one: [(1, 60), (ABSENT, 4), (1, 100)] for one in range(PARTITIONS)
    }
    scenario.worker(
        WORKER,
        (1, 60),
        (0, 2),
        (1, 100),
        owned=owned,
        ready=[(1, 60), (ABSENT, 2), (0, 2), (1, 100)],
    )
    scenario.assessor((1, FOREVER))
    for minute in range(58, 80, 2):
        scenario.expect_firing(minute)


def test_a_worker_that_does_not_become_ready_fires(scenario: RuleScenario) -> None:
    scenario.worker(WORKER, (1, FOREVER))
    scenario.worker(OTHER, (1, FOREVER), owned={}, ready=[(0, 60), (1, 100)])
    scenario.assessor((1, FOREVER))
    not_ready = FiringAlert.of("WorkerNotReady", instance=OTHER)
    scenario.expect_firing(9)
    scenario.expect_firing(10, not_ready)
    scenario.expect_firing(60, not_ready)
    scenario.expect_firing(65)


def test_a_worker_that_ends_again_and_again_fires(scenario: RuleScenario) -> None:
    scenario.worker(WORKER, (1, FOREVER))
    circle: list[Span] = [(0, 2), (1, 3)] * 20
    starting: list[Span] = [(ABSENT, 2), (0, 3)] * 20
    scenario.worker(OTHER, *circle, owned={}, ready=starting)
    scenario.assessor((1, FOREVER))
    scenario.expect_firing(9)
    scenario.expect_firing(10, FiringAlert.of("WorkerNotReady", instance=OTHER))
    scenario.expect_firing(50, FiringAlert.of("WorkerNotReady", instance=OTHER))


@pytest.mark.parametrize("fault", ["events_lost", "records_deleted", "settings_changed"])
def test_a_topic_that_lost_something_fires_after_a_minute(
    scenario: RuleScenario, fault: str
) -> None:
    scenario.healthy()
    for partition in "01":
        scenario.expose(
            metrics.TOPIC_FAULT,
            (ABSENT, 20),
            (1, 10),
            (ABSENT, 100),
            topic="smartregion.schools",
            partition=partition,
            fault=fault,
            job=WORKER_JOB,
            instance=WORKER,
        )
    lost = FiringAlert.of("TopicFaulty", topic="smartregion.schools", fault=fault)
    scenario.expect_firing(20)
    scenario.expect_firing(21, lost)
    scenario.expect_firing(29, lost)
    scenario.expect_firing(50)


def test_all_workers_dead_for_a_day_still_fires(scenario: RuleScenario) -> None:
    scenario.worker(WORKER, (1, 20), (0, 180))
    scenario.assessor((1, FOREVER))
    scenario.expect_firing(24)
    scenario.expect_firing(25, FiringAlert.of("PartitionsMissing"))
    scenario.expect_firing(
        190, FiringAlert.of("PartitionsMissing"), FiringAlert.of("WorkerNotReady", instance=WORKER)
    )


def test_lag_fires_when_it_lasts(scenario: RuleScenario) -> None:
    """A backlog that is worked off within ten minutes is no alarm; one that stays is."""
    scenario.healthy()
    for partition, spans in {
        "0": [(0, 20), (9_000, 9), (0, 31), (6_000, 20), (0, 100)],
        "1": [(0, 20), (9_000, 9), (0, 31), (6_000, 20), (0, 100)],
    }.items():
        scenario.expose(
            metrics.LAG,
            *spans,
            topic="smartregion.schools",
            partition=partition,
            job=WORKER_JOB,
            instance=WORKER,
        )
    behind = FiringAlert.of("ConsumerLag", topic="smartregion.schools")
    scenario.expect_firing(28)
    scenario.expect_firing(29)
    scenario.expect_firing(69)
    scenario.expect_firing(70, behind)
    scenario.expect_firing(84, behind)
    scenario.expect_firing(85)


def test_lag_shown_by_two_workers_counts_once(scenario: RuleScenario) -> None:
    scenario.healthy()
    for instance in (WORKER, OTHER):
        scenario.expose(
            metrics.LAG,
            (6_000, 60),
            topic="smartregion.schools",
            partition="0",
            job=WORKER_JOB,
            instance=instance,
        )
    scenario.expect_firing(59)


# Dead letters


def refuse(scenario: RuleScenario, *spans: Span, instance: str = WORKER) -> None:
    scenario.expose(
        metrics.DEAD_LETTERS, *spans, reason="invalid_data", job=WORKER_JOB, instance=instance
    )


REFUSED = FiringAlert.of("DeadLetters", reason="invalid_data")


@pytest.mark.parametrize(
    ("spans", "last", "ended"),
    [
        pytest.param([(4, 60), (5, 100)], 73, 76, id="one more"),
        # Its counter has no series before: nothing grows, something begins.
        pytest.param([(ABSENT, 60), (500, 100)], 73, 76, id="the first of a worker"),
        # The counter of the same address had a higher value before, and begins again at 0.
        pytest.param([(40, 20), (ABSENT, 2), (0, 38), (1, 100)], 73, 76, id="after a restart"),
        pytest.param([(ABSENT, 60), (500, 3), (ABSENT, 100)], 70, 80, id="of a dying worker"),
    ],
)
def test_a_dead_letter_fires_and_ends_after_a_quarter_of_an_hour(
    scenario: RuleScenario, spans: list[Span], last: int, ended: int
) -> None:
    scenario.healthy()
    refuse(scenario, *spans)
    scenario.expect_firing(60)
    scenario.expect_firing(61, REFUSED)
    scenario.expect_firing(last, REFUSED)
    scenario.expect_firing(ended)


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param([(40, 60), (ABSENT, 4), (0, 100)], id="a restart"),
        pytest.param([(40, 60), (ABSENT, 30), (40, 100)], id="a Prometheus that was away"),
    ],
)
def test_a_counter_that_is_not_there_for_a_while_is_no_dead_letter(
    scenario: RuleScenario, spans: list[Span]
) -> None:
    scenario.healthy()
    refuse(scenario, *spans)
    for minute in (60, 62, 64, 66, 80, 89, 90, 91, 95, 110):
        scenario.expect_firing(minute)


@pytest.mark.parametrize("was_there", [True, False])
def test_a_prometheus_that_was_away_for_long_tells_no_old_dead_letters(
    scenario: RuleScenario, *, was_there: bool
) -> None:
    """Its workers have counted for weeks; those of a new one have just refused what is there."""
    away = 7 * 60
    scenario.worker(WORKER, (ABSENT, 60 + away), (1, 100))
    scenario.assessor((ABSENT, 60 + away), (1, 100))
    refuse(scenario, (ABSENT, 60 + away), (5_000, 100))
    if was_there:
        scenario.expose(
            metrics.PRODUCER_LAST_EVENT,
            (TODAY, 60),
            producer="lycees",
            job=WORKER_JOB,
            instance=WORKER,
        )
    firing = f'count(ALERTS{{alertstate="firing", alertname="{REFUSED.name}"}})'
    for minute in (62, 70):
        scenario.expect_samples(minute + away, firing, *([] if was_there else [{}]))


def test_a_large_share_of_dead_letters_fires_at_once(scenario: RuleScenario) -> None:
    """At the first scrape above the limit, until five minutes after the last; not at the limit."""
    scenario.healthy()
    where = {"family": "schools", "job": WORKER_JOB}
    scenario.expose(
        metrics.DEAD_LETTER_SHARE, (0.2, 60), (0.21, 20), (0, 100), **where, instance=WORKER
    )
    scenario.expose(metrics.DEAD_LETTER_SHARE, (0.05, FOREVER), **where, instance=OTHER)
    high = FiringAlert.of("DeadLetterShareHigh")
    scenario.expect_firing(59)
    scenario.expect_firing(60, high)
    scenario.expect_firing(84, high)
    scenario.expect_firing(86)


def test_a_record_at_which_workers_end_fires(scenario: RuleScenario) -> None:
    scenario.healthy()
    partition = {"topic": "smartregion.schools", "partition": "3"}
    for instance, ends, minute in (("w:1", 2, 20), ("w:2", 3, 60)):
        scenario.expose(
            metrics.ENDS_AT_RECORD,
            (ABSENT, minute),
            (ends, 1),
            (ABSENT, 100),
            **partition,
            job=WORKER_JOB,
            instance=instance,
        )
    for minute in (22, 30, 60):
        scenario.expect_firing(minute)
    scenario.expect_firing(61, FiringAlert.of("PoisonRecord", topic="smartregion.schools"))
    scenario.expect_firing(74, FiringAlert.of("PoisonRecord", topic="smartregion.schools"))
    scenario.expect_firing(77)


# The assessor and its agreement with the workers


def test_an_assessor_that_is_not_ready_fires(scenario: RuleScenario) -> None:
    scenario.worker(WORKER, (1, FOREVER))
    scenario.assessor((1, 20), (ABSENT, 2), (0, 2), (1, 36), (0, 10), (1, 100))
    for minute in (23, 25, 30, 64):
        scenario.expect_firing(minute)
    scenario.expect_firing(65, FiringAlert.of("AssessorNotReady"))
    scenario.expect_firing(74, FiringAlert.of("AssessorNotReady"))
    scenario.expect_firing(75)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"lag": [(0, 20), (20_000, 10), (0, 100)]}, id="far behind"),
        # An upgrade takes minutes; with another catalogue for longer, milestones are not watched.
        pytest.param({"unjudged": [(0, 10), (2, 4), (0, 6), (2, 10), (0, 100)]}, id="not all"),
    ],
)
def test_an_assessor_that_does_not_judge_the_present_fires(
    scenario: RuleScenario, state: dict[str, list[Span]]
) -> None:
    scenario.worker(WORKER, (1, FOREVER))
    scenario.assessor((1, FOREVER), **state)
    scenario.expect_firing(16)
    scenario.expect_firing(24)
    scenario.expect_firing(25, FiringAlert.of("AssessorNotReady"))
    scenario.expect_firing(35)


def test_a_failed_self_check_fires(scenario: RuleScenario) -> None:
    scenario.healthy()
    scenario.expose(metrics.REBUILD_MISMATCHES, (0, 20), (2, 180), job=WORKER_JOB, instance=WORKER)
    diverged = FiringAlert.of("FiguresDiverge", check="rebuild")
    scenario.expect_firing(29)
    scenario.expect_firing(30, diverged)
    scenario.expect_firing(53, diverged)
    scenario.expect_firing(57)


CONNECTED = {
    "programme": "lycees",
    "indicator": "schools_connected_ratio",
    "department": "77",
}


def count(scenario: RuleScenario, partition: int, *spans: Span, instance: str = WORKER) -> None:
    where = {"partition": str(partition), "job": WORKER_JOB, "instance": instance}
    scenario.expose(metrics.INDICATOR_NUMERATOR, *spans, **CONNECTED, **where)
    registered: list[Span] = [
        (ABSENT if value is None else 10, minutes) for value, minutes in spans
    ]
    scenario.expose(metrics.INDICATOR_DENOMINATOR, *registered, **CONNECTED, **where)


def assess(scenario: RuleScenario, *spans: Span, department: str = "77") -> None:
    scenario.expose(
        metrics.INDICATOR_ASSESSED_VALUE,
        *spans,
        **{**CONNECTED, "department": department},
        job=ASSESSOR_JOB,
        instance="assessor:6067",
    )


DIVERGED = FiringAlert.of(
    "FiguresDiverge", check="assessor", indicator="schools_connected_ratio", department="77"
)


def test_figures_that_stay_apart_fire(scenario: RuleScenario) -> None:
    """The worker says 9 of 10, the assessor 8: both have stood still for ten minutes, for ten.

    Five minutes after they agree the alert ends.
    """
    scenario.healthy()
    count(scenario, 0, (8, 60), (9, 40), (8, 100))
    assess(scenario, (0.8, FOREVER))
    scenario.expect_firing(79)
    scenario.expect_firing(80, DIVERGED)
    scenario.expect_firing(104, DIVERGED)
    scenario.expect_firing(105)


def test_the_regions_figures_are_compared_too(scenario: RuleScenario) -> None:
    scenario.healthy()
    count(scenario, 0, (8, FOREVER))
    assess(scenario, (0.9, FOREVER), department="region")
    scenario.expect_firing(
        30,
        FiringAlert.of(
            "FiguresDiverge",
            check="assessor",
            indicator="schools_connected_ratio",
            department="region",
        ),
    )


def test_a_single_one_of_millions_is_a_difference(scenario: RuleScenario) -> None:
    scenario.healthy()
    where = {"partition": "0", "job": WORKER_JOB, "instance": WORKER, **CONNECTED}
    scenario.expose(metrics.INDICATOR_NUMERATOR, (6_999_999, FOREVER), **where)
    scenario.expose(metrics.INDICATOR_DENOMINATOR, (7_000_000, FOREVER), **where)
    assess(scenario, (1, FOREVER))
    scenario.expect_firing(30, DIVERGED)


def test_large_sums_of_the_same_amounts_are_equal(scenario: RuleScenario) -> None:
    """Of billions the nearest two floats are more than a millionth apart; a cent still counts."""
    scenario.healthy()
    euros = {"programme": "formation", "indicator": "grants_committed_euros"}
    amounts = {"77": 9e9 + 0.1, "78": 9e9 + 0.2}
    for department, amount in amounts.items():
        where = {**euros, "department": department, "job": WORKER_JOB, "instance": WORKER}
        scenario.expose(metrics.INDICATOR_VALUE, (amount, FOREVER), partition="0", **where)
    for department, amount in (("77", nextafter(amounts["77"], 0)), ("78", amounts["78"] + 0.01)):
        where = {**euros, "department": department, "job": ASSESSOR_JOB, "instance": "assessor"}
        scenario.expose(metrics.INDICATOR_ASSESSED_VALUE, (amount, FOREVER), **where)
    scenario.expect_firing(
        30,
        FiringAlert.of(
            "FiguresDiverge", check="assessor", indicator=euros["indicator"], department="78"
        ),
    )


def test_figures_that_move_are_not_compared(scenario: RuleScenario) -> None:
    scenario.healthy()
    count(scenario, 0, growing(0, 0.1, 100))
    assess(scenario, (0, 1), growing(0, 0.01, 99))
    for minute in (20, 50, 99):
        scenario.expect_firing(minute)


def test_a_figure_that_is_withheld_is_not_compared(scenario: RuleScenario) -> None:
    owned: dict[int, list[Span]] = {
        one: [(1, 30), (ABSENT, 20), (1, 100)] if one else [(1, FOREVER)]
        for one in range(PARTITIONS)
    }
    scenario.worker(WORKER, (1, FOREVER), owned=owned)
    scenario.assessor((1, FOREVER))
    count(scenario, 0, (8, FOREVER))
    count(scenario, 1, (4, 30), (ABSENT, 20), (4, 100))
    assess(scenario, (0.6, FOREVER))
    for minute in (29, 60, 70):
        scenario.expect_firing(minute)
    scenario.expect_firing(45, FiringAlert.of("PartitionsMissing"))


# Producers

ALLOWED_DAYS = 39
SILENT = FiringAlert.of("ProducerSilent", producer="formation")


def last_event_at(days_ago: float, minutes: int = FOREVER) -> Span:
    return TODAY - days_ago * DAY, minutes


def test_a_silent_producer_fires_until_its_next_event(scenario: RuleScenario) -> None:
    scenario.healthy()
    scenario.producer(
        "formation",
        last_event_at(ALLOWED_DAYS + 1, 60),
        last_event_at(0, 100),
        allowed_days=ALLOWED_DAYS,
        programmes=["formation"],
    )
    scenario.expect_firing(29)
    scenario.expect_firing(30, SILENT)
    scenario.expect_firing(59, SILENT)
    scenario.expect_firing(60)


@pytest.mark.parametrize(
    "last_events",
    [
        pytest.param([last_event_at(ALLOWED_DAYS)], id="as long as it declared"),
        # When it should have begun is not declared; the board shows it.
        pytest.param([], id="since ever"),
    ],
)
def test_a_producer_may_be_silent(scenario: RuleScenario, last_events: list[Span]) -> None:
    scenario.healthy()
    scenario.producer(
        "formation", *last_events, allowed_days=ALLOWED_DAYS, programmes=["formation"]
    )
    scenario.expect_firing(100)


def test_each_producer_is_held_to_its_own_promise(scenario: RuleScenario) -> None:
    scenario.healthy()
    for name, allowed in (("formation", 10), ("yearly", 458), ("irregular", None)):
        scenario.producer(name, last_event_at(300), allowed_days=allowed, programmes=["formation"])
    scenario.expect_firing(100, SILENT)


def test_a_producer_of_two_programmes_is_reported_to_both_owners(scenario: RuleScenario) -> None:
    scenario.healthy()
    both = ["formation", "lycees"]
    scenario.producer("formation", last_event_at(40), allowed_days=ALLOWED_DAYS, programmes=both)
    firing = 'ALERTS{alertstate="firing", alertname="ProducerSilent"}'
    scenario.expect_samples(
        50, f"count by (programme) ({firing})", *({"programme": programme} for programme in both)
    )


def test_a_producer_of_no_programme_is_reported_to_the_operator(scenario: RuleScenario) -> None:
    scenario.healthy()
    scenario.producer("formation", last_event_at(40), allowed_days=ALLOWED_DAYS)
    firing = 'ALERTS{alertstate="firing", alertname="ProducerSilent"}'
    scenario.expect_samples(
        50, f"count by (programme) ({firing})", {"programme": "smart-region-monitor"}
    )


def test_a_restarted_worker_without_events_fires_for_no_producer(scenario: RuleScenario) -> None:
    scenario.healthy()
    for name, days in (("formation", 90), ("prompt", 3)):
        scenario.producer(
            name,
            last_event_at(days, 20),
            (ABSENT, 180),
            allowed_days=ALLOWED_DAYS,
            programmes=["formation"],
        )
    for minute in (30, 60, 100, 199):
        scenario.expect_firing(minute, SILENT)


def test_a_silence_outlasts_a_prometheus_that_was_away(scenario: RuleScenario) -> None:
    """For 26 hours, in which the workers restarted: they know of no event since."""
    minutes = 3 * 26 * 60
    scenario.healthy(minutes)
    scenario.producer(
        "formation",
        last_event_at(ALLOWED_DAYS + 1, 20),
        (ABSENT, minutes - 20),
        allowed_days=ALLOWED_DAYS,
        programmes=["formation"],
        minutes=minutes,
    )
    firing = 'ALERTS{alertstate="firing", alertname="ProducerSilent"}'
    for away in (1, 2):
        scenario.expect_samples(
            away * 26 * 60, f"count by (producer) ({firing})", {"producer": "formation"}
        )

    scenario.every = "26h"


def test_a_silence_does_not_end_while_all_workers_are_down(scenario: RuleScenario) -> None:
    """What they said of the declaration is believed for an hour; other alerts fire for the rest."""
    scenario.healthy()
    scenario.producer(
        "formation",
        last_event_at(40, 60),
        allowed_days=ALLOWED_DAYS,
        programmes=["formation"],
        minutes=60,
    )
    scenario.expect_firing(59, SILENT)
    scenario.expect_firing(110, SILENT)
    scenario.expect_firing(130)


def test_the_worker_with_the_last_event_is_right(scenario: RuleScenario) -> None:
    scenario.healthy()
    for instance, days in ((WORKER, 90), (OTHER, 1)):
        scenario.producer(
            "formation",
            last_event_at(days),
            allowed_days=ALLOWED_DAYS,
            programmes=["formation"],
            instance=instance,
        )
    scenario.expect_firing(100)


def test_who_is_not_declared_may_be_silent(scenario: RuleScenario) -> None:
    scenario.healthy()
    scenario.expose(
        metrics.PRODUCER_LAST_EVENT,
        last_event_at(400),
        producer="unknown",
        job=WORKER_JOB,
        instance=WORKER,
    )
    scenario.expect_firing(100)


FAULTY = FiringAlert.of("ProducerFaulty", producer="formation")


def fed(
    scenario: RuleScenario, *, refused: Sequence[Span], accepted: Span, producer: str = "formation"
) -> None:
    scenario.healthy()
    if producer != "unknown":
        scenario.producer(producer, allowed_days=ALLOWED_DAYS, programmes=["formation"])
    where = {"producer": producer, "job": WORKER_JOB, "instance": WORKER}
    scenario.expose(metrics.PRODUCER_EVENTS, *refused, outcome="refused", **where)
    scenario.expose(metrics.PRODUCER_EVENTS, accepted, outcome="accepted", **where)


def test_a_faulty_producer_fires_until_its_events_are_valid(scenario: RuleScenario) -> None:
    fed(scenario, refused=[growing(0, 1, 31), (30, 169)], accepted=growing(0, 9, FOREVER))
    scenario.expect_firing(15)
    scenario.expect_firing(30, FAULTY)
    scenario.expect_firing(50, FAULTY)
    scenario.expect_firing(100)


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        # One of thirty is reported as dead letters, by reason.
        pytest.param([growing(0, 1, FOREVER)], growing(0, 29, FOREVER), id="a slip among many"),
        # Nine of nine: somebody tries something.
        pytest.param([growing(0, 1, 10), (9, 190)], (0, FOREVER), id="few"),
    ],
)
def test_a_few_refusals_do_not_fire(
    scenario: RuleScenario, refused: list[Span], accepted: Span
) -> None:
    fed(scenario, refused=refused, accepted=accepted)
    scenario.expect_firing(60)
    scenario.expect_firing(190)


def test_refused_records_of_undeclared_producers_are_reported_to_the_operator(
    scenario: RuleScenario,
) -> None:
    fed(scenario, refused=[growing(0, 1, FOREVER)], accepted=(0, FOREVER), producer="unknown")
    firing = 'ALERTS{alertstate="firing", alertname="ProducerFaulty"}'
    scenario.expect_samples(
        100,
        f"count by (programme, producer) ({firing})",
        {"programme": "smart-region-monitor", "producer": "unknown"},
    )
