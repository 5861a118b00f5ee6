"""The event ledger: what is stored, and what is the latest of an entity, fact and day."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.fact import Family
from report.ledger import LEDGER_TOPICS, EventLedger
from streams.dead_letters import FORWARDED_FROM
from tests.support.audits import raw, raw_record
from tests.support.histories import event, uai
from tests.support.knowledge import simulated_records
from tests.support.ledgers import numbered

PARIS = uai("0750001")


def schools() -> list[RawRecord]:
    """Return the records of one lycée, on one partition: registered, and connected three times."""
    connected = [
        raw("school.connected", PARIS, "2018-02-01", partition=0, at=f"2018-03-{day:02}T00:00:00")
        for day in range(1, 4)
    ]
    return numbered([raw("school.registered", PARIS, "2018-01-01", partition=0), *connected])


@pytest.fixture
def ledger() -> Iterator[EventLedger]:
    with EventLedger(threads=1) as opened:
        yield opened


def test_a_workers_copy_is_marked(ledger: EventLedger) -> None:
    said = event("school.connected", PARIS, "2018-02-01")
    copy = raw_record(said, partition=1, headers=[(FORWARDED_FROM, b"smartregion.schools/0/0")])
    ledger.append([raw_record(said, partition=0), copy])

    assert ledger.query('SELECT "partition", forwarded FROM event ORDER BY 1') == [
        (0, False),
        (1, True),
    ]


def test_no_event_about_a_person_is_stored(ledger: EventLedger) -> None:
    ledger.append([raw("training.enrolled", "enrolment-000001", "2018-01-01")])

    assert (ledger.events, ledger.query("SELECT * FROM event")) == (0, [])


def test_the_topics_of_persons_are_not_read() -> None:
    about_persons = {"smartregion.trainings"}

    assert {f"smartregion.{family}" for family in Family} - set(LEDGER_TOPICS) == about_persons


def test_refused_and_skipped_records_are_not_stored(ledger: EventLedger) -> None:
    broken, skipped, *others = schools()
    records = [broken._replace(value=b"{"), skipped, *others]
    ledger.append(records, skipped={RecordOrigin(*skipped[:3])})

    assert ledger.query('SELECT "offset" FROM event ORDER BY 1') == [(2,), (3,)]
    assert ledger.events == 2


@pytest.mark.slow
def test_what_outgrows_memory_goes_to_the_work_folder(tmp_path: Path) -> None:
    """Without one the error names what to change, and what was stored before stays."""
    records = simulated_records()
    copies = "INSERT INTO event SELECT * REPLACE (entity || 'x' AS entity) FROM event"
    for spill in (None, tmp_path):
        with EventLedger(threads=1, memory="64MB", spill=spill) as ledger:
            ledger.append(records)
            stored = ledger.events
            if spill is None:
                with pytest.raises(SmartRegionError, match="SMART_REGION_PAGE_LEDGER_MB"):
                    double(ledger, copies)
                assert ledger.query("SELECT count(*) FROM event")[0][0] >= stored
            else:
                double(ledger, copies)
                assert ledger.query("SELECT count(*) FROM event") == [(stored * 16,)]
                assert list(tmp_path.iterdir())


def double(ledger: EventLedger, copies: str) -> None:
    for _ in range(4):
        ledger.query(copies)


def test_no_query_reads_another_file(ledger: EventLedger) -> None:
    with pytest.raises(SmartRegionError, match="disabled by configuration"):
        ledger.query("SELECT * FROM read_text('/etc/hostname')")


def test_a_cleared_ledger_is_empty(ledger: EventLedger) -> None:
    records = schools()
    ledger.append(records)
    ledger.clear()
    assert (ledger.events, ledger.query("SELECT * FROM event")) == (0, [])

    ledger.append(records)
    assert ledger.events == 4


def test_a_snapshot_does_not_move(ledger: EventLedger) -> None:
    records = schools()
    ledger.append(records[:1])
    with ledger.snapshot() as query:
        before = query("SELECT count(*) FROM event")
        ledger.append(records[1:])

        assert query("SELECT count(*) FROM event") == before == [(1,)]


def test_threads_read_while_one_writes(ledger: EventLedger) -> None:
    records = numbered(
        raw("dataset.updated", f"d{n}", "2018-01-01", partition=0) for n in range(200)
    )
    batches = [records[start : start + 10] for start in range(0, 200, 10)]
    with ThreadPoolExecutor(4) as threads:
        counts = [threads.submit(ledger.query, "SELECT count(*) FROM event") for _ in range(40)]
        for batch in batches:
            ledger.append(batch)
        found = [answer.result()[0][0] for answer in counts]

    assert all(count % 10 == 0 for count in found)
    assert ledger.events == 200
