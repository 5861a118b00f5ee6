"""Every expression of every panel, asked of a real Prometheus that scrapes a real stream."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from time import time

import pytest

from catalogue import metrics
from catalogue.metrics import REGION
from dashboards import conventions
from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, WORKER_JOB
from dashboards.rules.render import render as render_rules
from dashboards.rules.site import PACES, MonitorSite
from tests.support.boards import BOARDS, CATALOGUE, SUBSTITUTES, Question, questions
from tests.support.gateway import STRUCTURED
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.prometheus import Monitoring, Prometheus, require_prometheus
from tests.support.raw_http import asked, post
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(300)

#: Years before the deadlines: there is a pace to observe, one to require, and a day to project.
TODAY = date(2017, 12, 31)
MISROUTED = 0.01
#: What workers and gateway count.
COUNTED = (f"{metrics.PRODUCER_LATENESS.name}_bucket", metrics.GATEWAY_REFUSED.name)
SECONDS = 90
OVER = 15
"""Seconds of a panel's range: the monitor has run a little longer."""

SOME_DEPARTMENT = "77"


def is_line_of_a_department(question: Question) -> bool:
    """The line of the chosen département, in a history of the region."""
    return "dans le temps" in question.panel and "department!=" in question.expression


def is_projection(question: Question) -> bool:
    """What is expected of a milestone that is attained, or that no pace leads to; the future."""
    return question.legend.startswith(("Attendu", "Projection"))


def is_unexplained(question: Question) -> bool:
    """For how many days nothing is explained, where no milestone is missed or at risk."""
    return metrics.MILESTONE_UNEXPLAINED.name in question.expression


#: By the territory that the reader chose, what may have nothing to show.
MAY_BE_EMPTY: Mapping[str, tuple[Callable[[Question], bool], ...]] = {
    REGION: (is_line_of_a_department, is_projection, is_unexplained),
    SOME_DEPARTMENT: (is_projection, is_unexplained),
}


@pytest.fixture(scope="module")
def prometheus(
    shared_broker: KafkaBroker,
    shared_factory: WorkerFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    require_prometheus()
    folder = tmp_path_factory.mktemp("boards")
    monitoring = Monitoring(folder / "monitoring")
    credentials = issue_credentials("lycees", folder)
    worker = shared_factory.worker(clock=str(TODAY))
    assessor = shared_factory.assessor(clock=str(TODAY), workers=worker.url)
    bootstrap = shared_broker.bootstrap
    try:
        worker.start()
        worker.wait_ready()
        assessor.start()
        with Gateway(bootstrap, folder, secrets=credentials.file) as gateway:
            ports = {
                WORKER_JOB: worker.port,
                ASSESSOR_JOB: assessor.port,
                GATEWAY_JOB: gateway.probe_port,
            }
            prometheus = monitoring.prometheus(
                targets={job: [f"127.0.0.1:{port}"] for job, port in ports.items()},
                rules=written_rules(folder),
            )
            records = region(7, date(2016, 1, 1), TODAY)
            middle = len(records) // 2
            send(bootstrap, records[:middle], misrouted=MISROUTED)
            # What a counter has when it is first scraped is no increase of it.
            assert wait_until(lambda: all(map(prometheus.query, COUNTED)), seconds=SECONDS)
            send(bootstrap, records[middle:], misrouted=MISROUTED)
            be_refused(gateway, credentials)
            assert wait_done(bootstrap, seconds=SECONDS), worker.log[-3000:]
            assessor.wait_ready()
            yield prometheus
    finally:
        monitoring.stop_all()


def be_refused(gateway: Gateway, credentials: Credentials) -> None:
    bearer = f"authorization: Bearer {credentials.token}"
    asked(gateway.port, post(b"{}", bearer, f"content-type: {STRUCTURED}"))


def written_rules(folder: Path) -> list[Path]:
    files = render_rules(CATALOGUE, MonitorSite(pace=PACES["live"]))
    rules = {folder / Path(name).name: text for name, text in files.items() if "/rules/" in name}
    for path, text in rules.items():
        path.write_text(text)
    return list(rules)


def answered(prometheus: Prometheus, question: Question) -> bool:
    if question.over_time:
        now = time()
        lines = prometheus.query_range(question.expression, now - OVER, now, step="5s")
        values = [value for line in lines for _, value in line.points]
    else:
        values = [sample.value for sample in prometheus.query(question.expression)]
    return bool(values) and all(math.isfinite(value) for value in values)


@pytest.mark.parametrize("territory", MAY_BE_EMPTY)
def test_every_panel_has_something_to_show(prometheus: Prometheus, territory: str) -> None:
    variables = {**SUBSTITUTES, f"${conventions.DEPARTMENT_VARIABLE}": territory}
    left = [
        one
        for one in questions(BOARDS, variables)
        if not any(excuse(one) for excuse in MAY_BE_EMPTY[territory])
    ]
    assert len(left) > 200

    def all_answered() -> bool:
        left[:] = [one for one in left if not answered(prometheus, one)]
        return not left

    wait_until(all_answered, seconds=SECONDS)
    assert [str(one) for one in left] == []


def test_what_is_expected_is_drawn_where_a_day_is_projected(prometheus: Prometheus) -> None:
    (projected,) = (
        one
        for one in questions(BOARDS)
        if one.board == conventions.DELEGATE_BOARD
        and metrics.MILESTONE_PROJECTED.name in one.expression
    )
    assert wait_until(lambda: answered(prometheus, projected), seconds=SECONDS)
    titles = {
        CATALOGUE.indicator(one.labels["indicator"]).title
        for one in prometheus.query(projected.expression)
    }
    drawn = [
        one
        for one in questions(BOARDS)
        if one.legend.startswith("Attendu") and one.panel.partition(" dans le temps")[0] in titles
    ]
    assert len(drawn) == 3 * len(titles)
    assert wait_until(lambda: any(answered(prometheus, one) for one in drawn), seconds=SECONDS)
    observed = [one for one in drawn if "rythme" not in one.legend]
    assert all(answered(prometheus, one) for one in observed)


def test_lines_of_the_delegate_s_table_are_whole(prometheus: Prometheus) -> None:
    columns = [
        one
        for one in questions(BOARDS)
        if (one.board, one.panel) == (conventions.DELEGATE_BOARD, "Les promesses : où en est-on ?")
    ]
    promised = {
        (indicator.id, milestone.id)
        for indicator in CATALOGUE.indicators
        for milestone in indicator.milestones
        if milestone.target is not None and milestone.holds(None)
    }

    def rows(question: Question) -> set[tuple[str, str]]:
        samples = prometheus.query(question.expression)
        return {(one.labels["indicator"], one.labels["milestone"]) for one in samples}

    *always, projected, unexplained = columns
    assert wait_until(lambda: all(rows(one) == promised for one in always), seconds=SECONDS)
    assert rows(projected) <= promised
    assert rows(unexplained) <= promised
