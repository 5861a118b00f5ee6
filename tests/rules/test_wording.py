"""What alerts say in French, as it reaches Alertmanager: `wording/` has a file for each test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import pytest

from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.model import Catalogue, Milestone
from catalogue.progress import MilestoneStatus
from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, PAGE_JOB, WORKER_JOB
from dashboards.rules.alerts import alert_kinds
from dashboards.rules.render import render, write
from dashboards.rules.site import MonitorSite
from report.standing import DAYS_OF_A_MONTH, change_text
from tests.rules.conftest import CATALOGUE
from tests.support.golden import check_golden
from tests.support.observations import BAROMETER, barometer
from tests.support.rule_scenarios import (
    ABSENT,
    DAY,
    PARTITIONS,
    TODAY,
    RuleScenario,
    Span,
    growing,
)

GOLDEN = Path(__file__).parent / "wording"
LYCEES = {"programme": "lycees", "indicator": "schools_connected_ratio"}
CONNECTED = LYCEES | {"milestone": "all_connected"}
FORMATION = {"programme": "formation"}
COMPLETED = FORMATION | {"indicator": "trainees_completed"}
DROPPED = FORMATION | {"indicator": "trainees_dropped_out"}
GRANTS = FORMATION | {"indicator": "grants_committed_euros"}
FEW_DROPPED = DROPPED | {"milestone": "few_drop_out"}
BUDGET = GRANTS | {"milestone": "budget_committed"}
SCHOOLS = {"topic": "smartregion.schools"}

MISSED, AT_RISK = MilestoneStatus.MISSED, MilestoneStatus.AT_RISK
PROJECTED = TODAY + 400 * DAY
HOUR = 60

Check: TypeAlias = Callable[[int, str], None]


@pytest.fixture
def scenario(rules: Path) -> RuleScenario:
    return RuleScenario(rules)


@pytest.fixture
def check(scenario: RuleScenario, request: pytest.FixtureRequest) -> Check:
    """Return what compares the alerts of a name in a minute with the test's golden file."""
    name = request.node.name.removeprefix("test_").replace("[", "-").removesuffix("]")
    return lambda minute, alert: check_golden(GOLDEN / f"{name}.txt", scenario.text(minute, alert))


def assess(
    scenario: RuleScenario, metric: Metric, department: str, *spans: Span, **labels: str
) -> None:
    where = {"job": ASSESSOR_JOB, "instance": "assessor:6067", "department": department}
    scenario.expose(metric, *spans, **labels, **where)


def judge(
    scenario: RuleScenario,
    milestone: dict[str, str],
    department: str,
    status: MilestoneStatus,
    value: float | None = None,
    minutes: int = HOUR,
) -> None:
    programme, indicator, name = milestone.values()
    scenario.judged(programme, indicator, name, department, (status, minutes), (None, HOUR))
    if value is not None:
        of = {"programme": programme, "indicator": indicator}
        spans: list[Span] = [(value, minutes), (ABSENT, HOUR)]
        assess(scenario, metrics.INDICATOR_ASSESSED_VALUE, department, *spans, **of)


def work(scenario: RuleScenario, metric: Metric, *spans: Span, **labels: str) -> None:
    scenario.expose(metric, *spans, **labels, job=WORKER_JOB, instance="worker:6066")


def test_every_alert_has_a_golden_file() -> None:
    texts = "".join(file.read_text(encoding="utf-8") for file in GOLDEN.glob("*.txt"))
    assert [one.name for one in alert_kinds() if f'alertname="{one.name}"' not in texts] == []


def test_missed_by_little(scenario: RuleScenario, check: Check) -> None:
    judge(scenario, CONNECTED, "77", MISSED, 0.99996)
    check(30, "MilestoneMissed")


def test_missed_in_euros_and_in_part_assumed(scenario: RuleScenario, check: Check) -> None:
    judge(scenario, BUDGET, "region", MISSED, 6_499_999.99)
    check(30, "MilestoneMissed")


@pytest.mark.parametrize("value", [1240, None], ids=["shown", "protected"])
def test_missed_on_persons(scenario: RuleScenario, check: Check, value: float | None) -> None:
    """A protected value is not shown, and its absence does not silence the alert."""
    judge(scenario, FEW_DROPPED, "region", MISSED, value)
    check(30, "MilestoneMissed")


