"""What a worker writes for records that it cannot merge."""

from __future__ import annotations

from datetime import UTC, datetime

from events.dead_letters import RecordOrigin, read_dead_letter
from events.errors import ContractError, RefusalReason
from streams.core import Forward, RecordRefusal
from streams.dead_letters import FORWARDED_FROM, dead_letter_record, forward_record
from tests.support.records import FakeRecord

NOW = datetime(2019, 6, 30, 12, 30, tzinfo=UTC)
ERROR = ContractError(RefusalReason.INVALID_DATA, "data.name", "é", "send a name")
RECORD = FakeRecord(
    "smartregion.schools",
    3,
    42,
    b"0750001U",
    b'{"uai": "0750001U"}',
    (("ce_id", b"1"), ("empty", None)),
)


def test_a_dead_letter_is_the_record_with_reason_and_origin() -> None:
    """As it is read."""
    sent = dead_letter_record(RecordRefusal(RECORD, ERROR), now=NOW)

    letter = read_dead_letter(FakeRecord(sent.topic, 0, 7, sent.key, sent.value, sent.headers))

    assert (letter.key, letter.value, letter.headers) == (
        RECORD.key,
        RECORD.value,
        RECORD.headers,
    )
    assert (letter.origin, letter.time) == (RecordOrigin("smartregion.schools", 3, 42), NOW)
    assert (letter.reason, letter.detail) == (RefusalReason.INVALID_DATA, str(ERROR))


def test_a_record_that_is_skipped_is_not_read_for_its_letter() -> None:
    """It ended workers that did."""
    error = ContractError(RefusalReason.PASSED_OVER, "value", None, "replay it")

    sent = dead_letter_record(RecordRefusal(RECORD, error), now=NOW)

    letter = read_dead_letter(FakeRecord(sent.topic, 0, 7, sent.key, sent.value, sent.headers))
    assert (letter.key, letter.value, letter.headers) == (None, b"", ())
    assert letter.shortened.keys() == {"key", "value", "headers"}


class TestForward:
    """The forward of a misrouted record."""

    def test_goes_to_its_entity_s_partition_under_its_entity_s_key(self) -> None:
        """So that any partitioner would leave it there."""
        sent = forward_record(Forward(RECORD, "0750001U", 5))

        assert sent[:3] == ("smartregion.schools", 5, b"0750001U")

    def test_keeps_value_and_headers_and_adds_the_origin(self) -> None:
        """An audit can distinguish the forward from the record."""
        sent = forward_record(Forward(RECORD, "0750001U", 5))

        assert sent.value == RECORD.value
        assert sent.headers == [*RECORD.headers, (FORWARDED_FROM, b"smartregion.schools/3/42")]
