"""What a record says, however it is read: the short way decides as the long one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import encode_structured, read_usual
from events.errors import ContractError
from events.fact import Family
from events.producers.ownership import UNOWNED, Ownership, OwnershipClaim
from events.record_rules import NO_TIMESTAMP, RecordRules, microseconds
from streams import reading
from streams.reading import Reading, readings
from tests.support.explanations import explained
from tests.support.facts import cloud_events, encode_binary, mutated_records
from tests.support.histories import event, uai
from tests.support.records import FakeRecord, record_of

PARIS = uai("0750001")
RULES = RecordRules(ownership=UNOWNED)


def both_ways(record: FakeRecord, family: Family, rules: RecordRules) -> object:
    """Return what a record says, or the words of its refusal, read the short way as the long."""
    short = said(readings([record], family, rules))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "read_usual", lambda *_: None)
        assert said(readings([record], family, rules)) == short
    return short


def said(read: Sequence[Reading | ContractError]) -> object:
    (one,) = read
    return (one.reason, str(one)) if isinstance(one, ContractError) else one


def owned_by(producer: str) -> Ownership:
    claims = [OwnershipClaim("school.connected", None, producer, ())]
    return Ownership(claims, lambda source: "lycees" if source else None)


@pytest.mark.parametrize("family", Family)
@given(data=st.data())
def test_a_valid_event_says_the_same_both_ways(family: Family, data: st.DataObject) -> None:
    one = data.draw(cloud_events())
    ahead = data.draw(st.sampled_from([-timedelta(hours=2), timedelta(0), timedelta(hours=2)]))
    stamp = data.draw(st.sampled_from([NO_TIMESTAMP, microseconds(one.time - ahead) // 1000]))
    encode = data.draw(st.sampled_from([encode_structured, encode_binary]))
    record = FakeRecord("t", 0, 0, None, encode(one).value, encode(one).headers, stamp)

    both_ways(record, data.draw(st.sampled_from([family, one.fact.FAMILY])), RULES)


@pytest.mark.parametrize("family", Family)
@given(data=st.data())
def test_a_broken_record_says_the_same_both_ways(family: Family, data: st.DataObject) -> None:
    headers, value = data.draw(mutated_records(family))

    both_ways(FakeRecord("t", 0, 0, None, value, headers), family, RULES)


@pytest.mark.parametrize("owner", ["lycees", "others"])
def test_ownership_decides_both_ways(owner: str) -> None:
    record = record_of(event("school.connected", PARIS, "2018-03-01"))

    found = both_ways(record, Family.SCHOOLS, RecordRules(ownership=owned_by(owner)))

    assert isinstance(found, tuple)
    assert (found[0] == PARIS) is (owner == "lycees")


@pytest.mark.parametrize("milestone", ["all_connected", "half"])
def test_the_catalogue_decides_both_ways(milestone: str) -> None:
    record = record_of(explained("2018-02-12", milestone=milestone))
    rules = RecordRules(milestones={"schools_connected_ratio": ["all_connected"]})

    found = both_ways(record, Family.EXPLANATIONS, rules)

    assert ("data.milestone: is no milestone" in str(found)) is (milestone == "half")


@pytest.mark.parametrize("days", [1, 2])
@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_the_day_after_the_time_is_the_last_both_ways(days: int, hours: int) -> None:
    time = datetime(2018, 3, 1, 12, tzinfo=UTC)
    day = (time + timedelta(days=days)).date().isoformat()
    one = event("school.connected", PARIS, day, at="2018-03-04T00:00:00")
    written = time.astimezone(timezone(timedelta(hours=hours))).isoformat().encode()
    record = record_of(one)
    changed = (record.value or b"").replace(b"2018-03-04T00:00:00Z", written)

    found = both_ways(FakeRecord("t", 0, 0, None, changed, record.headers), Family.SCHOOLS, RULES)

    assert isinstance(found, tuple)
    assert (found[0] == PARIS) is (days == 1)


class TestUsual:
    RECORD = encode_structured(event("school.connected", PARIS, "2018-03-01"))

    @pytest.mark.parametrize(
        "headers", [None, [], [("trace", b"1")], [("trace", b"1"), *RECORD.headers]]
    )
    def test_begins_with_its_content_type(self, headers: list[tuple[str, bytes]] | None) -> None:
        assert read_usual(headers, self.RECORD.value) is None

    @pytest.mark.parametrize("value", [None, b"", b"{", RECORD.value + b" " * 256 * 1024])
    def test_is_valid_and_not_too_large(self, value: bytes | None) -> None:
        assert read_usual(self.RECORD.headers, value) is None


def test_a_refusal_keeps_no_traceback() -> None:
    """Its frames would hold the record, in a cycle that only the collector finds."""
    [refusal] = readings(
        [FakeRecord("smartregion.schools", 0, 0, None, b"")], Family.SCHOOLS, RULES
    )

    assert isinstance(refusal, ContractError)
    assert refusal.__traceback__ is None
    assert refusal.__context__ is None
