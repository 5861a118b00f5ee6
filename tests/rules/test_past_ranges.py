"""What the boards show of years that a backfill wrote, whenever the range ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from catalogue import metrics
from catalogue.metrics import Metric
from dashboards import conventions
from dashboards.boards.queries import of_the_last_day, throughout
from events.cloudevent import decode_json
from simulation.emitter import RecordKind
from simulation.simulator import simulate
from tests.support.boards import BOARDS, CATALOGUE, SUBSTITUTES, Question, questions
from tests.support.past_figures import state_store_of, written
from tests.support.prometheus import Monitoring, Prometheus, create_blocks, require_prometheus

BEGIN, LAST = date(2018, 1, 1), date(2019, 6, 24)
WEEK = timedelta(days=7)
#: The days that were written: each of a week's, and before them one a week.
DAILY = [LAST - timedelta(days=days) for days in range(6, -1, -1)]
WEEKLY = [DAILY[0] - number * WEEK for number in range(4, 0, -1)]

#: Boards of what only a running monitor knows.
LIVE = (conventions.PIPELINE_BOARD, conventions.PRODUCERS_BOARD)
ASKED = 150
"""Fewer than there are instant queries on the boards of the promises."""

Answer = Mapping[frozenset[tuple[str, str]], float]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Yield a Prometheus with some days of the simulated Région, and nothing that runs."""
    require_prometheus()
    samples = [
        decode_json(record.line)
        for record in simulate(7, BEGIN, LAST)
        if record.kind is not RecordKind.INVALID
    ]
    folder = tmp_path_factory.mktemp("past")
    text = folder / "days.om"
    text.write_text(written(CATALOGUE, state_store_of(CATALOGUE, samples), [*WEEKLY, *DAILY]))
    monitoring = Monitoring(folder)
    try:
        yield monitoring.prometheus(blocks=create_blocks(text, folder / "blocks"))
    finally:
        monitoring.stop_all()


def asked(territory: str) -> list[Question]:
    variables = {**SUBSTITUTES, f"${conventions.DEPARTMENT_VARIABLE}": territory}
    return [
        one for one in questions(BOARDS, variables) if not one.over_time and one.board not in LIVE
    ]


def answer(prometheus: Prometheus, expression: str, at: datetime | date) -> Answer:
    return {frozenset(one.labels.items()): one.value for one in prometheus.query(expression, at)}


def on(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), UTC)


@pytest.mark.parametrize(
    ("territory", "end", "day"),
    [
        (metrics.REGION, on(LAST, "00:00:01"), LAST),
        (metrics.REGION, on(LAST, "23:59:59.999"), LAST),
        (metrics.REGION, on(LAST + timedelta(days=1), "23:59:59"), LAST),
        (metrics.REGION, on(LAST + timedelta(days=365), "18:00"), LAST),
        (metrics.REGION, on(WEEKLY[1] + timedelta(days=3), "10:00"), WEEKLY[1]),
        ("77", on(LAST, "13:45:30"), LAST),
        ("77", on(DAILY[2], "00:05:01"), DAILY[2]),
    ],
)
def test_any_range_shows_its_last_day(
    past: Prometheus, territory: str, end: datetime, day: date
) -> None:
    """Every table and figure says at any end what it says at the midnight of the last day."""
    every = asked(territory)
    known = {str(one): answer(past, one.expression, day) for one in every}
    assert sum(map(bool, known.values())) > ASKED
    assert {str(one): answer(past, one.expression, end) for one in every} == known


def test_before_the_first_day_nothing_is_shown(past: Prometheus) -> None:
    before = on(WEEKLY[0] - timedelta(days=1), "13:00")
    assert not [str(one) for one in asked(metrics.REGION) if answer(past, one.expression, before)]


def test_figures_of_the_past_are_said_to_be_counted_anew(past: Prometheus) -> None:
    (question,) = (
        one
        for one in asked(metrics.REGION)
        if (one.board, one.panel) == (conventions.DELEGATE_BOARD, "Les chiffres sont")
    )
    assert list(answer(past, question.expression, on(LAST, "13:45")).values()) == [2]


# Small pasts of a few samples

SERIES = {"programme": "lycees", "indicator": "schools_connected_ratio"}
PROMISE = {**SERIES, "milestone": "all_connected"}
REGION = {"department": metrics.REGION}

Series = tuple[Metric | str, Mapping[str, str], Sequence[tuple[datetime, float]]]


def days_of_the_monitor(*days: date) -> Series:
    moments = [on(day, "00:00") for day in days]
    return conventions.AS_OF, {}, [(moment, moment.timestamp()) for moment in moments]


def prometheus_of(monitoring: Monitoring, folder: Path, series: Sequence[Series]) -> Prometheus:
    require_prometheus()
    lines = []
    for metric, labels, samples in series:
        name = metric if isinstance(metric, str) else metric.name
        selector = ",".join(f'{label}="{value}"' for label, value in labels.items())
        lines.append(f"# TYPE {name} gauge")
        lines += [f"{name}{{{selector}}} {value} {moment.timestamp()}" for moment, value in samples]
    text = folder / "samples.om"
    text.write_text("\n".join([*lines, "# EOF\n"]))
    return monitoring.prometheus(blocks=create_blocks(text, folder / "blocks"))


