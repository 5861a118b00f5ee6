"""The client's spool, with kill -9 at any moment, while the gateway comes and goes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.gateway_stub import accepted, gateway_stub
from tests.support.spool_process import SpoolProcess
from tests.support.waiting import wait_until

TOKEN = "srt_lycees_" + "A" * 43
LAST = 199
LIVES = 9


@pytest.mark.timeout(180)
def test_nothing_is_lost_and_the_order_is_kept(tmp_path: Path) -> None:
    """What was published arrives, once or more, first in its order, and the spool stays bounded."""
    chance = random.Random(5)
    largest = 0
    with gateway_stub() as gateway:
        producer = SpoolProcess(gateway.url, tmp_path, token=TOKEN, last=LAST)
        for life in range(LIVES):
            # Away in every other life; and one answer of three is lost after the events were taken.
            (gateway.stop if life % 2 else gateway.start)()
            gateway.behaviour = lambda events: None if chance.random() < 1 / 3 else accepted(events)
            process = producer.start()
            until = producer.safe() + chance.randint(0, 25)
            wait_until(
                lambda until=until: producer.safe() >= until,  # type: ignore[misc]
                seconds=chance.uniform(0, 0.7),
                every=0.001,
            )
            process.kill()
            process.communicate()
            largest = max(largest, producer.spool.stat().st_size)
        killed_at = producer.safe()

        gateway.start()
        gateway.behaviour = accepted
        process = producer.start()
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors.decode()
    assert killed_at
    first_seen = list(dict.fromkeys(int(event["id"]) for event in gateway.arrived))
    assert first_seen == list(range(LAST + 1))
    # 40 events of 300 bytes, and what SQLite needs around them.
    assert largest < 100_000