@pytest.mark.parametrize(
    ("file", "indicator", "target", "value"),
    [
        (BAROMETER, "waiting_days", "12.25", 1234.504),
        (BAROMETER, "fibre_ratio", "0.99999", 0.9999678),
        (None, "priority_audience_ratio", "0.99999", 0.9999678),
    ],
    ids=["days", "counted", "persons"],
)
def test_missed_by_decimals(
    scenario: RuleScenario,
    check: Check,
    tmp_path: Path,
    *,
    file: Path | None,
    indicator: str,
    target: str,
    value: float,
) -> None:
    near = Milestone.model_validate(
        {"id": "near", "target": Decimal(target), "day": date(2020, 12, 31), "source": "Essai"}
    )
    own = load_catalogue(file).indicator(indicator).model_copy(update={"milestones": (near,)})
    programme = barometer().programmes[0].model_copy(update={"indicators": (own,)})
    write(render(Catalogue(programmes=(programme,)), MonitorSite()), tmp_path)
    scenario.rules = tmp_path / "prometheus" / "rules"
    milestone = {"programme": programme.id, "indicator": indicator, "milestone": near.id}
    judge(scenario, milestone, "region", MISSED, value)
    check(30, "MilestoneMissed")


def test_at_risk(scenario: RuleScenario, check: Check) -> None:
    judge(scenario, CONNECTED, "95", AT_RISK, 0.625)
    assess(scenario, metrics.MILESTONE_PROJECTED, "95", (PROJECTED, HOUR), **CONNECTED)
    assess(scenario, metrics.MILESTONE_REQUIRED_PACE, "95", (0.00176, HOUR), **CONNECTED)
    assess(scenario, metrics.INDICATOR_PACE, "95", (0.00061, HOUR), **LYCEES)
    check(30, "MilestoneAtRisk")


@pytest.mark.parametrize(
    ("milestone", "value", "pace"),
    [
        (CONNECTED, 0.625, Fraction(1, 1000)),
        (CONNECTED, 0.625, Fraction(12, 20_000)),
        (CONNECTED, 0.625, Fraction(-1, 100_000)),
        (CONNECTED, 0.625, Fraction(1, 10**9)),
        (BUDGET, 6_000_000, Fraction(42_000)),
    ],
)
def test_a_pace_is_that_of_the_page(
    scenario: RuleScenario, milestone: dict[str, str], value: float, pace: Fraction
) -> None:
    """To the last digit, its sign and the form of its unit; also where it is next to nothing."""
    judge(scenario, milestone, "region", AT_RISK, value)
    of = {name: milestone[name] for name in ("programme", "indicator")}
    assess(scenario, metrics.INDICATOR_PACE, "region", (float(pace), HOUR), **of)
    indicator = load_catalogue(CATALOGUE).indicator(of["indicator"])
    paged = change_text(indicator, pace * DAYS_OF_A_MONTH)
    as_promtool = paged.replace("\u00a0", r"\u00a0").replace("\u202f", r"\u202f")
    assert f"observé : {as_promtool} par mois." in scenario.text(30, "MilestoneAtRisk")


def test_at_risk_without_a_pace(scenario: RuleScenario, check: Check) -> None:
    judge(scenario, CONNECTED, "95", AT_RISK, 0.625)
    check(30, "MilestoneAtRisk")


def test_at_risk_with_a_projection_that_has_ended(scenario: RuleScenario, check: Check) -> None:
    """While the assessor judges, the last one that it had is no longer its own."""
    judge(scenario, CONNECTED, "95", AT_RISK, 0.625)
    ended = (ABSENT, 50)
    assess(scenario, metrics.MILESTONE_PROJECTED, "95", (PROJECTED, 10), ended, **CONNECTED)
    assess(scenario, metrics.INDICATOR_PACE, "95", (0.00061, 10), ended, **LYCEES)
    check(30, "MilestoneAtRisk")


