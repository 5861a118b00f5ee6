"""What the boards' expressions come to, evaluated by promtool on a few series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from catalogue import metrics
from catalogue.formatting import STATUSES
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.model import Direction, Indicator, Unit
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.boards.figures import change_units, moved
from dashboards.boards.queries import (
    displayed,
    status_code,
    with_geohash,
    worst_status,
)
from dashboards.promql import select
from tests.support.boards import BOARDS, documents, questions
from tests.support.observations import barometer
from tests.support.prometheus import promtool, require_prometheus
from tests.support.rule_scenarios import evaluate


def falling(indicator: Indicator) -> Indicator:
    return indicator.model_copy(update={"direction": Direction.FALLING})


RATIO = next(one for one in load_catalogue().indicators if one.unit is Unit.RATIO)
EUROS = load_catalogue().indicator("grants_committed_euros")

DAY = 86_400
AS_OF = 18_000 * DAY


def expect(
    folder: Path,
    series: Mapping[str, float | str],
    expression: str,
    expected: Mapping[str, float],
    *,
    minute: int = 0,
) -> None:
    """Evaluate an expression on some series with promtool, and compare.

    A series has one value, or as promtool writes it a value for each minute.
    """
    require_prometheus()
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    test = {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}
    evaluate(folder / "rules", [(series, {"promql_expr_test": [test]})], every="1m")


def status(department: str, milestone: str, value: MilestoneStatus) -> str:
    return select(
        metrics.MILESTONE_STATUS,
        programme="lycees",
        indicator=RATIO.id,
        milestone=milestone,
        department=department,
        status=value,
    )


@pytest.mark.parametrize(
    ("indicator", "value", "read"),
    [
        (RATIO, 1.0, 100.0),
        (RATIO, 0.9999999, 99.9),
        (RATIO, 0.29, 29.0),
        (RATIO, 0.57, 57.0),
        (falling(RATIO), 0.1000001, 10.1),
        (falling(RATIO), 0.07, 7.0),
        # 6 862 000 euros, in cents over eight partitions, are a hair beside them as a float.
        (EUROS, 6_861_999.999999999, 6_862_000),
        (falling(EUROS), 6862000.000000001, 6_862_000),
        # An average of days has hundredths.
        (barometer().indicator("waiting_days"), 12.344, 12.35),
    ],
)
def test_a_figure_is_read_as_meant(
    tmp_path: Path, indicator: Indicator, value: float, read: float
) -> None:
    """It is cut away from the target, but not by the inexactness of floats."""
    column = displayed(
        [indicator], lambda ids: f"max by (indicator) ({select('x', indicator=ids)})"
    )
    of = f'{{indicator="{indicator.id}"}}'
    expect(tmp_path, {f"x{of}": value}, column, {of: read})


def test_a_status_is_the_severity_of_the_one_that_holds(tmp_path: Path) -> None:
    series = {
        status("region", "all_connected", one): float(one is MilestoneStatus.MISSED)
        for one in MilestoneStatus
    }
    expect(
        tmp_path,
        series,
        status_code("indicator", department="region"),
        {f'{{indicator="{RATIO.id}"}}': STATUSES[MilestoneStatus.MISSED].severity},
    )


def test_the_map_shows_the_worst_of_a_department(tmp_path: Path) -> None:
    series = {
        status("77", "one", MilestoneStatus.ACHIEVED): 1.0,
        status("77", "two", MilestoneStatus.AT_RISK): 1.0,
        status("region", "one", MilestoneStatus.MISSED): 1.0,
    }
    expect(
        tmp_path,
        series,
        with_geohash(worst_status(department="!=region")),
        {'{department="77", geohash="u0dhdu", marker="77▲"}': 4},
    )


def test_days_without_explanation_are_the_monitor_s_own(tmp_path: Path) -> None:
    (column,) = (
        question.expression
        for question in questions(BOARDS)
        if question.board == conventions.DELEGATE_BOARD
        and metrics.MILESTONE_UNEXPLAINED.name in question.expression
    )
    line = {"programme": "lycees", "indicator": RATIO.id, "milestone": "one"}
    series = {
        conventions.AS_OF.name: AS_OF,
        status("region", "one", MilestoneStatus.MISSED): 1.0,
        status("region", "two", MilestoneStatus.MISSED): 1.0,
        select(
            metrics.MILESTONE_UNEXPLAINED, **line, department="region", instance="assessor"
        ): AS_OF - 10 * DAY,
    }
    shown = select("", **line, department="region")
    expect(tmp_path, series, column, {shown: 10})


def test_a_deadline_is_marked_with_its_french_title(tmp_path: Path) -> None:
    board = BOARDS[conventions.programme_board("lycees")]
    (mark,) = board["annotations"]["list"]
    line = {"programme": "lycees", "indicator": RATIO.id, "milestone": "all_connected"}
    series = {select(metrics.MILESTONE_DEADLINE, **line, instance="assessor"): AS_OF}
    title = "Tous les lycées connectés"
    expect(tmp_path, series, mark["expr"], {select("", **line, title=title): 1000 * AS_OF})


def test_a_change_of_less_than_two_is_one_point(tmp_path: Path) -> None:
    """Two points are points, 1.9 of them one; euros have no plural."""
    other = next(
        one for one in load_catalogue().indicators if one.unit is Unit.RATIO and one.id != RATIO.id
    )
    labels = {"part": "value", "window": "30d", "department": "region"}
    changes = {RATIO.id: -0.019, other.id: 0.02, EUROS.id: 1.0}
    series = {
        select(metrics.INDICATOR_CHANGE, programme="p", indicator=name, **labels): value
        for name, value in changes.items()
    }
    chosen = (RATIO, other, EUROS)
    keys = {RATIO.id: (f"{RATIO.id}/1", -1.9), other.id: (other.id, 2), EUROS.id: (EUROS.id, 1)}
    expected = {
        select("", programme="p", indicator=name, unit=key): value
        for name, (key, value) in keys.items()
    }
    expect(tmp_path, series, moved(chosen, "value", department="region"), expected)
    assert [change_units(chosen)[key] for key, _ in keys.values()] == ["point", "points", "€"]


def asked(board: str, panel: str) -> list[str]:
    return [one.expression for one in questions(BOARDS) if (one.board, one.panel) == (board, panel)]


def health(name: str) -> str:
    return next(
        one.expression
        for one in questions(BOARDS)
        if (one.board, one.panel, one.legend) == (conventions.PIPELINE_BOARD, "Santé", name)
    )


def worker(name: str, **values: float) -> dict[str, float]:
    names = {"up": "up", "ready": metrics.WORKER_READY.name}
    where = {"job": conventions.WORKER_JOB, "instance": name}
    return {select(names[one], **where): value for one, value in values.items()}


@pytest.mark.parametrize(
    ("workers", "ready"),
    [
        (worker("a", up=1, ready=1) | worker("b", up=1, ready=1), 1),
        (worker("a", up=1, ready=1) | worker("b", up=1, ready=0), 0),
        (worker("a", up=1, ready=1) | worker("b", up=0), 0),
        ({}, 0),
    ],
)
def test_workers_are_ready_where_each_says_so(
    tmp_path: Path, workers: dict[str, float], ready: int
) -> None:
    """One that does not answer says nothing, and is not ready."""
    expect(tmp_path, workers, health("Workers"), {"{}": ready})


@pytest.mark.parametrize(
    ("panel", "metric"),
    [
        ("Refusés, par producteur et motif", metrics.PRODUCER_REFUSED),
        ("Refusés à la passerelle, par producteur et motif", metrics.GATEWAY_REFUSED),
    ],
)
def test_only_refusals_there_were_are_listed(tmp_path: Path, panel: str, metric: Metric) -> None:
    (expression,) = asked(conventions.PRODUCERS_BOARD, panel)
    came = {"producer": "lycees", "reason": "invalid_data"}
    series = {
        select(metric, **came, instance="a"): "0x30 60x29",
        select(metric, producer="lycees", reason="too_large", instance="a"): "0x60",
    }
    expect(tmp_path, series, f"({expression}) ^ 0", {select("", **came): 1}, minute=59)


def test_only_facts_that_were_read_are_listed(tmp_path: Path) -> None:
    kind = "fr.iledefrance.smartregion.school.connected.v1"
    expressions = asked(conventions.PRODUCERS_BOARD, "Ce que sont devenus les messages, par fait")
    series = {
        select(metrics.EVENTS, type=kind, outcome="accepted", instance="a"): "0x30 60x29",
        select(metrics.EVENTS, type=kind, outcome="duplicate", instance="a"): "0x60",
        select(metrics.EVENTS, type="other", outcome="accepted", instance="a"): "0x60",
        select(metrics.EVENTS, type="other", outcome="duplicate", instance="a"): "0x60",
    }
    for outcome, value in (("accepted", 1), ("duplicate", 0)):
        (expression,) = (one for one in expressions if f'outcome="{outcome}"' in one)
        shown = {select("", type=kind, fact="school.connected"): value}
        expect(tmp_path, series, f"({expression}) > bool 0", shown, minute=59)


# The producers' scorecards

TITLES = {name: f"Système {name}" for name in ("prompt", "silent", "new", "irregular")}


def scorecard_column(title: str) -> str:
    (panel,) = (
        one
        for one in BOARDS[conventions.PRODUCERS_BOARD]["panels"]
        if one["title"] == "Producteurs"
    )
    (organized,) = (one for one in panel["transformations"] if one["id"] == "organize")
    refs = {name: ref for ref, name in organized["options"]["renameByName"].items()}
    return next(
        question.expression
        for question in questions(BOARDS)
        if (question.board, question.panel) == (conventions.PRODUCERS_BOARD, "Producteurs")
        and refs[title] == f"Value #{question.ref}"
    )


def test_a_producer_stands_by_its_own_promise(tmp_path: Path) -> None:
    """On time, silent, never heard, without a promise; the undeclared have a line of theirs."""
    series = {
        conventions.AS_OF.name: AS_OF,
        select(metrics.PRODUCER_EVENTS, producer="unknown", outcome="accepted"): 3,
        **{
            select(metrics.PRODUCER_INFO, producer=name, title=title): 1.0
            for name, title in TITLES.items()
        },
        **{
            select(metrics.PRODUCER_ALLOWED_SILENCE, producer=name): 10 * DAY
            for name in ("prompt", "silent", "new")
        },
        **{
            select(conventions.PRODUCER_LAST_EVENT, producer=name): AS_OF - days * DAY
            for name, days in {"prompt": 10, "silent": 11, "irregular": 900}.items()
        },
    }
    standing = {"prompt": 0, "silent": 1, "new": 2, "irregular": 3}
    expect(
        tmp_path,
        series,
        scorecard_column("État"),
        {
            **{
                f'{{producer="{name}", title="{TITLES[name]}"}}': code
                for name, code in standing.items()
            },
            '{producer="unknown", title="Non déclarés"}': 3,
        },
    )


def test_a_median_lateness_is_read_of_all_workers(tmp_path: Path) -> None:
    """Of four events of a producer on two of them, two were recorded within a day."""
    bucket = f"{metrics.PRODUCER_LATENESS}_bucket"
    series = {
        select(bucket, producer="prompt", le=le, instance=instance): float(count)
        for instance, counts in {"one": (0, 2, 2, 2), "other": (0, 0, 2, 2)}.items()
        for le, count in zip(("0", "1", "2", "+Inf"), counts, strict=True)
    }
    expect(tmp_path, series, scorecard_column("Retard médian"), {'{producer="prompt"}': 1})


# Indicators that others observe

FIBRE = {"programme": "barometre", "indicator": "fibre_ratio"}


def test_every_expression_of_observed_boards_is_understood(tmp_path: Path) -> None:
    require_prometheus()
    asked = [
        {"record": f"asked:{number}", "expr": question.expression}
        for number, question in enumerate(questions(documents(barometer())))
    ]
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))
    promtool("check", "rules", file)
    assert len(asked) > 100


@pytest.mark.parametrize(("chosen", "target"), [("75", 95), ("77", 60), (metrics.REGION, None)])
def test_the_chosen_departement_s_own_target_is_drawn(
    observed_rules: Path, chosen: str, target: float | None
) -> None:
    (own,) = (
        question.expression
        for question in questions(
            documents(barometer()), {"$department": chosen, "$__rate_interval": "1m"}
        )
        if question.legend == "Cible au 31/12/2020, département choisi"
    )
    series: dict[str, object] = {}
    for milestone, department, value in (("paris_2020", "75", 0.95), ("meaux_2020", "77", 0.6)):
        promise = FIBRE | {"milestone": milestone}
        held = promise | {"department": department, "status": "at_risk"}
        series[select(metrics.MILESTONE_TARGET, **promise)] = f"{value}x59"
        series[select(metrics.MILESTONE_STATUS, **held)] = "1x59"
    samples = [{"labels": "{}", "value": target}] if target else []
    test = {"expr": own, "eval_time": "5m", "exp_samples": samples}
    evaluate(observed_rules, [(series, {"promql_expr_test": [test]})], every="1m")
