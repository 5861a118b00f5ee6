"""What `make bench` measures, in little: every engine gets through a workload, the page answers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from operations.programs.kafka import QUICK_START
from tests.bench.__main__ import PARTS
from tests.bench.application import Application
from tests.bench.capacity import measure_capacity
from tests.bench.engines import ENGINES, Engine
from tests.bench.harness import DOCS, Bench, section
from tests.bench.page import ASKED, measure_page
from tests.bench.peers.peers import PEERS, versions
from tests.bench.region import ENTITIES
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, HOT, Workload
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up

pytestmark = pytest.mark.nightly

EVENTS = 400


def short(workload: Workload) -> Workload:
    return replace(workload, events=lambda: islice(workload.events(), EVENTS), entities=EVENTS)


@contextmanager
def staged(kafka: KafkaBroker) -> Iterator[tuple[Stage, Application]]:
    stage = Stage(kafka)
    stage.preload(short(HOT))
    stage.preload(short(DISTINCT))  # In place of the other one.
    with stage.application(DISTINCT) as application:
        yield stage, application


@pytest.mark.parametrize("engine", dict.fromkeys((*ENGINES, *PEERS)), ids=lambda one: one.name)
def test_an_engine_does_its_whole_work(
    kafka: KafkaBroker, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", " ".join(QUICK_START))
    if not engine.installed:
        give_up(
            "a peer is not installed: run tests/packages.sh with the folders of PEERS, see Makefile"
        )
    with staged(kafka) as (stage, application):
        given = (Bench(kafka, tmp_path), stage, application, EVENTS)
        trial = engine.run(*given)
        restored_in = engine.restore(*given) if engine.restores else 0.0

    assert trial.events == EVENTS
    assert trial.written in (EVENTS, None)
    assert trial.times.processor_seconds > 0
    assert restored_in < math.inf


def test_the_page_answers_all_that_is_asked(kafka: KafkaBroker, tmp_path: Path) -> None:
    sizes = (ENTITIES // 400, ENTITIES // 200)

    found = measure_page(Bench(kafka, tmp_path), sizes=sizes, rounds=2)

    for asked in ASKED:
        assert re.search(rf"^\| {asked.name} \| [1-9][\d.]* \| [1-9]", found, re.MULTILINE)
    [(few, more)] = re.findall(r"^\| events in its ledger \| (.*) \| (.*) \|$", found, re.MULTILINE)
    assert int(few.replace(" ", "")) < int(more.replace(" ", ""))


def test_every_command_gets_through_many_events(kafka: KafkaBroker, tmp_path: Path) -> None:
    found = measure_capacity(Bench(kafka, tmp_path, entities=400))

    assert "| events, entities | 1 000, 400 |" in found
    assert re.search(r"^\| figures compared by the audit \| [1-9]", found, re.MULTILINE)
    runs = re.findall(r"^\| \w[\w ,]+ \| \d+ \| \d+ \| (\d+) \| \d+ \|$", found, re.MULTILINE)
    assert len(runs) == 4
    assert min(map(int, runs)) > 20


def test_pages_have_a_place_for_each_part_and_the_peers_a_version() -> None:
    for _, mark, page in PARTS.values():
        assert section(mark).search((DOCS / page).read_text(encoding="utf-8"))
    assert "?" not in versions().values()
    assert versions().keys() == {"confluent-kafka", "quixstreams", "Kafka Streams"}
