"""The chaos run, short: three brokers, two of them killed, workers and gateway too."""

import logging
from pathlib import Path

import pytest

from tests.chaos.faults import Fault, FaultKind
from tests.chaos.minute import GATEWAY_SHARE, Minutes
from tests.chaos.system import System
from tests.chaos.traffic import KafkaTraffic, prepared_messages
from tests.support.kafka import missing_requirement
from tests.support.requirements import give_up

RATE = 300
SECONDS = 30.0

FAULTS = (
    Fault(kind=FaultKind.BROKER_KILL, target=0, at=2, seconds=5),
    Fault(kind=FaultKind.WORKER_PAUSE, target=1, at=4, seconds=9),
    Fault(kind=FaultKind.GATEWAY_KILL, target=0, at=6, seconds=2),
    Fault(kind=FaultKind.NETWORK_HALF_OPEN, target=2, at=9, seconds=4),
    Fault(kind=FaultKind.WORKER_KILL, target=0, at=14, seconds=3),
    Fault(kind=FaultKind.NETWORK_DELAY, target=0, at=15, seconds=5, delay=100),
    Fault(kind=FaultKind.BROKER_DISK_FULL, target=1, at=20, seconds=5),
)


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_every_figure_is_right_after_many_faults(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All events are accounted for, and all receipts are true, once everything has healed."""
    if reason := missing_requirement():
        give_up(reason)
    caplog.set_level(logging.CRITICAL)
    messages = prepared_messages(1)
    events = [one.message.value for one in messages if one.is_event]
    with System.started(tmp_path, workers=2) as system:
        traffic = KafkaTraffic(
            system.cluster.bootstrap, messages, rate=round(RATE * (1 - GATEWAY_SHARE)), seed=1
        )
        result = Minutes(system, traffic, events, rate=RATE).run(1, FAULTS, seconds=SECONDS)
    assert result.problems == ()
    assert result.done == dict.fromkeys((fault.kind for fault in FAULTS), 1)
    assert result.figures > 100
    assert result.assessed > 50
    assert result.receipts > 0
    assert result.acknowledged >= SECONDS * RATE / 4
    assert result.restarts >= 1
