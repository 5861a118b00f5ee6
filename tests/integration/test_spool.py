"""The client's spool on a disk that is full; tests/crash kills its programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.commands import captured
from tests.support.requirements import give_up, require_programs

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
