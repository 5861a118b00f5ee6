"""Dead letters: refused records kept byte for byte, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import ContractError, RefusalReason
from events.topics import DEAD_LETTERS
from streams.core import Forward, Refusal
from streams.dead_letters import (
    FORWARDED_FROM,
    OutgoingRecord,
    dead_letter_record,
    forward_record,
    read_dead_letter,
)
from tests.support.records import FakeRecord

NOW = datetime(2019, 6, 30, 12, 30, tzinfo=UTC)
ERROR = ContractError(RefusalReason.INVALID_DATA, "data.name", "é", "send a name")
RECORD = FakeRecord(
    "smartregion.schools",
    3,
    42,
    b"\xffkey",
    b"\x00\xffvalue",
    [("ce_id", b"\xff"), ("empty", None)],
)


def arrived(sent: OutgoingRecord) -> FakeRecord:
    """Return a sent record as a consumer reads it."""
    return FakeRecord(sent.topic, 0, 7, sent.key, sent.value, tuple(sent.headers))


def dead(record: FakeRecord = RECORD, error: ContractError = ERROR) -> OutgoingRecord:
    """Return the dead letter of a refused record."""
    return dead_letter_record(Refusal(record, error), now=NOW)


class TestDeadLetterRecord:
    """What is written."""

    def test_goes_to_the_dead_letter_topic(self) -> None:
        """On the partition that the partitioner chooses."""
        assert dead()[:2] == (DEAD_LETTERS, None)

    def test_keeps_key_value_and_headers_byte_for_byte(self) -> None:
        """Even where they are no text, or absent."""
        sent = dead()

        assert (sent.key, sent.value) == (b"\xffkey", b"\x00\xffvalue")
        assert sent.headers[:2] == [("ce_id", b"\xff"), ("empty", None)]

    def test_adds_why_and_whence_in_headers(self) -> None:
        """All that somebody needs who looks at the topic with any tool."""
        assert dict(dead().headers[2:]) == {
            "smartregion-reason": b"invalid_data",
            "smartregion-field": b"data.name",
            "smartregion-detail": str(ERROR).encode(),
            "smartregion-topic": b"smartregion.schools",
            "smartregion-partition": b"3",
            "smartregion-offset": b"42",
            "smartregion-time": b"2019-06-30T12:30:00+00:00",
        }

    def test_writes_the_time_in_utc(self) -> None:
        """Whatever zone the clock is in."""
        paris = NOW.astimezone(timezone(timedelta(hours=2)))

        sent = dead_letter_record(Refusal(RECORD, ERROR), now=paris)

        assert dict(sent.headers)["smartregion-time"] == b"2019-06-30T12:30:00+00:00"

    def test_stays_little_more_than_the_record(self) -> None:
        """A field's name, which may be as long as its record, does not double the letter."""
        error = ContractError(
            RefusalReason.INVALID_DATA, "data." + "x" * 10**6, "y" * 10**6, "remove it"
        )

        added = sum(len(name) + len(value or b"") for name, value in dead(error=error).headers)

        assert added < 2000


class TestReading:
    """What is read back."""

    @given(
        key=st.none() | st.binary(),
        value=st.none() | st.binary(),
        headers=st.lists(st.tuples(st.text(), st.none() | st.binary())),
        partition=st.integers(0, 100),
        offset=st.integers(0, 2**63 - 1),
    )
    def test_is_what_was_refused(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
        partition: int,
        offset: int,
    ) -> None:
        """Any record, with its place, its reason and the time."""
        record = FakeRecord("smartregion.schools", partition, offset, key, value, headers)

        letter = read_dead_letter(arrived(dead(record)))

        assert (letter.key, letter.value, list(letter.headers)) == (key, value, headers)
        assert (letter.topic, letter.partition, letter.offset) == (record.topic, partition, offset)
        assert (letter.reason, letter.field) == (RefusalReason.INVALID_DATA, "data.name")
        assert (letter.detail, letter.time) == (str(ERROR), NOW)

    def test_of_a_dead_letter_that_was_refused_again_keeps_the_first_reason(self) -> None:
        """A letter sent to a topic as it was is refused with all its headers."""
        again = arrived(dead(arrived(dead())))

        letter = read_dead_letter(again)

        assert letter.topic == DEAD_LETTERS
        assert dict(letter.headers)["smartregion-topic"] == b"smartregion.schools"

    @pytest.mark.parametrize("headers", [(), (("ce_id", b"1"),), (("smartregion-reason", b"x"),)])
    def test_of_another_s_record_says_what_is_missing(
        self, headers: tuple[tuple[str, bytes], ...]
    ) -> None:
        """The topic may be written by others."""
        record = replace(arrived(dead()), headers=headers)

        with pytest.raises(ValueError, match=r"dead-letters\[0\]@7 is no dead letter .* missing"):
            read_dead_letter(record)


class TestForward:
    """The copy of a misrouted record."""

    def test_goes_to_its_entity_s_partition_under_its_entity_s_key(self) -> None:
        """So that any partitioner would leave it there."""
        sent = forward_record(Forward(RECORD, "0750001U", 5))

        assert sent[:3] == ("smartregion.schools", 5, b"0750001U")

    def test_keeps_value_and_headers_and_says_whence(self) -> None:
        """An audit tells the copy from the record."""
        sent = forward_record(Forward(RECORD, "0750001U", 5))

        assert sent.value == RECORD.value
        assert sent.headers == [*RECORD.headers, (FORWARDED_FROM, b"smartregion.schools/3/42")]
