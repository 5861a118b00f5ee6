"""What was known on a past day: the same as an audit counts from what was recorded by then."""

from __future__ import annotations

from datetime import date
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from operations.audit.recount import audit_records
from operations.export.states_known_on import states_known_on
from streams.histories import histories_of
from tests.support.audits import raw, raw_record
from tests.support.histories import histories, uai

AS_OF = date(2020, 12, 31)
PARIS = uai("0750001")
#: Before, between and after the moments at which events of the pool are recorded.
KNOWN_ON = [date(2019, 5, 31), date(2019, 6, 1), date(2019, 6, 2)]

shipped = cache(load_catalogue)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(Family).flatmap(histories), max_size=3), st.sampled_from(KNOWN_ON))
def test_readings_are_the_audit_s(events: list[list[CloudEvent]], known_on: date) -> None:
    """Whatever was reported, and corrected, and when."""
    records = [raw_record(one) for history in events for one in history]
    found = histories_of(states_known_on(records, shipped(), known_on), shipped())
    counted = audit_records(records, shipped(), AS_OF, known_on).readings
    exact = {key for key in found if shipped().indicator(key[0]).publication is None}
    assert {key: found[key].reading(AS_OF) for key in exact} == {
        key: reading for key, reading in counted.items() if key in exact
    }


def value(records: list[RawRecord], known_on: str) -> float | None:
    """Return the connected share of the region as known on a day."""
    state_store = states_known_on(records, shipped(), date.fromisoformat(known_on))
    found = histories_of(state_store, shipped())["schools_connected_ratio", None].value(AS_OF)
    return None if found is None else float(found)


def test_a_correction_is_not_known_before_it_was_recorded() -> None:
    """Up to the last moment of the day before."""
    records = [
        raw("school.registered", PARIS, "2016-01-01"),
        raw("school.connected", PARIS, "2018-01-01", at="2018-01-01T12:00:00"),
        raw("school.connected", PARIS, "2018-01-01", at="2018-02-01T00:00:00", retracted=True),
    ]
    assert value(records, "2018-01-31") == 1
    assert value(records, "2018-02-01") == 0


def test_an_entity_on_two_partitions_is_one() -> None:
    """A misrouted record, and its worker's copy."""
    records = [
        raw("school.registered", PARIS, "2016-01-01", partition=1),
        raw("school.connected", PARIS, "2018-01-01", partition=2),
    ]
    assert value([*records, *records], "2020-01-01") == 1


def test_refused_records_are_skipped() -> None:
    """As workers do."""
    records = [raw("school.registered", PARIS, "2016-01-01")]
    broken = records[0]._replace(value=b"{")
    assert value([broken, *records], "2020-01-01") == 0
