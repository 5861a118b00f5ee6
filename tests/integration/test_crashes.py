"""Programs that write what lasts, killed at their writes, and on a disk that is full or fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.crash.run import tried
from tests.crash.scenarios import NAMES, opened
from tests.crash.spooling import Spooling
from tests.crash.stage import Stage
from tests.crash.trying import injections, recorded_calls, try_at
from tests.support.gateway_stub import gateway_stub
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up, require_programs

pytestmark = pytest.mark.timeout(300)

SEED = 1
POINTS = {"spool": 16, "import": 6, "replay": 3, "discard": 2, "erase": 3}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Yield what runs the programs under strace."""
    require_programs("strace", remedy="run tests/crash/packages.sh as root on Debian")
    if os.geteuid() != 0:
        give_up("strace may trace any process only for root")
    with Stage() as stage:
        yield stage


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_cut_short_at_a_write_is_ended_rightly_by_the_next(
    name: str, stage: Stage, shared_broker: KafkaBroker
) -> None:
    """Nothing is lost or untrue in between, wherever it is killed or its disk fails."""
    with opened([name], shared_broker) as (scenario,):
        outcome = tried(stage, scenario, points=POINTS[name], seed=SEED)

    assert [(str(one.injection), one.problems) for one in outcome.wrong] == []
    assert len(outcome.attempts) == min(POINTS[name], outcome.injections)
    assert outcome.reached > POINTS[name] // 3


def test_a_program_that_loses_an_event_is_found(stage: Stage) -> None:
    """A spool that forgets what it is about to send, killed as it sends."""
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_stub())
        forgetful = Spooling(gateway, module="tests.support.forgetful_producer")
        sends = [
            one
            for one in injections(forgetful, recorded_calls(stage, forgetful))
            if one.call.what == "POST"
        ]
        attempt = try_at(stage, forgetful, sends[0])

    assert attempt.reached
    assert "neither arrived nor spooled: [" in attempt.problems[0]
