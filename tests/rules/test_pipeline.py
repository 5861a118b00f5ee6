"""When alerts about the monitor itself and its producers ring and when they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from catalogue import metrics
from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, WORKER_JOB
from tests.support.stories import ABSENT, DAY, PARTITIONS, TODAY, Ring, Span, Story, growing

WORKER = "worker:6066"
OTHER = "other:6066"
GATEWAY = "gateway:6070"
FOREVER = 200


def reporting(story: Story) -> None:
    """Let the one indicator that is expected each month be reported."""
    story.expose(
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
def reported(story: Story) -> None:
    """Keep the figures' own alerts out of these stories."""
    reporting(story)


def test_a_healthy_monitor_is_silent(story: Story, rules: Path) -> None:
    """But for the watchdog, which rings from the first minutes on."""
    story.healthy()
    for minute in (0, 1, 10, 100, 199):
        story.rings(minute)
    watchdog = 'ALERTS{alertstate="firing", alertname="Watchdog"}'
    story.gives(0, f"count({watchdog})")
    story.gives(1, f"count({watchdog})", {})
    story.gives(199, f"count({watchdog})", {})

    story.check(rules)


def test_the_watchdog_rings_also_where_nothing_else_works(story: Story, rules: Path) -> None:
    """Its absence must mean one thing only: alerts do not arrive."""
    story.gives(5, 'count(ALERTS{alertstate="firing", alertname="Watchdog"})', {})

    story.check(rules)


# Workers


def test_a_monitor_of_which_nothing_is_exposed_rings(story: Story, rules: Path) -> None:
    """No series, no target: what is missing is told all the same."""
    nothing = [Ring.of("PartitionsMissing"), Ring.of("AssessorNotReady")]
    story.rings(4)
    story.rings(5, *nothing)
    story.rings(10, *nothing, Ring.of("WorkerNotReady"))

    story.check(rules)


def test_a_gateway_that_takes_nothing_rings_after_five_minutes(story: Story, rules: Path) -> None:
    """It says so itself, or cannot be asked; a restart within five minutes is no alarm."""
    story.healthy()
    where = {"job": GATEWAY_JOB, "instance": GATEWAY}
    story.expose("up", (1, 20), (0, 4), (1, 36), (0, 20), (1, FOREVER), **where)
    away: list[Span] = [(1, 100), (0, 10), (1, FOREVER)]
    story.expose(metrics.GATEWAY_READY, (1, 20), (ABSENT, 4), (1, 36), (ABSENT, 20), *away, **where)
    closed = Ring.of("GatewayNotReady", instance=GATEWAY)
    story.rings(24)
    story.rings(64)
    story.rings(65, closed)
    story.rings(84, closed)
    story.rings(85)
    story.rings(184)
    story.rings(185, closed)

    story.check(rules)


def test_a_monitor_without_a_gateway_does_not_miss_it(story: Story, rules: Path) -> None:
    """Producers may all be on Kafka."""
    story.healthy()
    story.rings(199)

    story.check(rules)


def test_deleted_events_ring_for_a_day(story: Story, rules: Path) -> None:
    """From the deletion on; a partition that began late before anybody looked does not ring."""
    story.healthy()
    where = {"topic": "smartregion.schools", "job": WORKER_JOB, "instance": WORKER}
    story.expose(metrics.LOG_START, (0, 60), (17, FOREVER), partition="3", **where)
    story.expose(metrics.LOG_START, (5, FOREVER), partition="4", **where)
    deleted = Ring.of("RecordsDeleted", topic="smartregion.schools")
    story.rings(59)
    story.rings(62, deleted)
    story.rings(190, deleted)

    story.check(rules)


def test_missing_partitions_ring_after_five_minutes(story: Story, rules: Path) -> None:
    """A partition is gone from minute 60 to 70; five minutes on, the alert ends."""
    away: list[Span] = [(1, 60), (ABSENT, 10), (1, 100)]
    owned: dict[int, list[Span]] = {one: [(1, FOREVER)] for one in range(PARTITIONS - 1)}
    story.worker(WORKER, (1, FOREVER), owned=owned | {PARTITIONS - 1: away})
    story.assessor((1, FOREVER))
    story.rings(64)
    story.rings(65, Ring.of("PartitionsMissing"))
    story.rings(74, Ring.of("PartitionsMissing"))
    story.rings(75)

    story.check(rules)


