"""The years past in a real Prometheus, day for day what an audit counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from audit.ledger import Ledger
from audit.recount import audit_ledger
from broker.reading import read_topics
from catalogue import metrics
from catalogue.figure import Figure, figures_of
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from dashboards import conventions
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.openmetrics import read_openmetrics
from tests.support.prometheus import Monitoring, Prometheus, create_blocks
from tests.support.published import published_values
from tests.support.recounts import exact
from tests.support.traffic import region, send
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = [pytest.mark.timeout(600), pytest.mark.nightly]

FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)
STEP = 28
DAYS = [FIRST_DAY + timedelta(days) for days in range(0, (LAST_DAY - FIRST_DAY).days + 1, STEP)]
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
SCRAPED = ("__name__", "instance", "job")
Labels = frozenset[tuple[str, str]]

CHOSEN = [DAYS[33], DAYS[-1]]


def values(
    prometheus: Prometheus, metric: metrics.Metric, day: date
) -> Mapping[tuple[str, ...], float]:
    return {
        (one.labels["indicator"], one.labels.get("department", metrics.REGION)): one.value
        for one in prometheus.query(metric.name, day)
    }


@pytest.fixture(scope="module")
def worker(shared_broker: KafkaBroker, shared_factory: WorkerFactory) -> Worker:
    """Return a worker that has read five years, and shows the figures of a recount."""
    messages = region(42, FIRST_DAY, LAST_DAY)
    worker = shared_factory.worker()
    worker.start()
    send(shared_broker.bootstrap, messages)
    assert exact(shared_broker.bootstrap, worker).account.produced == len(messages)
    return worker


@pytest.mark.usefixtures("worker")
def test_the_years_are_the_audit_s(
    shared_broker: KafkaBroker, monitoring: Monitoring, tmp_path: Path
) -> None:
    text, step = tmp_path / "years.om", f"{STEP}d"
    period = ("--from", str(FIRST_DAY), "--to", str(LAST_DAY), "--step", step)
    done = run(shared_broker, "backfill", *period, "--out", str(text))
    assert done.returncode == 0, done.stderr
    assert f"{len(DAYS)} days" in done.stderr
    prometheus = monitoring.prometheus(blocks=create_blocks(text, tmp_path / "blocks"))

    catalogue = load_catalogue()
    expected = {"programme": "lycees", "indicator": "schools_connected_ratio"}
    (line,) = prometheus.query_range(
        f'{conventions.REGION_VALUE}{{indicator="schools_connected_ratio"}}',
        FIRST_DAY,
        LAST_DAY,
        step=step,
    )
    assert expected.items() <= line.labels.items()
    years = {datetime.fromtimestamp(moment, UTC).year for moment, _ in line.points}
    assert years >= {2016, 2017, 2018, 2019, 2020}
    assert line.points[-1][1] > line.points[0][1]
    targets = prometheus.query_range(metrics.MILESTONE_TARGET.name, FIRST_DAY, LAST_DAY, step=step)
    assert {len(target.points) for target in targets} == {len(DAYS)}

    with Ledger(read_topics(shared_broker.bootstrap), partitions=8) as ledger:
        for day in CHOSEN:
            histories = audit_ledger(ledger, catalogue, day).histories
            figures = list(figures_of(catalogue, judge_all(catalogue, histories, day), day))
            known = [one for one in figures if one.value is not None]
            assert len(known) > 60
            publication = catalogue.indicator("trainees_enrolled").publication
            assert publication is not None
            persons = published_values(audit_ledger(ledger, catalogue, publication.day(day)))
            shown = values(prometheus, conventions.TERRITORY_VALUE, day)
            assert shown == pytest.approx(
                by_department(known)
                | {
                    (one, department or metrics.REGION): value
                    for (one, department), value in persons.items()
                }
            )
            assert shown == values(prometheus, metrics.INDICATOR_ASSESSED_VALUE, day)
            statuses = {
                (one.labels["indicator"], one.labels["department"]): one.labels["status"]
                for one in prometheus.query(f"{metrics.MILESTONE_STATUS} == 1", day)
            }
            assert statuses == {
                (one.indicator, one.department or metrics.REGION): str(one.status)
                for one in figures
                if one.status is not None
            }


def by_department(figures: list[Figure]) -> dict[tuple[str, str], float]:
    return {
        (one.indicator, one.department or metrics.REGION): one.value
        for one in figures
        if one.value is not None
    }


def test_today_is_what_is_recorded_live(
    shared_broker: KafkaBroker,
    shared_factory: WorkerFactory,
    worker: Worker,
    monitoring: Monitoring,
    tmp_path: Path,
) -> None:
    assessor = shared_factory.assessor(workers=worker.url)
    assessor.start()
    assessor.wait_ready()
    prometheus = monitoring.prometheus(
        rules=sorted(RULES.glob("*.yaml")),
        targets={
            WORKER_JOB: [worker.url.removeprefix("http://")],
            ASSESSOR_JOB: [assessor.url.removeprefix("http://")],
        },
    )
    text = tmp_path / "today.om"
    today = str(LAST_DAY)
    done = run_inside(shared_broker, "backfill", "--from", today, "--to", today, "--out", str(text))
    assert done.returncode == 0, done.stderr
    written: dict[str, dict[Labels, float]] = {}
    for family in read_openmetrics(text.read_text()):
        for sample in family.samples:
            written.setdefault(sample.name, {})[labels_of(sample.labels)] = sample.value
    assert len(written) > 20

    def recorded_live(name: str) -> dict[Labels, float]:
        return {
            labels_of(one.labels): one.value
            for one in prometheus.query(name)
            if not (name.startswith("department:") and one.labels["department"] == metrics.REGION)
        }

    def agrees(name: str) -> bool:
        return bool(recorded_live(name) == pytest.approx(written[name]))

    for name, series in written.items():
        # Each group of rules is evaluated at a moment of its own.
        wait_until(partial(agrees, name), seconds=90, every=0.5)
        assert recorded_live(name) == pytest.approx(series), name


def labels_of(labels: Mapping[str, str]) -> Labels:
    """Return a series' own labels: not where it was scraped from, and none that is empty."""
    return frozenset(
        (name, value) for name, value in labels.items() if value and name not in SCRAPED
    )
