"""The assessor asks workers on a real broker: its figures are the audit's, whoever owns what."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from audit.recount import audit_records
from broker.reading import read_topics
from catalogue import metrics
from catalogue.figure import figures_of
from catalogue.judgement import judge_all
from events.topics import DEFAULT_PARTITIONS
from tests.support.guide import blocks_of
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.knowledge import shipped
from tests.support.published import published_values
from tests.support.recounts import LAST_DAY, PUBLISHED_DAY
from tests.support.requirements import require_programs
from tests.support.traffic import Message, message_of, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

SETTLE_SECONDS = 90.0
UNREACHABLE = "127.0.0.1:9"
PAGE = Path(__file__).parents[2] / "docs" / "histories.md"
#: Where the page's worker listens.
SHOWN_ADDRESS = "127.0.0.1:6066"


@cache
def quarters() -> Sequence[Sequence[Message]]:
    messages = region(7, date(2016, 1, 1), date(2016, 6, 30))
    size = len(messages) // 4 + 1
    return [messages[start : start + size] for start in range(0, len(messages), size)]


def audited_values(bootstrap: str) -> dict[tuple[str, ...], float]:
    """Return every figure that was ever reported, counted from the raw topics.

    Figures about persons are the published ones.
    """
    catalogue, records = shipped(), list(read_topics(bootstrap))
    audit = audit_records(records, catalogue, LAST_DAY)
    published = published_values(audit_records(records, catalogue, PUBLISHED_DAY))
    counted: dict[tuple[str, ...], float] = {
        ("formation", indicator, department or metrics.REGION): value
        for (indicator, department), value in published.items()
    }
    for figure in figures_of(catalogue, judge_all(catalogue, audit.histories, LAST_DAY), LAST_DAY):
        if figure.value is not None:
            department = figure.department or metrics.REGION
            counted[figure.programme, figure.indicator, department] = figure.value
    return counted


def equals_the_audit(broker: KafkaBroker, assessor: Worker, *workers: Worker) -> None:
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), logs(*workers)
    counted = audited_values(broker.bootstrap)

    def same() -> bool:
        return assessor.values(metrics.INDICATOR_ASSESSED_VALUE) == pytest.approx(counted)

    assert wait_until(same, seconds=SETTLE_SECONDS, every=0.3), logs(assessor, *workers)
    assert len(counted) > 40


def logs(*processes: Worker) -> str:
    return "\n".join(process.log[-3000:] for process in processes)


def owned(*workers: Worker) -> list[int]:
    return sorted(one for worker in workers for one in worker.readiness().get("partitions", ()))


def owns_everything(*workers: Worker) -> bool:
    return all(worker.ready for worker in workers) and owned(*workers) == list(
        range(DEFAULT_PARTITIONS)
    )


def test_figures_equal_the_audit_whoever_owns_what(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    first, second, third = (factory.worker(name) for name in ("first", "second", "third"))
    everybody = (first, second, third)
    urls = ",".join(worker.url for worker in everybody)
    # It needs no broker.
    assessor = factory.assessor(workers=urls, broker=UNREACHABLE)
    assessor.start()
    with supervised(first), supervised(second):
        send(broker.bootstrap, quarters()[0])
        equals_the_audit(broker, assessor, *everybody)

        third.start()
        send(broker.bootstrap, quarters()[1])
        assert wait_until(lambda: owns_everything(*everybody), seconds=60)
        equals_the_audit(broker, assessor, *everybody)

        third.sleep()
        send(broker.bootstrap, quarters()[2])
        assert wait_until(lambda: owns_everything(first, second), seconds=60)
        equals_the_audit(broker, assessor, first, second)
        third.wake()
        second.process.kill()
        send(broker.bootstrap, quarters()[3])
        equals_the_audit(broker, assessor, first, second)

        third.stop()
        assert wait_until(lambda: owns_everything(first, second), seconds=60)
        equals_the_audit(broker, assessor, first, second)
    assert assessor.alive


def test_the_commands_of_its_page_ask_a_worker(broker: KafkaBroker, factory: WorkerFactory) -> None:
    require_programs("curl", remedy="see deploy/debian-packages.sh")
    worker = factory.worker()
    worker.start()
    worker.wait_ready()
    (block,) = (one for one in blocks_of(PAGE) if one.language == "sh")
    everything_now, changes = block.text.replace(SHOWN_ADDRESS, worker.address).splitlines()

    head = told(everything_now)[0]
    assert head["since"] is None
    assert head["partitions"] == head["partitions_expected"]
    lycee = event("school.registered", uai("0750001"), "2018-01-01")
    send(broker.bootstrap, [message_of(lycee)])
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), logs(worker)
    changed, *lines = told(changes, POSITION=head["position"])
    assert changed["since"] == head["version"]
    announced = sum(one["series"] for one in lines if isinstance(one, dict))
    assert announced == sum(isinstance(one, list) for one in lines) > 0


def told(command: str, **variables: str) -> list[Any]:
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