def test_a_rebalance_does_not_ring(story: Story, rules: Path) -> None:
    """Partitions go from one worker to the other: shown by both, then by none for four minutes."""
    kept: dict[int, list[Span]] = {0: [(1, FOREVER)], 1: [(1, FOREVER)]}
    given: dict[int, list[Span]] = {
        2: [(1, 62), (ABSENT, 100)],
        3: [(1, 60), (ABSENT, 100)],
    }
    taken: dict[int, list[Span]] = {2: [(ABSENT, 60), (1, 100)], 3: [(ABSENT, 64), (1, 100)]}
    story.worker(WORKER, (1, FOREVER), owned=kept | given)
    story.worker(OTHER, (ABSENT, 55), (1, 145), owned=taken, ready=[(ABSENT, 55), (0, 9), (1, 100)])
    story.assessor((1, FOREVER))
    for minute in range(54, 80, 2):
        story.rings(minute)

    story.check(rules)


def test_a_worker_that_restarts_does_not_ring(story: Story, rules: Path) -> None:
    """Down for two minutes, then restoring for two."""
    owned: dict[int, list[Span]] = {
        one: [(1, 60), (ABSENT, 4), (1, 100)] for one in range(PARTITIONS)
    }
    story.worker(
        WORKER,
        (1, 60),
        (0, 2),
        (1, 100),
        owned=owned,
        ready=[(1, 60), (ABSENT, 2), (0, 2), (1, 100)],
    )
    story.assessor((1, FOREVER))
    for minute in range(58, 80, 2):
        story.rings(minute)

    story.check(rules)


def test_a_worker_that_does_not_become_ready_rings(story: Story, rules: Path) -> None:
    """The other has all partitions: the figures are not in doubt."""
    story.worker(WORKER, (1, FOREVER))
    story.worker(OTHER, (1, FOREVER), owned={}, ready=[(0, 60), (1, 100)])
    story.assessor((1, FOREVER))
    not_ready = Ring.of("WorkerNotReady", instance=OTHER)
    story.rings(9)
    story.rings(10, not_ready)
    story.rings(60, not_ready)
    story.rings(65)

    story.check(rules)


def test_a_worker_that_ends_again_and_again_rings(story: Story, rules: Path) -> None:
    """Down, starting, down: it is never ready in between."""
    story.worker(WORKER, (1, FOREVER))
    circle: list[Span] = [(0, 2), (1, 3)] * 20
    starting: list[Span] = [(ABSENT, 2), (0, 3)] * 20
    story.worker(OTHER, *circle, owned={}, ready=starting)
    story.assessor((1, FOREVER))
    story.rings(9)
    story.rings(10, Ring.of("WorkerNotReady", instance=OTHER))
    story.rings(50, Ring.of("WorkerNotReady", instance=OTHER))

    story.check(rules)


def test_a_topic_that_lost_something_rings_after_a_minute(story: Story, rules: Path) -> None:
    """Once for a topic, however many partitions and workers see it; until it is mended."""
    story.healthy()
    for partition in "01":
        story.expose(
            metrics.TOPIC_FAULT,
            (ABSENT, 20),
            (1, 10),
            (ABSENT, 100),
            topic="monitor-schools-changelog",
            partition=partition,
            fault="changelog_lost",
            job=WORKER_JOB,
            instance=WORKER,
        )
    lost = Ring.of("TopicFaulty", topic="monitor-schools-changelog", fault="changelog_lost")
    story.rings(20)
    story.rings(21, lost)
    story.rings(29, lost)
    story.rings(50)

    story.check(rules)


def test_all_workers_dead_for_a_day_still_rings(story: Story, rules: Path) -> None:
    """How many partitions there were is remembered."""
    story.worker(WORKER, (1, 20), (0, 180))
    story.assessor((1, FOREVER))
    story.rings(24)
    story.rings(25, Ring.of("PartitionsMissing"))
    story.rings(190, Ring.of("PartitionsMissing"), Ring.of("WorkerNotReady", instance=WORKER))

    story.check(rules)


