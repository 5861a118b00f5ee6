"""The client's spool, with kill -9 at any moment, while the gateway comes and goes."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.support.commands import captured
from tests.support.gateway_stub import accepted, gateway_stub
from tests.support.requirements import give_up, require_programs
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


#: Fills a spool on a disk of its own, empties it, and fills it again.
FILLED = """
import sys
from itertools import count
from pathlib import Path
from sources.client import Spool, SpoolFullError

spool = Spool(Path(sys.argv[1]) / "spool")
for _ in range(2):
    try:
        for number in count():
            spool.append(b"x" * 100_000)
    except SpoolFullError:
        filled = number
    while len(spool):
        spool.remove(spool.head(500, 2**20))
    print(filled)
"""


@pytest.mark.timeout(60)
def test_a_spool_that_has_filled_its_disk_can_be_emptied(tmp_path: Path) -> None:
    """SQLite's log takes room before any is given back."""
    if os.geteuid() != 0:
        give_up("only root may mount a disk")
    require_programs("unshare", "mount", remedy="Debian has them")
    script = tmp_path / "filled.py"
    script.write_text(FILLED, encoding="utf-8")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = 'mount -t tmpfs -o size=32m tmpfs "$0" && exec "$1" "$2" "$0"'

    done = captured(
        ["unshare", "--mount", "bash", "-c", mounted, disk, sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
    first, second = map(int, done.stdout.split())
    assert first > 50
    assert second >= first - 50  # What was given back is taken again.
