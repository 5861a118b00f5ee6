"""What `make bench` compares, in little: every engine gets through a workload."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.bench.__main__ import ENGINES
from tests.bench.engines import Engine
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, HOT, Workload
from tests.support.kafka import KafkaBroker

EVENTS = 400


def short(workload: Workload) -> Workload:
    """Return the beginning of a workload."""
    return replace(workload, events=lambda: islice(workload.events(), EVENTS))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_an_engine_gets_through_a_workload(
    kafka: KafkaBroker, tmp_path: Path, engine: Engine
) -> None:
    """It commits all of it, while events of the other one count as read without any state."""
    stage = Stage(kafka)
    stage.preload(short(HOT))
    stage.preload(short(DISTINCT))

    with stage.application(DISTINCT, events=EVENTS) as application:
        trial = engine.run(stage, application, tmp_path)

    assert trial.events == EVENTS
    assert trial.times.processor_seconds > 0