def test_lag_rings_when_it_lasts(story: Story, rules: Path) -> None:
    """A backlog that is worked off within ten minutes is no alarm; one that stays is."""
    story.healthy()
    for partition, spans in {
        "0": [(0, 20), (9_000, 9), (0, 31), (6_000, 20), (0, 100)],
        "1": [(0, 20), (9_000, 9), (0, 31), (6_000, 20), (0, 100)],
    }.items():
        story.expose(
            metrics.LAG,
            *spans,
            topic="smartregion.schools",
            partition=partition,
            job=WORKER_JOB,
            instance=WORKER,
        )
    behind = Ring.of("ConsumerLag", topic="smartregion.schools")
    story.rings(28)
    story.rings(29)
    story.rings(69)
    story.rings(70, behind)
    story.rings(84, behind)
    story.rings(85)

    story.check(rules)


def test_lag_shown_by_two_workers_counts_once(story: Story, rules: Path) -> None:
    """During a rebalance both tell the same 6 000 records of a partition."""
    story.healthy()
    for instance in (WORKER, OTHER):
        story.expose(
            metrics.LAG,
            (6_000, 60),
            topic="smartregion.schools",
            partition="0",
            job=WORKER_JOB,
            instance=instance,
        )
    story.rings(59)

    story.check(rules)


# Dead letters


def refuse(story: Story, *spans: Span, instance: str = WORKER) -> None:
    """Let a worker count records that it refused."""
    story.expose(
        metrics.DEAD_LETTERS, *spans, reason="invalid_data", job=WORKER_JOB, instance=instance
    )


REFUSED = Ring.of("DeadLetters", reason="invalid_data")


def test_a_dead_letter_rings_and_ends_after_a_quarter_of_an_hour(story: Story, rules: Path) -> None:
    """One refusal in minute 60, by a worker that had counted some before."""
    story.healthy()
    refuse(story, (4, 60), (5, 100))
    story.rings(60)
    story.rings(61, REFUSED)
    story.rings(73, REFUSED)
    story.rings(76)

    story.check(rules)


def test_the_first_dead_letter_of_a_worker_rings(story: Story, rules: Path) -> None:
    """Its counter has no series before: nothing grows, something begins."""
    story.healthy()
    refuse(story, (ABSENT, 60), (500, 100))
    story.rings(60)
    story.rings(61, REFUSED)
    story.rings(73, REFUSED)
    story.rings(76)

    story.check(rules)


def test_a_worker_that_dies_of_what_it_refused_is_not_forgotten(story: Story, rules: Path) -> None:
    """Its counter is gone with it; what it counted was refused all the same."""
    story.healthy()
    refuse(story, (ABSENT, 60), (500, 3), (ABSENT, 100))
    story.rings(61, REFUSED)
    story.rings(70, REFUSED)
    story.rings(80)

    story.check(rules)


def test_a_restart_is_no_dead_letter(story: Story, rules: Path) -> None:
    """The counter goes from 40 to nothing, and begins again at 0."""
    story.healthy()
    refuse(story, (40, 60), (ABSENT, 4), (0, 100))
    for minute in (60, 62, 64, 66, 80):
        story.rings(minute)

    story.check(rules)


def test_a_counter_that_was_not_read_for_a_while_is_no_dead_letter(
    story: Story, rules: Path
) -> None:
    """Prometheus was away for half an hour; the worker still counts the same."""
    story.healthy()
    refuse(story, (40, 60), (ABSENT, 30), (40, 100))
    for minute in (60, 89, 90, 91, 95, 110):
        story.rings(minute)

    story.check(rules)


def test_a_large_share_of_dead_letters_rings_at_once(story: Story, rules: Path) -> None:
    """At the first scrape above the limit, until five minutes after the last; not at the limit."""
    story.healthy()
    where = {"family": "schools", "job": WORKER_JOB}
    story.expose(
        metrics.DEAD_LETTER_SHARE, (0.2, 60), (0.21, 20), (0, 100), **where, instance=WORKER
    )
    story.expose(metrics.DEAD_LETTER_SHARE, (0.05, FOREVER), **where, instance=OTHER)
    high = Ring.of("DeadLetterShareHigh")
    story.rings(59)
    story.rings(60, high)
    story.rings(84, high)
    story.rings(86)

    story.check(rules)


