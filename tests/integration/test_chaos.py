"""The chaos run, three minutes of it: all kinds of faults, all figures checked each minute."""

import logging
from pathlib import Path

import click
import pytest

from operations.programs.kafka import missing_requirement
from tests.chaos.faults import FAULTS_A_MINUTE, FaultKind
from tests.chaos.journal import Journal, RunPlan
from tests.chaos.run import Chaos
from tests.support.requirements import give_up

MINUTES = 3
# A rate, and a producer that lingers, that leave the processors to the tests beside it.
PLAN = RunPlan(seed=1, rate=300, workers=2, linger_ms=100)


@pytest.mark.nightly
@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_every_figure_is_right_after_many_faults(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if reason := missing_requirement():
        give_up(reason)
    caplog.set_level(logging.CRITICAL)
    chaos = Chaos(tmp_path / "journal.json", click.echo, fresh_every=MINUTES)
    journal = chaos.run(Journal(plan=PLAN), MINUTES)
    assert not journal.failed
    # A fault whose target is down already is not done; seldom more than one is not.
    done = journal.faults_done
    assert sum(done.values()) >= MINUTES * FAULTS_A_MINUTE - 2
    assert sum(map(bool, done.values())) >= len(FaultKind) - 2
    for minute in journal.minutes:
        assert minute.figures > 100
        assert minute.assessed > 50
        assert minute.receipts > 0
        assert minute.acknowledged >= PLAN.seconds * PLAN.rate / 4
    assert journal.total("restarts") >= 1
