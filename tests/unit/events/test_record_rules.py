"""The time of an event against that of its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import ContractError, RefusalReason
from events.record_rules import (
    NO_TIMESTAMP,
    RULES,
    TIME_TOLERANCE,
    RecordRules,
    latest_time,
)
from tests.support.histories import event, uai
from tests.support.records import FakeRecord, record_of

PARIS = uai("0750001")
INSTANTS = st.datetimes(
    datetime(2018, 3, 1),  # noqa: DTZ001 - the zone is the strategy's
    datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
TOLERANCES = st.timedeltas(timedelta(), timedelta(days=1))


def milliseconds(instant: datetime) -> int:
    """Return an instant as Kafka writes it."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def record_at(at: datetime, *, timestamp: int) -> FakeRecord:
    """Return the record of an event that was recorded at an instant."""
    record = record_of(event("school.connected", PARIS, "2018-03-01", at=at.isoformat()[:-6]))
    return replace(record, timestamp=timestamp)


@given(INSTANTS, INSTANTS, TOLERANCES)
def test_an_event_passes_up_to_the_tolerance_and_not_beyond(
    recorded: datetime, written: datetime, tolerance: timedelta
) -> None:
    """Whatever the instants: the bound is the record's timestamp and the tolerance."""
    written = written.replace(microsecond=written.microsecond // 1000 * 1000)
    reported = event("school.connected", PARIS, "2018-03-01", at=recorded.isoformat()[:-6])
    timestamp = milliseconds(written)
    if recorded - written > tolerance:
        with pytest.raises(ContractError) as refused:
            RecordRules(tolerance).judge(reported, timestamp)
        assert refused.value.reason is RefusalReason.TIME_AHEAD
        assert refused.value.field == "time"
    else:
        RecordRules(tolerance).judge(reported, timestamp)


def test_a_record_without_a_timestamp_bounds_nothing() -> None:
    """Formats of before have none; nothing is known of when they were written."""
    reported = event("school.connected", PARIS, "2018-03-01", at="2999-01-01T00:00:00")
    RULES.judge(reported, NO_TIMESTAMP)
    assert latest_time(NO_TIMESTAMP, TIME_TOLERANCE) > 10**18


def test_a_record_is_judged_by_its_own_timestamp() -> None:
    """As it lies on the topic, whoever reads it and when."""
    at = datetime(2999, 1, 1, tzinfo=UTC)
    assert RULES.decode(record_at(at, timestamp=milliseconds(at))).time == at
    with pytest.raises(ContractError, match=r"time: is later than the broker's clock.*2026-11-26"):
        RULES.decode(record_at(at, timestamp=milliseconds(datetime(2026, 11, 26, tzinfo=UTC))))


@pytest.mark.parametrize("timestamp", [0, 2**63 - 1])
def test_any_timestamp_is_judged(timestamp: int) -> None:
    """A producer may write what it likes into a record's timestamp."""
    reported = event("school.connected", PARIS, "2018-03-01", at="2018-03-01T00:00:00")
    if timestamp:
        RULES.judge(reported, timestamp)
    else:
        with pytest.raises(ContractError, match="1970-01-01"):
            RULES.judge(reported, timestamp)