def test_a_record_at_which_workers_end_rings(story: Story, rules: Path) -> None:
    """Seen by a single scrape; two ends are none of anybody's business."""
    story.healthy()
    poison = {"topic": "smartregion.schools", "partition": "3"}
    for instance, ends, minute in (("w:1", 2, 20), ("w:2", 3, 60)):
        story.expose(
            metrics.ENDS_AT_RECORD,
            (ABSENT, minute),
            (ends, 1),
            (ABSENT, 100),
            **poison,
            job=WORKER_JOB,
            instance=instance,
        )
    for minute in (22, 30, 60):
        story.rings(minute)
    story.rings(61, Ring.of("PoisonRecord", topic="smartregion.schools"))
    story.rings(74, Ring.of("PoisonRecord", topic="smartregion.schools"))
    story.rings(77)

    story.check(rules)


def test_an_entity_that_is_half_full_rings(story: Story, rules: Path) -> None:
    """As long as there is one."""
    story.healthy()
    story.expose(
        metrics.ENTITIES_HALF_FULL,
        (0, 20),
        (1, 40),
        (0, 100),
        family="datasets",
        job=WORKER_JOB,
        instance=WORKER,
    )
    story.rings(34)
    story.rings(36, Ring.of("EntityHalfFull"))
    story.rings(62)

    story.check(rules)


# The assessor and its agreement with the workers


def test_an_assessor_that_is_not_ready_rings(story: Story, rules: Path) -> None:
    """A restart of four minutes is none of anybody's business; one of ten minutes is."""
    story.worker(WORKER, (1, FOREVER))
    story.assessor((1, 20), (ABSENT, 2), (0, 2), (1, 36), (0, 10), (1, 100))
    for minute in (23, 25, 30, 64):
        story.rings(minute)
    story.rings(65, Ring.of("AssessorNotReady"))
    story.rings(74, Ring.of("AssessorNotReady"))
    story.rings(75)

    story.check(rules)


def test_an_assessor_far_behind_rings(story: Story, rules: Path) -> None:
    """It judges, but an older state."""
    story.worker(WORKER, (1, FOREVER))
    story.assessor((1, FOREVER), lag=[(0, 20), (20_000, 10), (0, 100)])
    story.rings(24)
    story.rings(25, Ring.of("AssessorNotReady"))
    story.rings(35)

    story.check(rules)


def test_a_failed_self_check_rings(story: Story, rules: Path) -> None:
    """Two series differed in minute 20; the alert ends when that is half an hour ago."""
    story.healthy()
    story.expose(metrics.REBUILD_MISMATCHES, (0, 20), (2, 180), job=WORKER_JOB, instance=WORKER)
    diverged = Ring.of("FiguresDiverge", check="rebuild")
    story.rings(29)
    story.rings(30, diverged)
    story.rings(48, diverged)
    story.rings(52)

    story.check(rules)


CONNECTED = {
    "programme": "lycees",
    "indicator": "schools_connected_ratio",
    "department": "77",
}


def count(story: Story, partition: int, *spans: Span, instance: str = WORKER) -> None:
    """Let a worker count connected lycées, of ten in a partition."""
    where = {"partition": str(partition), "job": WORKER_JOB, "instance": instance}
    story.expose(metrics.INDICATOR_NUMERATOR, *spans, **CONNECTED, **where)
    registered: list[Span] = [
        (ABSENT if value is None else 10, minutes) for value, minutes in spans
    ]
    story.expose(metrics.INDICATOR_DENOMINATOR, *registered, **CONNECTED, **where)


def assess(story: Story, *spans: Span, department: str = "77") -> None:
    """Let the assessor tell the same figure."""
    story.expose(
        metrics.INDICATOR_ASSESSED_VALUE,
        *spans,
        **{**CONNECTED, "department": department},
        job=ASSESSOR_JOB,
        instance="assessor:6067",
    )


DIVERGED = Ring.of(
    "FiguresDiverge", check="assessor", indicator="schools_connected_ratio", department="77"
)


def test_figures_that_stay_apart_ring(story: Story, rules: Path) -> None:
    """The worker says 9 of 10, the assessor 8: both have stood still for ten minutes, for ten."""
    story.healthy()
    count(story, 0, (8, 60), (9, 40), (8, 100))
    assess(story, (0.8, FOREVER))
    story.rings(79)
    story.rings(80, DIVERGED)
    story.rings(99, DIVERGED)
    story.rings(100)

    story.check(rules)


