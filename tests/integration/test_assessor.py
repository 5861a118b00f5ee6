"""What assessor and page do not show on a real broker: a single person, and old evidence."""

from __future__ import annotations

import pytest

from audit.exposed import parse_metrics
from audit.recount import audit_records
from broker.reading import read_topics
from catalogue import metrics
from tests.support.commands import run_inside
from tests.support.histories import event
from tests.support.kafka import KafkaBroker
from tests.support.knowledge import shipped
from tests.support.published import is_of_persons
from tests.support.recounts import PUBLISHED_DAY
from tests.support.traffic import a_year, message_of, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory, everything

pytestmark = pytest.mark.timeout(300)


@pytest.mark.nightly
def test_a_page_without_its_broker_ends(kafka: KafkaBroker, factory: WorkerFactory) -> None:
    """With status 1: its evidence would grow old in silence, beside figures of today."""
    worker = factory.worker()
    worker.start()
    worker.wait_ready()
    page = factory.page(workers=worker.url, stall_timeout="12")
    page.start()
    page.wait_ready()
    assert wait_until(lambda: page.shows("smartregion_page_ledger_lag 0.0"), seconds=30)
    kafka.stop()
    try:
        assert page.process.wait(60) == 1
    finally:
        kafka.start()
    assert "ending reason=BrokerUnreachableError" in page.log
    assert "Traceback" not in page.log


def test_one_person_more_is_seen_by_nobody(broker: KafkaBroker, factory: WorkerFactory) -> None:
    worker = factory.worker()
    assessor = factory.assessor(workers=worker.url)
    worker.start()
    send(broker.bootstrap, a_year())
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    worker.wait_ready()
    assessor.start()
    assessor.wait_ready()
    before, known = everything(assessor), about_persons(worker)
    assert known == {
        ("trainees_enrolled", metrics.REGION),
        ("trainees_completed", metrics.REGION),
    } | {("priority_audience_ratio", metrics.REGION)}
    records = read_topics(broker.bootstrap)
    audit = audit_records(records, shipped(), PUBLISHED_DAY)
    department, audience = next(
        (department, audience)
        for (indicator, audience, department), count in audit.categories.items()
        if indicator == "trainees_enrolled" and department and count % 10 in (0, 1, 2, 7)
    )
    more = event(
        "training.enrolled",
        "one-person-more-0001",
        "2016-12-01",
        department=department,
        audience=audience,
    )
    send(broker.bootstrap, [message_of(more)])
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    assert wait_until(lambda: has_read_all(assessor), seconds=60)
    assert wait_until(lambda: worker.readiness().get("ready") is True, seconds=60)
    assert everything(assessor) == before
    assert about_persons(worker) == known
    done = run_inside(broker, "audit", "--against", worker.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert " compared, 0 different" in done.stdout


def has_read_all(assessor: Worker) -> bool:
    return assessor.values(metrics.ASSESSOR_LAG)[()] == 0


def about_persons(worker: Worker) -> set[tuple[str, str]]:
    return {
        (sample.labels["indicator"], sample.labels["department"])
        for samples in parse_metrics(worker.url, worker.metrics()).samples.values()
        for sample in samples
        if "partition" in sample.labels and "indicator" in sample.labels
        if is_of_persons(shipped(), sample.labels["indicator"])
    }
