"""An event of the future: every reader refuses it, as the worker does."""

from __future__ import annotations

from datetime import date, timedelta

from audit.ledger import Ledger
from audit.recount import audit_records
from broker.stored_record import RawRecord
from events.errors import RefusalReason
from events.record_rules import NO_TIMESTAMP, RecordRules
from operations.erasure.persons import Persons
from tests.support.audits import catalogue_of, raw
from tests.support.histories import uai

WRITTEN = 1_530_000_000_000  # 2018-06-26
AHEAD = "2018-06-26T12:00:00"
PARIS = uai("0750001")
PERSON = "enrolment-000001"
CONNECTED = {"count": "school.connected"}
LAST_DAY = date(2020, 12, 31)


def written(record: RawRecord) -> RawRecord:
    return record._replace(timestamp=WRITTEN)


def connections() -> list[RawRecord]:
    return [
        written(raw("school.connected", PARIS, "2018-01-01")),
        written(raw("school.connected", PARIS, "2018-01-01", at=AHEAD, retracted=True)),
    ]


def test_the_audit_counts_what_the_worker_counts() -> None:
    audit = audit_records(connections(), catalogue_of(CONNECTED), LAST_DAY)

    assert audit.account.refusals == {RefusalReason.TIME_AHEAD: 1}
    assert audit.readings["figure", None].numerator == 1


def test_the_audit_refuses_a_record_without_a_timestamp() -> None:
    """As the worker does: a correction of the year 2999 would replace every other for ever."""
    later = raw("school.connected", PARIS, "2018-01-01", at="2999-01-01T00:00:00", retracted=True)
    records = [connections()[0], later._replace(timestamp=NO_TIMESTAMP)]

    audit = audit_records(records, catalogue_of(CONNECTED), LAST_DAY)

    assert audit.account.refusals == {RefusalReason.NO_TIMESTAMP: 1}
    assert audit.readings["figure", None].numerator == 1


def test_the_tolerance_is_the_settings() -> None:
    with Ledger(connections(), partitions=8, rules=RecordRules(timedelta(days=1))) as ledger:
        assert ledger.account().refusals == {}


def test_an_erasure_finds_it_by_its_name() -> None:
    """It is no valid event about the person, and goes all the same."""
    record = written(raw("training.enrolled", PERSON, "2018-01-01", at=AHEAD))
    persons = Persons([PERSON])

    assert persons.event_of(record) is None
    assert persons.concerned_by(record)
