"""What `make bench` measures, in little: every engine gets through a workload, the page answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.bench.__main__ import ENGINES
from tests.bench.capacity import measure_capacity
from tests.bench.capacity_report import capacity_text
from tests.bench.engines import Engine
from tests.bench.page import ASKED, measure_page
from tests.bench.region import ENTITIES
from tests.bench.report import page_text
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, HOT, Workload
from tests.support.kafka import KafkaBroker

EVENTS = 400


def short(workload: Workload) -> Workload:
    return replace(workload, events=lambda: islice(workload.events(), EVENTS))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_an_engine_gets_through_a_workload(
    kafka: KafkaBroker, tmp_path: Path, engine: Engine
) -> None:
    stage = Stage(kafka)
    stage.preload(short(HOT))
    stage.preload(short(DISTINCT))  # In place of the other one.

    with stage.application(DISTINCT, events=EVENTS) as application:
        trial = engine.run(stage, application, tmp_path)

    assert trial.events == EVENTS
    assert trial.times.processor_seconds > 0


def test_the_page_answers_all_that_is_asked(kafka: KafkaBroker, tmp_path: Path) -> None:
    few, more = measure_page(
        kafka, tmp_path, report=lambda _: None, sizes=(ENTITIES // 400, ENTITIES // 200), rounds=2
    )

    assert few.events < more.events
    for asked in ASKED:
        assert min(more.wait_ms(asked)) > 0
        assert f"| {asked.name} |" in page_text((few, more))


def test_every_command_gets_through_many_events(kafka: KafkaBroker, tmp_path: Path) -> None:
    found = measure_capacity(kafka, tmp_path, report=lambda _: None, entities=400)

    assert found.events == 1000
    assert found.compared > 0
    assert len(found.runs) == 5
    for run in found.runs:
        assert run.memory_mb > 20
        assert f"| {run.name} |" in capacity_text(found)
