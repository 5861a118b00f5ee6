"""The memory of an audit, which reads all records: it does not grow with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENTITIES = 4_000
#: In MB, for four times the records: caches, and what stays in memory while it is little. All of
#: their states take 26 more.
MOST_MORE_MB = 18.0

PROGRAM = """
import re, sys
from datetime import date
from pathlib import Path
from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.topics import topic_name
from audit.recount import audit_records
from events.cloudevent import encode_structured
from tests.bench.workloads import many_events

entities, folder = int(sys.argv[1]), Path(sys.argv[2])
records = (
    RawRecord(
        topic_name(event.fact.FAMILY),
        0,
        offset,
        *encode_structured(event),
        timestamp=1_700_000_000_000,
    )
    for offset, event in enumerate(many_events(entities))
)
day, catalogue, work = date(2020, 12, 31), load_catalogue(), WorkFolder(folder)
assert audit_records(records, catalogue, day, work=work).account.accepted == entities * 5 // 2
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak[1]) * 1024 / 1e6)
"""


def peak_mb(entities: int, folder: Path) -> float:
    command = [sys.executable, "-c", PROGRAM, str(entities), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    few, many = (peak_mb(entities, tmp_path) for entities in (ENTITIES, 4 * ENTITIES))

    assert many - few < MOST_MORE_MB, (few, many)
