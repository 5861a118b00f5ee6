"""The event ledger: what is stored, exactly once, whenever the process ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from boundary.errors import SmartRegionError
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import RefusalReason
from events.fact import Family
from events.record_rules import END_OF_TIME
from report.ledger import (
    LEDGER_TOPICS,
    EventLedger,
    LedgerCounts,
    LedgerFailedError,
    LedgerOutdatedError,
)
from streams.dead_letters import FORWARDED_FROM
from tests.support.audits import raw, raw_record
from tests.support.explanations import explained
from tests.support.histories import event, uai
from tests.support.knowledge import simulated_records
from tests.support.ledgers import numbered
from tests.support.small_disk import small_disk

PARIS, MEAUX = uai("0750001"), uai("0770001")
NAMING = "Jean Dupont est absent."

ROWS = "SELECT entity, fact, day, content, department, until FROM event ORDER BY recorded, time"


def schools(*, connected: int = 3) -> list[RawRecord]:
    """Give the records of one lycée, on one partition: registered, and connected again and again.

    Each tells the same day, later than the one before.
    """
    told = [raw("school.registered", PARIS, "2018-01-01", partition=0)]
    told += [
        raw("school.connected", PARIS, "2018-02-01", partition=0, at=f"2018-03-{day:02}T00:00:00")
        for day in range(1, connected + 1)
    ]
    return numbered(told)


def failing(records: Sequence[RawRecord], after: int) -> Iterator[RawRecord]:
    yield from records[:after]
    raise KeyboardInterrupt


@pytest.fixture
def ledger() -> Iterator[EventLedger]:
    with EventLedger(threads=1) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.duckdb"


def test_an_event_is_a_row(ledger: EventLedger) -> None:
    record = raw("school.connected", PARIS, "2018-02-01", partition=3, source="urn:lycees", id="7")
    ledger.append([record._replace(offset=41, timestamp=1_520_000_000_000)])

    columns = (
        'SELECT family, entity, fact, type, source, id, "partition", "offset", recorded, department'
    )
    assert ledger.query(columns + " FROM event") == [
        (
            "schools",
            PARIS,
            "school.connected",
            "fr.iledefrance.smartregion.school.connected.v1",
            "urn:lycees",
            "7",
            3,
            41,
            1_520_000_000_000,
            "75",
        )
    ]


def test_content_is_canonical_json(ledger: EventLedger) -> None:
    """Keys are sorted, so that two contents are compared as the workers compare them."""
    ledger.append([raw("school.connected", PARIS, "2018-02-01", downlink_mbps=5)])

    assert ledger.query("SELECT content FROM event") == [
        (f'{{"department": "75", "downlink_mbps": 5, "uai": "{PARIS}"}}',)
    ]


def test_a_workers_copy_is_marked(ledger: EventLedger) -> None:
    said = event("school.connected", PARIS, "2018-02-01")
    copy = raw_record(said, partition=1, headers=[(FORWARDED_FROM, b"smartregion.schools/0/0")])
    ledger.append([raw_record(said, partition=0), copy])

    assert ledger.query('SELECT "partition", forwarded FROM event ORDER BY 1') == [
        (0, False),
        (1, True),
    ]


def test_no_event_about_a_person_is_stored(ledger: EventLedger) -> None:
    (record,) = numbered([raw("training.enrolled", "enrolment-000001", "2018-01-01")])

    assert ledger.append([record]) == 0
    assert ledger.query("SELECT * FROM event") == []
    assert ledger.positions() == {(record.topic, record.partition): 1}


def test_the_topics_of_persons_are_not_read() -> None:
    about_persons = {"smartregion.trainings"}

    assert {f"smartregion.{family}" for family in Family} - set(LEDGER_TOPICS) == about_persons


def test_positions_are_those_after_the_last_records(ledger: EventLedger) -> None:
    first, second = (
        raw("school.registered", PARIS, "2018-01-01"),
        raw("dataset.updated", "a", "2018-01-02"),
    )
    ledger.append([first._replace(partition=2, offset=7), second._replace(partition=0, offset=0)])

    assert ledger.positions() == {("smartregion.schools", 2): 8, ("smartregion.datasets", 0): 1}


def test_records_below_the_position_are_ignored(ledger: EventLedger) -> None:
    records = schools()

    assert ledger.append(records) == 4
    assert ledger.append(records) == 0
    assert ledger.counts().stored == 4


def test_refused_records_are_counted_and_read_once(ledger: EventLedger) -> None:
    broken = raw("school.registered", PARIS, "2018-01-01")._replace(offset=0, value=b"{")

    for _ in range(2):
        ledger.append([broken])

    assert ledger.counts().refused == {RefusalReason.INVALID_JSON: 1}
    assert list(ledger.positions().values()) == [1]


def test_skipped_records_are_not_stored(ledger: EventLedger) -> None:
    records = schools()
    skipped = [RecordOrigin(*records[1][:3])]

    assert ledger.append(records, skipped=skipped) == 3
    assert ledger.counts().skipped == 1


def test_a_record_that_is_skipped_later_is_removed(ledger: EventLedger) -> None:
    records = schools(connected=2)
    ledger.append(records)
    ledger.append([], skipped=[RecordOrigin(*records[2][:3])])

    assert [(fact, until) for _, fact, *_, until in ledger.query(ROWS)] == [
        ("school.registered", END_OF_TIME),
        ("school.connected", END_OF_TIME),
    ]


def test_of_a_text_that_is_taken_back_and_skipped_nothing_is_left(ledger: EventLedger) -> None:
    """Retracted alone it is evidence for ever, whomever it names."""
    told = explained("2018-03-04", NAMING, at="2018-03-05T00:00:00")
    taken_back = explained("2018-03-04", "Retirée.", at="2018-03-06T00:00:00", retracted=True)
    records = numbered([raw_record(one, partition=0) for one in (told, taken_back)])
    ledger.append(records)
    assert NAMING in str(ledger.query("SELECT * FROM event"))

    ledger.append([], skipped=[RecordOrigin(*records[0][:3])])

    assert NAMING not in str(ledger.query("SELECT * FROM event"))
    assert ledger.counts().stored == 1


def test_a_record_that_is_skipped_no_longer_makes_the_ledger_outdated(ledger: EventLedger) -> None:
    records = schools()
    ledger.append(records, skipped=[RecordOrigin(*records[1][:3])])

    with pytest.raises(LedgerOutdatedError, match=r"smartregion\.schools/0/1 was skipped"):
        ledger.append([])


def test_an_event_is_the_latest_until_a_later_one(ledger: EventLedger) -> None:
    ledger.append(schools(connected=3))

    times = ledger.query("SELECT time, until FROM event WHERE fact = 'school.connected' ORDER BY 1")
    assert times == [
        (times[0][0], times[1][0]),
        (times[1][0], times[2][0]),
        (times[2][0], END_OF_TIME),
    ]


def test_the_order_of_arrival_changes_nothing(ledger: EventLedger) -> None:
    first, *others = schools(connected=3)
    ledger.append(numbered([first, *reversed(others)]))
    with EventLedger(threads=1) as in_order:
        in_order.append([first, *others])

        assert ledger.query(ROWS) == in_order.query(ROWS)


@pytest.mark.parametrize("after", range(5))
def test_a_process_killed_in_a_batch_loses_and_doubles_nothing(file: Path, after: int) -> None:
    records = schools(connected=5)
    with EventLedger(file, threads=1) as whole:
        whole.append(records[:2])
        with pytest.raises(KeyboardInterrupt):
            whole.append(failing(records, after))
    with EventLedger(file, threads=1) as ledger:
        position = ledger.positions()["smartregion.schools", 0]
        ledger.append(records[position:])

        assert position == 2
        assert ledger.query('SELECT "offset" FROM event ORDER BY 1') == [(n,) for n in range(6)]


def test_a_process_killed_at_once_leaves_what_was_committed(file: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from report.ledger import EventLedger\n"
        "from tests.support.audits import raw\n"
        "ledger = EventLedger(pathlib.Path(sys.argv[1]), threads=1)\n"
        "ledger.append([raw('dataset.updated', 'a', '2018-01-01')])\n"
        "os._exit(9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(file)], check=False, timeout=60)

    assert ended.returncode == 9
    with EventLedger(file, threads=1) as ledger:
        assert (ledger.counts().stored, len(ledger.positions())) == (1, 1)


def test_a_file_that_is_no_ledger_is_written_anew(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(b"something else" * 1000)
    with EventLedger(file, threads=1) as ledger:
        assert ledger.positions() == {}
    assert "ledger deleted" in caplog.text


def test_a_file_of_another_version_is_written_anew(file: Path) -> None:
    with EventLedger(file, threads=1) as ledger:
        ledger.append(schools())
    with duckdb.connect(str(file)) as database:
        database.execute("UPDATE basis SET value = '0' WHERE name = 'version'")
    with EventLedger(file, threads=1) as ledger:
        assert (ledger.counts().stored, ledger.positions()) == (0, {})


def test_another_programs_database_is_written_anew(file: Path) -> None:
    with duckdb.connect(str(file)) as database:
        database.execute("CREATE TABLE other (n INTEGER)")
    with EventLedger(file, threads=1) as ledger:
        assert ledger.query("SHOW TABLES") != [("other",)]


def test_a_file_in_use_is_left_alone(file: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from report.ledger import EventLedger\n"
        "with EventLedger(pathlib.Path(sys.argv[1]), threads=1):\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(SmartRegionError, match=r"ledger\.duckdb"):
            EventLedger(file, threads=1)
        other.communicate()
    assert other.returncode == 0


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerFailedError, match="nowhere"):
        EventLedger(tmp_path / "nowhere" / "ledger.duckdb", threads=1)


def test_what_fails_in_duckdb_names_the_file(file: Path) -> None:
    ledger = EventLedger(file, threads=1)
    ledger.close()

    with pytest.raises(LedgerFailedError, match=r"ledger\.duckdb"):
        ledger.positions()


def append_in_parts(ledger: EventLedger, records: Sequence[RawRecord]) -> None:
    for start in range(0, len(records), 200):
        ledger.append(records[start : start + 200])


def test_a_full_disk_costs_nothing_that_is_stored(tmp_path: Path) -> None:
    """Queries are answered all the while, and with room again events are stored."""
    records = simulated_records()
    with small_disk(tmp_path / "disk", megabytes=2) as disk:
        file = disk.folder / "ledger.duckdb"
        with EventLedger(file, threads=1) as ledger:
            with pytest.raises(LedgerFailedError, match="No space left on device"):
                append_in_parts(ledger, records)
            stored = ledger.counts().stored
            assert 0 < stored < len(records)
            for _ in range(2):
                # DuckDB answers nothing more after it: what is stored is opened again.
                with pytest.raises(LedgerFailedError, match="checkpoint"):
                    ledger.query("CHECKPOINT")
                assert ledger.counts().stored == stored
            disk.resize(100)
            assert ledger.append(records[:20_000]) + stored == ledger.counts().stored > stored
            stored = ledger.counts().stored
        with EventLedger(file, threads=1) as ledger:
            assert ledger.counts().stored == stored


def test_no_query_reads_another_file(ledger: EventLedger) -> None:
    with pytest.raises(LedgerFailedError, match="disabled by configuration"):
        ledger.query("SELECT * FROM read_text('/etc/hostname')")


def test_what_it_rests_on_is_remembered(file: Path) -> None:
    with EventLedger(file, threads=1) as ledger:
        ledger.bind({"topic smartregion.schools": "one"})
    with EventLedger(file, threads=1) as ledger:
        ledger.bind({"topic smartregion.schools": "one", "rules": "other"})


def test_a_topic_made_anew_makes_the_ledger_outdated(ledger: EventLedger) -> None:
    ledger.bind({"topic smartregion.schools": "one"})

    with pytest.raises(LedgerOutdatedError, match=r"smartregion\.schools is 'two', and was 'one'"):
        ledger.bind({"topic smartregion.schools": "two"})


def test_a_cleared_ledger_is_empty(ledger: EventLedger) -> None:
    records = schools()
    ledger.bind({"topic smartregion.schools": "one"})
    ledger.append(records, skipped=[RecordOrigin(*records[1][:3])])
    ledger.clear()
    ledger.bind({"topic smartregion.schools": "two"})

    assert (ledger.positions(), ledger.counts()) == ({}, LedgerCounts(0, {}, 0))
    assert ledger.append(records) == 4


def test_a_snapshot_does_not_move(ledger: EventLedger) -> None:
    records = schools()
    ledger.append(records[:1])
    with ledger.snapshot() as snapshot:
        before = snapshot.query("SELECT count(*) FROM event")
        ledger.append(records[1:])

        assert snapshot.query("SELECT count(*) FROM event") == before == [(1,)]


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
    assert ledger.counts().stored == 200


ALL = "SELECT * FROM event ORDER BY ALL"


def test_arranged_events_are_the_same(file: Path) -> None:
    records = numbered([*schools(), raw("grant.committed", "g-1", "2018-03-01")])
    with EventLedger(file) as ledger:
        ledger.append(records[:-1])
        before = ledger.query(ALL)
        assert ledger.arrange(least=1)
        assert ledger.query(ALL) == before
        facts = [fact for (fact,) in ledger.query("SELECT fact FROM event ORDER BY rowid")]
        assert facts == sorted(facts)
        ledger.append(records)
    with EventLedger(file) as again:
        assert again.counts().stored == len(records)
        latest = "SELECT time FROM event WHERE fact = 'school.connected' AND until = $end"
        assert len(again.query(latest, {"end": END_OF_TIME})) == 1


def test_few_new_events_are_not_arranged(ledger: EventLedger) -> None:
    ledger.append(schools(connected=4))
    assert not ledger.arrange(least=6)
    assert ledger.arrange(least=5)
    assert not ledger.arrange(least=1)


def test_events_are_read_while_they_are_arranged(ledger: EventLedger) -> None:
    ledger.append(schools())
    with ledger.snapshot() as snapshot:
        before = snapshot.query(ALL)
        assert ledger.arrange(least=1)
        assert ledger.query(ALL) == before
        assert snapshot.query(ALL) == before