def test_the_regions_figures_are_compared_too(story: Story, rules: Path) -> None:
    """Its total is wrong where a département's is not told."""
    story.healthy()
    count(story, 0, (8, FOREVER))
    assess(story, (0.9, FOREVER), department="region")
    story.rings(
        30,
        Ring.of(
            "FiguresDiverge",
            check="assessor",
            indicator="schools_connected_ratio",
            department="region",
        ),
    )

    story.check(rules)


def test_figures_that_move_are_not_compared(story: Story, rules: Path) -> None:
    """The assessor follows a minute behind the workers all the time."""
    story.healthy()
    count(story, 0, growing(0, 0.1, 100))
    assess(story, (0, 1), growing(0, 0.01, 99))
    for minute in (20, 50, 99):
        story.rings(minute)

    story.check(rules)


def test_a_figure_that_is_withheld_is_not_compared(story: Story, rules: Path) -> None:
    """With a partition missing there is no total; a sum of the others would differ."""
    owned: dict[int, list[Span]] = {
        one: [(1, 30), (ABSENT, 20), (1, 100)] if one else [(1, FOREVER)]
        for one in range(PARTITIONS)
    }
    story.worker(WORKER, (1, FOREVER), owned=owned)
    story.assessor((1, FOREVER))
    count(story, 0, (8, FOREVER))
    count(story, 1, (4, 30), (ABSENT, 20), (4, 100))
    assess(story, (0.6, FOREVER))
    for minute in (29, 60, 70):
        story.rings(minute)
    story.rings(45, Ring.of("PartitionsMissing"))

    story.check(rules)


# Producers

ALLOWED_DAYS = 39
SILENT = Ring.of("ProducerSilent", producer="formation")


def heard(days_ago: float, minutes: int = FOREVER) -> Span:
    """Say for how long a worker tells that a producer recorded its last event so long ago."""
    return TODAY - days_ago * DAY, minutes


def test_a_silent_producer_rings_and_is_heard_again(story: Story, rules: Path) -> None:
    """40 days without an event are one too many; then it sends one."""
    story.healthy()
    story.producer(
        "formation",
        heard(ALLOWED_DAYS + 1, 60),
        heard(0, 100),
        allowed_days=ALLOWED_DAYS,
        programmes=["formation"],
    )
    story.rings(29)
    story.rings(30, SILENT)
    story.rings(59, SILENT)
    story.rings(60)

    story.check(rules)


def test_a_producer_may_be_silent_as_long_as_it_declared(story: Story, rules: Path) -> None:
    """39 days are allowed."""
    story.healthy()
    story.producer(
        "formation", heard(ALLOWED_DAYS), allowed_days=ALLOWED_DAYS, programmes=["formation"]
    )
    story.rings(100)

    story.check(rules)


def test_each_producer_is_held_to_its_own_promise(story: Story, rules: Path) -> None:
    """Of three as silent as each other, who promised to send each week is late."""
    story.healthy()
    for name, allowed in (("formation", 10), ("yearly", 458), ("irregular", None)):
        story.producer(name, heard(300), allowed_days=allowed, programmes=["formation"])
    story.rings(100, SILENT)

    story.check(rules)


def test_a_producer_of_two_programmes_is_told_to_both_owners(story: Story, rules: Path) -> None:
    """Their figures age alike."""
    story.healthy()
    both = ["formation", "lycees"]
    story.producer("formation", heard(40), allowed_days=ALLOWED_DAYS, programmes=both)
    firing = 'ALERTS{alertstate="firing", alertname="ProducerSilent"}'
    story.gives(
        50, f"count by (programme) ({firing})", *({"programme": programme} for programme in both)
    )

    story.check(rules)


def test_a_producer_of_no_programme_is_told_to_the_operator(story: Story, rules: Path) -> None:
    """It was declared, so somebody waits for it."""
    story.healthy()
    story.producer("formation", heard(40), allowed_days=ALLOWED_DAYS)
    firing = 'ALERTS{alertstate="firing", alertname="ProducerSilent"}'
    story.gives(50, f"count by (programme) ({firing})", {"programme": "smart-region-monitor"})

    story.check(rules)