def test_at_risk_while_the_assessor_restarts(scenario: RuleScenario, check: Check) -> None:
    judge(scenario, CONNECTED, "95", AT_RISK, 0.625, minutes=25)
    assess(scenario, metrics.MILESTONE_PROJECTED, "95", (PROJECTED, 25), (ABSENT, 35), **CONNECTED)
    assess(
        scenario, metrics.MILESTONE_REQUIRED_PACE, "95", (0.00176, 25), (ABSENT, 35), **CONNECTED
    )
    assess(scenario, metrics.INDICATOR_PACE, "95", (-0.0012, 25), (ABSENT, 35), **LYCEES)
    check(35, "MilestoneAtRisk")


def test_lost(scenario: RuleScenario, check: Check) -> None:
    assess(scenario, metrics.INDICATOR_ASSESSED_VALUE, "75", (0.96, HOUR), **LYCEES)
    assess(scenario, metrics.MILESTONE_LOST, "75", (1, HOUR), **CONNECTED)
    assess(scenario, metrics.MILESTONE_LOST_ON, "75", (TODAY - 31 * DAY, HOUR), **CONNECTED)
    check(30, "TargetLost")


@pytest.mark.parametrize("department", ["region", "77"])
def test_unexplained(scenario: RuleScenario, check: Check, department: str) -> None:
    scenario.healthy()
    judge(scenario, CONNECTED, department, AT_RISK, 0.96)
    since = (TODAY - 45 * DAY, HOUR)
    assess(scenario, metrics.MILESTONE_UNEXPLAINED, department, since, **CONNECTED)
    check(40, "MilestoneUnexplained")


def report(scenario: RuleScenario, indicator: dict[str, str], department: str, day: int) -> None:
    where = {"department": department, "partition": "0"}
    work(scenario, metrics.INDICATOR_LAST_REPORTED, (day, HOUR), **indicator, **where)


def test_unreported(scenario: RuleScenario, check: Check) -> None:
    scenario.healthy()
    report(scenario, COMPLETED, "93", TODAY - 90 * DAY)
    check(50, "IndicatorUnreported")


def test_unreported_persons_of_a_departement(scenario: RuleScenario, check: Check) -> None:
    """When it last reported itself is not exposed: that nobody ever did would be wrong."""
    scenario.healthy()
    judge(scenario, FEW_DROPPED, "93", MilestoneStatus.UNREPORTED)
    report(scenario, DROPPED, "region", TODAY - 90 * DAY)
    report(scenario, COMPLETED, "region", TODAY)
    check(50, "IndicatorUnreported")


def test_producer_silent(scenario: RuleScenario, check: Check) -> None:
    scenario.healthy()
    last = (TODAY - 90 * DAY, HOUR)
    scenario.producer("suivi", last, allowed_days=39, programmes=["formation"], minutes=HOUR)
    check(50, "ProducerSilent")


def test_producer_faulty(scenario: RuleScenario, check: Check) -> None:
    scenario.healthy()
    scenario.producer("suivi", allowed_days=39, programmes=["formation"])
    for outcome, step in (("refused", 1), ("accepted", 3)):
        spans = growing(0, step, 200)
        work(scenario, metrics.PRODUCER_EVENTS, spans, producer="suivi", outcome=outcome)
    check(100, "ProducerFaulty")


@pytest.mark.parametrize("refused", [1, 3])
def test_dead_letters(scenario: RuleScenario, check: Check, refused: int) -> None:
    work(scenario, metrics.DEAD_LETTERS, (0, 20), (refused, 40), reason="invalid_data")
    check(30, "DeadLetters")


def test_dead_letter_share_high(scenario: RuleScenario, check: Check) -> None:
    work(scenario, metrics.DEAD_LETTER_SHARE, (0.375, HOUR), family="schools")
    cause = {"family": "schools", "reason": "unknown_type", "field": "type"}
    work(scenario, metrics.DEAD_LETTER_ALARM, (1, HOUR), **cause)
    check(30, "DeadLetterShareHigh")


def test_poison_record(scenario: RuleScenario, check: Check) -> None:
    work(scenario, metrics.ENDS_AT_RECORD, (3, HOUR), **SCHOOLS, partition="3")
    check(30, "PoisonRecord")


