"""The time of an event against that of its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import ContractError, RefusalReason
from events.record_rules import LONGEST_TOLERANCE, RECORDED_AT, RULES, RecordRules, known_before
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
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def record_at(at: datetime, *, timestamp: int) -> FakeRecord:
    record = record_of(event("school.connected", PARIS, "2018-03-01", at=at.isoformat()[:-6]))
    return replace(record, timestamp=timestamp)


@given(INSTANTS, INSTANTS, TOLERANCES)
def test_an_event_passes_up_to_the_tolerance_and_not_beyond(
    recorded: datetime, written: datetime, tolerance: timedelta
) -> None:
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


LIVE_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
LATENESS = timedelta(days=3)
LIVE = RecordRules(live_since=LIVE_SINCE.date(), lateness=LATENESS)


def known_on(rules: RecordRules, record: FakeRecord, day: datetime) -> bool:
    return rules.known_at(rules.decode(record), record) < known_before(day.date())


@given(INSTANTS, INSTANTS)
def test_an_event_is_known_from_its_time_on_while_history_is_loaded(
    recorded: datetime, written: datetime
) -> None:
    """Without `live_since`, and before it: imported history reaches the broker much later."""
    loose = RecordRules(LONGEST_TOLERANCE, live_since=(written + timedelta(days=1)).date())
    record = record_at(recorded, timestamp=milliseconds(written))
    for rules in (replace(loose, live_since=None), loose):
        at = rules.known_at(rules.decode(record), record)
        assert at == (recorded - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(
    st.datetimes(LIVE_SINCE.replace(tzinfo=None), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(minutes=-50), timedelta(days=600)),
)
def test_an_event_changes_no_day_that_is_final(written: datetime, late: timedelta) -> None:
    written = written.replace(microsecond=0)
    record = record_at(max(written - late, LIVE_SINCE), timestamp=milliseconds(written))
    for before in range(8):
        day = written - timedelta(days=before)
        final = LIVE.final_on(day.date())
        assert final is not None
        assert not (known_on(LIVE, record, day) and final <= written.date())
    if late <= LATENESS:
        assert known_on(LIVE, record, max(written - late, LIVE_SINCE))


def test_the_last_days_become_final_after_the_delay() -> None:
    """Days of the history are final once no more of it can come as such."""
    assert RULES.final_on(date(2020, 3, 1)) is None
    assert LIVE.final_on(date(2020, 3, 1)) == date(2020, 3, 5)
    assert LIVE.final_on(date(2016, 3, 1)) == date(2020, 1, 4)


@pytest.mark.parametrize(
    ("header", "is_known"),
    [(b"1583020800000", True), (b"9999999999999", False), (b"-1", False), (None, False)],
)
def test_an_erasure_s_copy_is_known_since_its_original(
    header: bytes | None, *, is_known: bool
) -> None:
    """The header that it adds counts for persons alone, and never for the future."""
    enrolled = event(
        "training.enrolled", "enrolment-000001", "2020-02-01", at="2020-02-01T00:00:00"
    )
    connected = event("school.connected", PARIS, "2020-02-01", at="2020-02-01T00:00:00")
    copied = datetime(2020, 6, 1, tzinfo=UTC)
    for fact, expected in ((enrolled, is_known), (connected, False)):
        record = record_of(fact)
        record = replace(
            record,
            timestamp=milliseconds(copied),
            headers=(*(record.headers or ()), (RECORDED_AT, header)),
        )
        assert known_on(LIVE, record, datetime(2020, 3, 31, tzinfo=UTC)) is expected
