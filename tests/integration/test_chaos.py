"""The chaos run, three minutes of it: all kinds of faults, all figures checked each minute."""

import logging

import click
import pytest

from operations.programs.kafka import missing_requirement
from tests.chaos.faults import FAULTS_A_MINUTE, FaultKind
from tests.chaos.run import Chaos, faults_done
from tests.support.requirements import give_up

MINUTES = 3


@pytest.mark.nightly
@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_every_figure_is_right_after_many_faults(caplog: pytest.LogCaptureFixture) -> None:
    if reason := missing_requirement():
        give_up(reason)
    caplog.set_level(logging.CRITICAL)
    chaos = Chaos(1, click.echo, rate=300, workers=2, linger_ms=100, fresh_every=MINUTES)
    results = chaos.run(MINUTES)
    assert not any(one.problems for one in results)
    # A fault whose target is down already is not done; seldom more than one is not.
    done = faults_done(results)
    assert sum(done.values()) >= MINUTES * FAULTS_A_MINUTE - 2
    assert sum(map(bool, done.values())) >= len(FaultKind) - 2
    for minute in results:
        assert minute.counts["figures"] > 100
        assert minute.counts["assessed"] > 50
        assert minute.counts["receipts"] > 0
        assert minute.counts["acknowledged"] >= chaos.seconds * chaos.rate / 4
    assert sum(one.counts["restarts"] for one in results) >= 1
