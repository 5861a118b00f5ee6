"""Programs that write what lasts, killed at their writes, and on a disk that is full or fails."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.crash.scenarios import NAMES, opened, spooling
from tests.crash.stage import Stage
from tests.crash.trying import injections, recorded_calls, tried, try_at
from tests.support.gateway_stub import gateway_stub
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up, require_programs

pytestmark = pytest.mark.timeout(300)

SEED = 1
POINTS = {"spool": 16, "import": 5, "replay": 2, "discard": 2, "erase": 2}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    require_programs("strace", remedy="run deploy/debian-packages.sh as root")
    if os.geteuid() != 0:
        give_up("strace may trace any process only for root")
    with Stage() as stage:
        yield stage


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=[pytest.mark.nightly] * (one in ("erase", "import")))
        for one in NAMES
    ],
)
def test_a_run_that_is_cut_short_at_a_write_is_ended_rightly_by_the_next(
    name: str, stage: Stage, shared_broker: KafkaBroker
) -> None:
    with opened([name], shared_broker) as (scenario,):
        outcome = tried(stage, scenario, points=POINTS[name], seed=SEED)

    assert [(str(one), one.problems) for one in outcome.wrong] == []
    assert len(outcome.attempts) == min(POINTS[name], outcome.injections)
    assert outcome.reached


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("fault", "call", "cuts_power"),
    [("forgets", ("sendto", "POST"), False), ("leaves-to-the-system", ("write", "notes"), True)],
)
def test_a_spool_that_loses_events_is_found(
    stage: Stage, *, fault: str, call: tuple[str, str], cuts_power: bool
) -> None:
    """Killed as it sends what it has forgotten; by a power cut once it has said that it is safe."""
    with gateway_stub() as gateway:
        faulty = spooling(gateway, fault)
        found = [
            one
            for one in injections(faulty, recorded_calls(stage, faulty))
            if (one.call.name, one.call.what) == call and one.cuts_power == cuts_power
        ]
        attempts = [try_at(stage, faulty, one) for one in found[:6]]

    problems = [problem for one in attempts for problem in one.problems]
    assert any("neither arrived nor spooled: [" in problem for problem in problems)
