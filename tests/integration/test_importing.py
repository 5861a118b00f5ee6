"""Imports to a real broker: once each, and the figures that follow.

tests/crash kills an import at each of its writes.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from broker.reading import read_topics
from events.cloudevent import decode
from events.fact import Family
from events.observation import Territory
from events.topics import topic_name
from sources.importing.pilote import PiloteValue, ValueKind, pilote_text
from tests.support.barometer import observed_entry, pasted, programme
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.tables import write_file
from tests.support.traffic import wait_done
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(300)

LINES = 12_000
INDICATORS = 20
FIRST_DAY, LAST_DAY = date(2012, 1, 1), date(2019, 12, 31)


def ids(broker: KafkaBroker) -> Counter[str]:
    records = read_topics(broker.bootstrap, topics=[topic_name(Family.OBSERVATIONS)])
    return Counter(decode(record.headers, record.value).id for record in records)


def values(seed: int) -> list[PiloteValue]:
    chance = random.Random(seed)
    cells: dict[object, PiloteValue] = {}
    for number in range(1, INDICATORS + 1):
        for territory in Territory:
            name = f"IND-{number:03}"
            for kind, day in ((ValueKind.INITIAL, FIRST_DAY), (ValueKind.TARGET, LAST_DAY)):
                value = Decimal(chance.randint(0, 1000)) / 10
                cells[name, territory, kind] = PiloteValue(name, territory, day, kind, value)
    while len(cells) < LINES:
        one = PiloteValue(
            f"IND-{chance.randint(1, INDICATORS):03}",
            chance.choice(list(Territory)),
            FIRST_DAY + timedelta(chance.randrange((LAST_DAY - FIRST_DAY).days)),
            ValueKind.CURRENT,
            None if chance.random() < 0.05 else Decimal(chance.randint(0, 10_000)) / 100,
        )
        cells[one.key] = one
    return list(cells.values())


@pytest.mark.nightly
def test_what_is_imported_is_counted_and_exported_again(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    cells = values(7)
    current = [one for one in cells if one.kind is ValueKind.CURRENT]
    entries = (observed_entry(name) for name in sorted({one.indicator for one in cells}))
    file, declared = write_file(tmp_path, pilote_text(cells)), programme(*entries)
    catalogue = write_file(tmp_path, declared, name="pilote.yaml")
    options = ("--journal", str(tmp_path / "journal.sqlite3"), "--catalogue", str(catalogue))
    command = ("import", "pilote", *options, str(file))

    done = run(broker, *command)
    assert done.returncode == 1, done.stderr + done.stdout
    assert catalogue.read_text() == declared
    catalogue.write_text(pasted(declared, done.stdout))
    sent = ids(broker)
    assert len(sent) == sent.total() == len(current)
    again = run_inside(broker, *command)
    assert again.stdout.startswith(f"0 sent to {broker.bootstrap}, {len(current)} there")
    assert (again.returncode, "replace" in again.stdout) == (0, False)
    assert ids(broker) == sent

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMART_REGION_CATALOGUE", str(catalogue))
        worker = factory.worker()
        worker.start()
        assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
        worker.wait_ready()
        audit = run_inside(broker, "audit", "--against", worker.url, "--json")
        assert audit.returncode == 0, audit.stdout
        exported = tmp_path / "exported.csv"
        export = run_inside(broker, "export", "--format", "pilote", "--out", str(exported))
        assert export.returncode == 0, export.stderr
    figures = {
        (one["indicator"], one["department"]): one["value"]
        for one in json.loads(audit.stdout)["figures"]
        if one["last_reported"]
    }
    assert figures == dict(last_values(current))
    kept = [one for one in cells if one.value is not None]
    assert exported.read_bytes() == pilote_text(kept).encode()


def last_values(current: Sequence[PiloteValue]) -> Iterator[tuple[tuple[str, str | None], float]]:
    for one in sorted(current, key=lambda value: value.day):
        if one.value is not None and one.territory is not Territory.COUNTRY:
            department = one.territory.department
            name = one.indicator.lower().replace("-", "_")
            yield (name, department and department.value), float(one.value)