def test_what_is_absent_on_the_last_day_is_not_taken_from_the_day_before(
    monitoring: Monitoring, tmp_path: Path
) -> None:
    """A projection that ended with the target attained is not shown again."""
    first, second = date(2019, 1, 1), date(2019, 1, 2)
    prometheus = prometheus_of(
        monitoring,
        tmp_path,
        [
            days_of_the_monitor(first, second),
            ("kept", {}, [(on(first, "00:00"), 1), (on(second, "00:00"), 2)]),
            ("ended", {}, [(on(first, "00:00"), 1)]),
        ],
    )
    for clock in ("00:00", "00:06", "23:59:59"):
        shown = {
            day: (
                prometheus.value(of_the_last_day("kept"), on(day, clock)),
                prometheus.value(of_the_last_day("ended"), on(day, clock)),
            )
            for day in (first, second)
        }
        assert shown == {first: (1, 1), second: (2, None)}, clock


def test_what_a_running_monitor_withholds_is_not_looked_back_for(
    monitoring: Monitoring, tmp_path: Path
) -> None:
    """While the rules are evaluated, a total of the night before is not shown as current."""
    midnight, now = on(date(2019, 1, 2), "00:00"), on(date(2019, 1, 2), "10:00")
    running = [(midnight + timedelta(minutes=minutes), 1.0) for minutes in range(0, 601, 4)]
    prometheus = prometheus_of(
        monitoring,
        tmp_path,
        [
            (conventions.TERRITORY_INFO, REGION, running),
            days_of_the_monitor(midnight.date()),
            ("total", {}, [(midnight, 7)]),
        ],
    )
    for expression in (of_the_last_day("total"), throughout("total")):
        assert prometheus.value(expression, midnight) == 7
        assert prometheus.value(expression, now) is None
        # An hour after it was ended nothing runs any more: its last night is what is known.
        assert prometheus.value(expression, now + timedelta(hours=1)) == 7


# The projection on the curve

HISTORY = "Lycées connectés au très haut débit dans le temps (%)"


def line_of(legend: str) -> str:
    (found,) = (
        one.expression
        for one in questions(BOARDS, {**SUBSTITUTES, "$__rate_interval": "1d"})
        if one.panel == HISTORY and one.legend == legend
    )
    return found


def judged(day: date, projected: date, deadline: date) -> list[Series]:
    moment = on(day, "00:00")
    return [
        days_of_the_monitor(day),
        (conventions.REGION_VALUE, SERIES, [(moment, 0.5)]),
        (conventions.TERRITORY_VALUE, {**SERIES, **REGION}, [(moment, 0.5)]),
        (metrics.MILESTONE_TARGET, PROMISE, [(moment, 1)]),
        (metrics.MILESTONE_DEADLINE, PROMISE, [(moment, on(deadline, "00:00").timestamp())]),
        (
            metrics.MILESTONE_PROJECTED,
            {**PROMISE, **REGION},
            [(moment, on(projected, "00:00").timestamp())],
        ),
    ]


def test_the_projection_leads_from_the_last_value_to_the_target(
    monitoring: Monitoring, tmp_path: Path
) -> None:
    day, projected = date(2019, 1, 1), date(2019, 4, 11)
    prometheus = prometheus_of(monitoring, tmp_path, judged(day, projected, projected))

    (line,) = prometheus.query_range(
        line_of("Projection vers la cible au 31/12/2020"), day - WEEK, projected + WEEK
    )

    assert [value for _, value in line.points] == pytest.approx(
        [50 + number / 2 for number in range(101)]
    )
    assert line.points[0][0] == on(day, "00:00").timestamp()
    assert line.points[-1][0] == on(projected, "00:00").timestamp()
    (target,) = prometheus.query_range(line_of("Cible au 31/12/2020"), day - WEEK, projected + WEEK)
    assert target.points[-1] == (on(projected + WEEK, "00:00").timestamp(), 100)


@pytest.mark.parametrize(
    ("projected_in", "days_left", "expected"),
    [
        (100, 50, 75),
        (100, 100, 100),
        (100, 300, 100),
        (100, 0, None),
        # A projection stays until the next report, which may come after its day.
        (-40, 90, 100),
        (0, 90, 100),
    ],
)
def test_what_is_expected_of_the_deadline_touches_the_target_when_it_is_kept(
    monitoring: Monitoring,
    tmp_path: Path,
    projected_in: int,
    days_left: int,
    expected: float | None,
) -> None:
    """At half of the way that is half of the rest; never beyond the target, nor on the deadline."""
    day = date(2019, 1, 1)
    projected, deadline = (day + timedelta(days=days) for days in (projected_in, days_left))
    prometheus = prometheus_of(monitoring, tmp_path, judged(day, projected, deadline))

    found = prometheus.value(line_of("Attendu au 31/12/2020"), on(day, "12:00"))

    assert found == (None if expected is None else pytest.approx(expected))
