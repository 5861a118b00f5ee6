"""What the audit makes of corrections, retractions, late records, duplicates and disorder."""

import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.ledger import Ledger
from audit.recount import audit_ledger
from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.fact import Family
from streams.dead_letters import FORWARDED_FROM
from tests.support.audits import INDICATOR, audited, catalogue_of, raw, raw_record, reading
from tests.support.histories import histories, uai

PARIS = uai("0750001")
CONNECTED = {"count": "school.connected", "unless": "school.disconnected"}
COPY = (FORWARDED_FROM, b"smartregion.schools:3:17")


def account(*records: RawRecord) -> dict[str, int]:
    counted = audited(records, CONNECTED, "2020-12-31").account
    counts = counted.model_dump(exclude={"refusals"})
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("recorded_at", "known_on", "expected"),
    [
        ("2018-03-01T00:00:00", "2018-02-28", 0),
        ("2018-03-01T00:00:00", "2018-03-01", 1),
        ("2018-03-01T00:00:00", None, 1),
        ("2018-02-28T23:59:59.999999", "2018-02-28", 1),
    ],
)
def test_a_record_is_known_from_the_day_of_its_recording_on(
    recorded_at: str, known_on: str | None, expected: int
) -> None:
    """The day ends at midnight UTC, which belongs to the next."""
    late = raw("school.connected", PARIS, "2018-01-01", at=recorded_at)

    assert reading([late], CONNECTED, "2018-01-31", known_on=known_on).numerator == expected


def test_of_persons_nothing_after_the_last_publication_counts() -> None:
    """Not even what was recorded before it, and takes effect on the day after."""
    catalogue = catalogue_of(
        {"count": "training.enrolled"}, min_cell=2, published="monthly", availability_delay_days=15
    )
    early = raw("training.enrolled", "enrolment-00000001", "2018-02-16", at="2018-02-15T22:00:00")
    day = date(2018, 3, 10)

    with Ledger([early], partitions=8) as ledger:
        counted = [
            audit_ledger(ledger, catalogue, day, known_on).readings[INDICATOR, None].numerator
            for known_on in (day, date(2018, 4, 20))
        ]

    assert counted == [0, 1]


class TestAccount:
    def test_counts_an_event_once(self) -> None:
        records = [
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/one"),
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/one"),
            raw("dataset.released", "D1", "2018-01-01", id="1", source="/one"),
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/other"),
        ]

        assert account(*records) == {"produced": 4, "accepted": 2, "duplicates": 2}

    def test_counts_refusals_by_reason(self) -> None:
        good = raw("school.connected", PARIS, "2018-01-01")
        records = [
            good,
            good._replace(value=None),
            good._replace(value=b"{"),
            good._replace(topic="smartregion.grants"),
        ]

        counted = audited(records, CONNECTED, "2018-12-31").account

        assert (counted.produced, counted.accepted, counted.refused) == (4, 1, 3)
        assert counted.refusals == {"null_value": 1, "invalid_json": 1, "wrong_topic": 1}

    def test_refuses_unread_what_was_skipped(self) -> None:
        """As workers do, on an operator's word; its copy is nobody's product."""
        good, other = (raw("school.connected", PARIS, day) for day in ("2018-01-01", "2018-01-02"))
        copy = other._replace(headers=(*other.headers, COPY))
        other, copy = other._replace(offset=901), copy._replace(offset=902)
        skipped = [RecordOrigin(*other[:3]), RecordOrigin(*copy[:3])]

        with Ledger([good, other, copy], partitions=8, skipped=skipped) as ledger:
            counted = ledger.account()

        assert (counted.produced, counted.accepted, counted.refused) == (2, 1, 1)
        assert counted.refusals == {"passed_over": 1}

    def test_does_not_produce_a_forwarded_copy(self) -> None:
        """A worker's copy of a misrouted record is counted apart, however often it is written.

        Its content counts as ever.
        """
        original = raw("school.connected", PARIS, "2018-01-01", partition=-1)
        copy = original._replace(partition=0, headers=(*original.headers, COPY))

        assert account(original, copy, copy._replace(offset=900)) == {
            "produced": 1,
            "accepted": 1,
            "misrouted": 1,
            "forwarded": 2,
        }
        assert reading([copy], CONNECTED, "2018-12-31").numerator == 1


@given(st.sampled_from(Family).flatmap(histories))
def test_the_account_adds_up(history: list[CloudEvent]) -> None:
    found = [raw_record(one) for one in history]
    broken = [record._replace(value=b"{}") for record in found[::3]]

    with Ledger([*found, *broken], partitions=8) as ledger:
        counted = ledger.account()

    assert counted.produced == counted.accepted + counted.refused + counted.duplicates
    assert counted.refused == len(broken)


def test_a_ledger_that_cannot_be_made_leaves_no_database_open() -> None:
    opened = []

    class Folder(WorkFolder):
        def connect(self) -> sqlite3.Connection:
            opened.append(super().connect())
            return opened[0]

    def lost() -> Iterator[RawRecord]:
        yield from ()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Ledger(lost(), partitions=8, work=Folder())

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