def test_a_restarted_worker_has_heard_nobody_and_accuses_nobody(story: Story, rules: Path) -> None:
    """What was heard before its restart is carried on, for the silent and the others alike."""
    story.healthy()
    for name, days in (("formation", 90), ("prompt", 3)):
        story.producer(
            name,
            heard(days, 20),
            (ABSENT, 180),
            allowed_days=ALLOWED_DAYS,
            programmes=["formation"],
        )
    for minute in (30, 60, 100, 199):
        story.rings(minute, SILENT)

    story.check(rules)


def test_a_silence_does_not_end_while_all_workers_are_away(story: Story, rules: Path) -> None:
    """What they said of the declaration is believed for an hour; other alerts tell the rest."""
    story.healthy()
    story.producer(
        "formation",
        heard(40, 60),
        allowed_days=ALLOWED_DAYS,
        programmes=["formation"],
        minutes=60,
    )
    story.rings(59, SILENT)
    story.rings(110, SILENT)
    story.rings(130)

    story.check(rules)


def test_the_worker_that_heard_it_last_is_right(story: Story, rules: Path) -> None:
    """A producer's events are spread over partitions, and so over workers."""
    story.healthy()
    for instance, days in ((WORKER, 90), (OTHER, 1)):
        story.producer(
            "formation",
            heard(days),
            allowed_days=ALLOWED_DAYS,
            programmes=["formation"],
            instance=instance,
        )
    story.rings(100)

    story.check(rules)


def test_a_producer_that_was_never_heard_does_not_ring(story: Story, rules: Path) -> None:
    """When it should have begun is not declared; the board shows it."""
    story.healthy()
    story.producer("formation", allowed_days=ALLOWED_DAYS, programmes=["formation"])
    story.rings(100)

    story.check(rules)


def test_who_is_not_declared_may_be_silent(story: Story, rules: Path) -> None:
    """Nobody promised anything for it."""
    story.healthy()
    story.expose(
        metrics.PRODUCER_LAST_EVENT, heard(400), producer="unknown", job=WORKER_JOB, instance=WORKER
    )
    story.rings(100)

    story.check(rules)


FAULTY = Ring.of("ProducerFaulty", producer="formation")


def fed(
    story: Story, *, refused: Sequence[Span], accepted: Span, producer: str = "formation"
) -> None:
    """Let a producer send, and a part of it be refused; who is declared feeds a programme."""
    story.healthy()
    if producer != "unknown":
        story.producer(producer, allowed_days=ALLOWED_DAYS, programmes=["formation"])
    where = {"producer": producer, "job": WORKER_JOB, "instance": WORKER}
    story.expose(metrics.PRODUCER_EVENTS, *refused, outcome="refused", **where)
    story.expose(metrics.PRODUCER_EVENTS, accepted, outcome="accepted", **where)


def test_a_faulty_producer_rings_until_it_has_mended_its_ways(story: Story, rules: Path) -> None:
    """One of ten is refused for half an hour; after an hour more of valid events all is well."""
    fed(story, refused=[growing(0, 1, 31), (30, 169)], accepted=growing(0, 9, FOREVER))
    story.rings(15)
    story.rings(30, FAULTY)
    story.rings(50, FAULTY)
    story.rings(100)

    story.check(rules)


def test_a_slip_among_many_events_does_not_ring(story: Story, rules: Path) -> None:
    """One of thirty is told as dead letters, by reason."""
    fed(story, refused=[growing(0, 1, FOREVER)], accepted=growing(0, 29, FOREVER))
    story.rings(190)

    story.check(rules)


def test_few_refusals_do_not_ring(story: Story, rules: Path) -> None:
    """Nine of nine: somebody tries something."""
    fed(story, refused=[growing(0, 1, 10), (9, 190)], accepted=(0, FOREVER))
    story.rings(60)

    story.check(rules)


def test_strangers_whose_records_are_refused_are_told_to_the_operator(
    story: Story, rules: Path
) -> None:
    """They are nobody's, so no programme's."""
    fed(story, refused=[growing(0, 1, FOREVER)], accepted=(0, FOREVER), producer="unknown")
    firing = 'ALERTS{alertstate="firing", alertname="ProducerFaulty"}'
    story.gives(
        100,
        f"count by (programme, producer) ({firing})",
        {"programme": "smart-region-monitor", "producer": "unknown"},
    )

    story.check(rules)
