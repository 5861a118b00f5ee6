"""An event of the future: every reader refuses it, as the worker does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from audit.export.pilote import current_values
from audit.ledger import Ledger
from audit.recount import audit_records
from broker.stored_record import RawRecord
from events.errors import RefusalReason
from events.record_rules import NO_TIMESTAMP, RecordRules
from operations.erasure.persons import Persons
from operations.scorecards.classification import AcceptedRecord, RefusedRecord, classify_records
from streams.histories import histories_of
from tests.support.audits import catalogue_of, raw, raw_record
from tests.support.histories import uai
from tests.support.known_states import states_held_on
from tests.support.observations import observation_events, observed

WRITTEN = 1_530_000_000_000  # 2018-06-26
AHEAD = "2018-06-26T12:00:00"
PARIS = uai("0750001")
PERSON = "enrolment-000001"
CONNECTED = {"count": "school.connected"}
LAST_DAY = date(2020, 12, 31)


def written(record: RawRecord) -> RawRecord:
    """Return a record with the broker's time."""
    return record._replace(timestamp=WRITTEN)


def connections() -> list[RawRecord]:
    """Return the records of a connection, and of a contradicting one in the future."""
    return [
        written(raw("school.connected", PARIS, "2018-01-01")),
        written(raw("school.connected", PARIS, "2018-01-01", at=AHEAD, retracted=True)),
    ]


def test_the_audit_counts_what_the_worker_counts() -> None:
    """The correction of the future has no effect, and counts as refused."""
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
    """A larger one lets it in."""
    with Ledger(connections(), partitions=8, rules=RecordRules(timedelta(days=1))) as ledger:
        assert ledger.account().refusals == {}


def test_the_report_on_producers_counts_it_as_refused() -> None:
    """Also before a worker has made a letter of it."""
    taken, refused = classify_records(connections(), [])

    assert isinstance(taken, AcceptedRecord)
    assert isinstance(refused, RefusedRecord)
    assert (refused.reason, refused.field) == ("time_ahead", "time")


def test_what_was_known_on_a_day_does_not_know_it() -> None:
    """It was never taken in."""
    catalogue = catalogue_of(CONNECTED)
    sums = states_held_on(connections(), catalogue, LAST_DAY)

    assert histories_of(sums, catalogue)["figure", None].reading(LAST_DAY).numerator == 1


def test_observations_are_exported_without_it() -> None:
    """The value before stands."""
    first, later = observation_events(
        [observed("IND-101", "R11", "2018-01-01", value) for value in ("1", "2")]
    )
    records = [written(raw_record(replace(first, time=later.time - timedelta(days=1000))))]
    records.append(written(raw_record(later)))

    assert [value.value for value in current_values(records, LAST_DAY)] == [1]


def test_an_erasure_finds_it_by_its_name() -> None:
    """It is no valid event about the person, and goes all the same."""
    record = written(raw("training.enrolled", PERSON, "2018-01-01", at=AHEAD))
    persons = Persons([PERSON])

    assert persons.event_of(record) is None
    assert persons.concerned_by(record)
