"""The page on a real broker: its figures are the audit's, and each has its evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias
from urllib.parse import urlencode

import pytest

from events.topics import topic_name
from tests.support.assistants import CALLS, answers, page_object, program, text_of
from tests.support.children import probed
from tests.support.commands import run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.knowledge import shipped
from tests.support.published import is_of_persons
from tests.support.traffic import a_year, message_of, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

Figures: TypeAlias = dict[tuple[str, str | None], tuple[float | None, str | None]]

#: Days of the year that is sent, and what was known of them on others.
CHOICES: tuple[dict[str, str], ...] = (
    {},
    {"as_of": "2016-03-31"},
    {"as_of": "2016-06-30", "known_on": "2016-06-30"},
    {"as_of": "2016-06-30", "known_on": "2016-07-05"},
    {"as_of": "2016-09-30", "known_on": "2016-12-01"},
)
#: A lycée that the simulation does not know.
NEW = uai("0754321")


def fetched(page: Worker, path: str) -> str:
    return probed(f"{page.url}/{path}", seconds=30)[1].decode()


def shown(page: Worker, **choice: str) -> Figures:
    found: Figures = {}
    for indicator in shipped().indicators:
        if indicator.publication is None:
            rows = json.loads(fetched(page, f"promesses/{indicator.id}.json?{urlencode(choice)}"))
            for row in rows:
                found.setdefault(
                    (indicator.id, row["department"]), (row["number"], row["milestone_status"])
                )
    return found


def audited(broker: KafkaBroker, **choice: str) -> Figures:
    options = [
        part for name, day in choice.items() for part in (f"--{name.replace('_', '-')}", day)
    ]
    done = run_inside(broker, "audit", *options, "--json")
    assert done.returncode == 0, done.stderr
    figures: list[dict[str, Any]] = json.loads(done.stdout)["figures"]
    return {
        (one["indicator"], one["department"]): (
            one["value"] if one["last_reported"] else None,
            one["status"],
        )
        for one in figures
        if not is_of_persons(shipped(), one["indicator"])
    }


@pytest.fixture(scope="module")
def page(shared_broker: KafkaBroker, shared_factory: WorkerFactory) -> Iterator[Worker]:
    worker = shared_factory.worker()
    page = shared_factory.page(workers=worker.url)
    with supervised(worker):
        send(shared_broker.bootstrap, a_year())
        assert wait_done(shared_broker.bootstrap, seconds=90), worker.log[-3000:]
        page.start()
        page.wait_ready()
        assert wait_until(lambda: has_read_all(page), seconds=60), page.log[-3000:]
        yield page


def has_read_all(page: Worker) -> bool:
    return page.shows("smartregion_page_ledger_lag 0.0")


def test_every_figure_is_the_audits(shared_broker: KafkaBroker, page: Worker) -> None:
    compared = 0
    for choice in CHOICES:
        figures, counted = shown(page, **choice), audited(shared_broker, **choice)
        assert figures.keys() == counted.keys()
        for key, (value, status) in figures.items():
            assert value == pytest.approx(counted[key][0]), (choice, key)
            assert status == counted[key][1], (choice, key)
            compared += 1
    assert compared > 300


def test_an_assistant_is_told_what_the_page_shows(page: Worker) -> None:
    found = answers(program(page.url), *(call for call, _ in CALLS))
    for answer, (call, path) in zip(found, CALLS, strict=True):
        assert answer.structured_content == page_object(page.url, path), call
        assert "Chiffres" in text_of(answer), call


def test_the_evidence_of_every_figure_adds_up(page: Worker) -> None:
    for indicator in shipped().indicators:
        if indicator.publication is not None:
            continue
        for territory in ("region", "77"):
            text = fetched(page, f"promesses/{indicator.id}/preuves?territory={territory}")
            assert "exactement celui du chiffre affiché" in text, (indicator.id, territory)


def test_what_arrives_is_shown_with_its_event(shared_broker: KafkaBroker, page: Worker) -> None:
    registered = event("school.registered", NEW, "2016-05-01", name="Lycée d’essai")
    connected = event("school.connected", NEW, "2016-11-01")
    send(shared_broker.bootstrap, [message_of(registered), message_of(connected)])

    path = f"entites/schools/{NEW}"
    assert wait_until(lambda: "school.connected" in fetched(page, path), seconds=60), page.log[
        -3000:
    ]
    text = fetched(page, path)
    assert "Lycée d’essai" in text
    assert topic_name(registered.fact.FAMILY) in text
    assert len(re.findall(r"partition \d+, offset \d+", text)) == 2