def test_consumer_lag(scenario: RuleScenario, check: Check) -> None:
    work(scenario, metrics.LAG, (25_000, HOUR), **SCHOOLS, partition="0")
    check(30, "ConsumerLag")


def test_records_deleted(scenario: RuleScenario, check: Check) -> None:
    work(scenario, metrics.LOG_START, (0, 20), (17, 40), **SCHOOLS, partition="3")
    check(30, "RecordsDeleted")


@pytest.mark.parametrize(
    ("fault", "partition"),
    [("events_lost", "0"), ("settings_changed", "")],
    ids=["lost", "changed"],
)
def test_topic_faulty(scenario: RuleScenario, check: Check, fault: str, partition: str) -> None:
    """Where the settings are wrong figures are shown, so that alerts about them go on."""
    work(scenario, metrics.TOPIC_FAULT, (1, HOUR), **SCHOOLS, partition=partition, fault=fault)
    check(30, "TopicFaulty")


@pytest.mark.parametrize("missing", [1, 3])
def test_partitions_missing(scenario: RuleScenario, check: Check, missing: int) -> None:
    owned: dict[int, list[Span]] = {one: [(1, HOUR)] for one in range(PARTITIONS - missing)}
    scenario.worker("worker:6066", (1, HOUR), owned=owned)
    check(30, "PartitionsMissing")


def test_worker_not_ready(scenario: RuleScenario, check: Check) -> None:
    scenario.worker("worker:6066", (0, HOUR))
    check(30, "WorkerNotReady")


def test_no_worker_at_all(scenario: RuleScenario, check: Check) -> None:
    scenario.assessor((1, HOUR))
    check(30, "WorkerNotReady")


def test_assessor_not_ready(scenario: RuleScenario, check: Check) -> None:
    scenario.assessor((0, HOUR))
    check(30, "AssessorNotReady")


NOT_READY = pytest.mark.parametrize(
    ("alert", "metric", "where"),
    [
        (
            "GatewayNotReady",
            metrics.GATEWAY_READY,
            {"job": GATEWAY_JOB, "instance": "gateway:6070"},
        ),
        ("PageNotReady", metrics.PAGE_READY, {"job": PAGE_JOB, "instance": "page:6072"}),
    ],
    ids=["gateway", "page"],
)


@NOT_READY
def test_not_ready(
    scenario: RuleScenario, check: Check, alert: str, metric: Metric, where: dict[str, str]
) -> None:
    scenario.expose(metric, (0, HOUR), **where)
    check(30, alert)


@NOT_READY
def test_gone(
    scenario: RuleScenario, check: Check, alert: str, metric: Metric, where: dict[str, str]
) -> None:
    scenario.expose("up", (1, 10), (ABSENT, 50), **where)
    scenario.expose(metric, (1, 10), (ABSENT, 50), **where)
    check(30, alert)


@pytest.mark.parametrize(
    ("numerator", "denominator", "assessed"),
    [(9, 10, 0.8), (6_999_999, 7_000_000, 1)],
    ids=["much", "little"],
)
def test_figures_diverge(
    scenario: RuleScenario, check: Check, numerator: int, denominator: int, assessed: float
) -> None:
    scenario.healthy()
    where = LYCEES | {"department": "77", "partition": "0"}
    work(scenario, metrics.INDICATOR_NUMERATOR, (numerator, HOUR), **where)
    work(scenario, metrics.INDICATOR_DENOMINATOR, (denominator, HOUR), **where)
    assess(scenario, metrics.INDICATOR_ASSESSED_VALUE, "77", (assessed, HOUR), **LYCEES)
    check(30, "FiguresDiverge")


def test_euros_and_the_self_check_diverge(scenario: RuleScenario, check: Check) -> None:
    scenario.healthy()
    where = GRANTS | {"department": "77", "partition": "0"}
    work(scenario, metrics.INDICATOR_VALUE, (6_250_000, HOUR), **where)
    assess(scenario, metrics.INDICATOR_ASSESSED_VALUE, "77", (5_000_000, HOUR), **GRANTS)
    work(scenario, metrics.REBUILD_MISMATCHES, (0, 20), (1, 40))
    check(40, "FiguresDiverge")


def test_watchdog(check: Check) -> None:
    check(30, "Watchdog")
