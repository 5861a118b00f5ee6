"""What a worker writes for records that it cannot merge."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.dead_letters import (
    REPLAY_ATTEMPT,
    REPLAY_OF,
    DeadLetter,
    Headers,
    LetterPosition,
    RecordOrigin,
    RefusedRecords,
    read_dead_letter,
)
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from streams.dead_letters import (
    FORWARDED_FROM,
    bare_dead_letter_record,
    dead_letter_record,
    dead_letter_records,
    forward_record,
)
from streams.merging import Forward, RecordRefusal
from tests.support.records import FakeRecord

MAX_SINGLE = DEAD_LETTER_POLICY.max_single
TIMESTAMP = 1_561_900_000_000
NOW = datetime(2019, 6, 30, 12, 30, tzinfo=UTC)
ERROR = ContractError(RefusalReason.INVALID_DATA, "data.name", "é", "send a name")
RECORD = FakeRecord(
    "smartregion.schools",
    3,
    42,
    b"0750001U",
    b'{"uai": "0750001U"}',
    (("ce_id", b"1"), ("empty", None)),
    TIMESTAMP,
)


@pytest.mark.parametrize("write", [dead_letter_record, bare_dead_letter_record])
def test_every_dead_letter_of_a_record_identifies_it(
    write: Callable[..., OutgoingRecord],
) -> None:
    refusal = RecordRefusal(RECORD, ERROR)
    other = RecordRefusal(replace(RECORD, offset=43), ERROR)
    sent = [write(refusal, now=NOW)]
    sent += dead_letter_records([refusal, other] * MAX_SINGLE, now=NOW)

    single, summary = (
        read_dead_letter(FakeRecord(one.topic, 0, 7, one.key, one.value, one.headers)).records
        for one in sent
    )

    expected = RefusedRecords(RECORD.topic, 3, ((42, 42),), (TIMESTAMP, TIMESTAMP))
    assert (single, summary) == (expected, replace(expected, runs=((42, 43),)))


def test_a_skipped_record_is_not_read_for_its_dead_letter() -> None:
    """It ended workers that did."""
    error = ContractError(RefusalReason.PASSED_OVER, "value", None, "replay it")

    sent = dead_letter_record(RecordRefusal(RECORD, error), now=NOW)

    letter = read_dead_letter(FakeRecord(sent.topic, 0, 7, sent.key, sent.value, sent.headers))
    assert (letter.key, letter.value, letter.headers) == (None, b"", ())
    assert letter.shortened.keys() == {"key", "value", "headers"}


def test_a_forward_is_the_record_with_its_entity_s_key_and_its_origin() -> None:
    """With that key, any partitioner would leave it there."""
    sent = forward_record(Forward(replace(RECORD, key=b"another"), "0750001U", 5))

    assert sent[:4] == ("smartregion.schools", 5, b"0750001U", RECORD.value)
    assert sent.headers == [*RECORD.headers, (FORWARDED_FROM, b"smartregion.schools/3/42")]


class TestSummary:
    def test_a_hundred_refusals_have_a_dead_letter_each(self) -> None:
        letters = summarized([empty(offset) for offset in range(MAX_SINGLE)])

        assert [letter.origin.offset for letter in letters] == list(range(MAX_SINGLE))
        assert all(letter.summary is None for letter in letters)

    def test_more_have_one_with_their_offsets(self) -> None:
        offsets = [*range(10, 100), *range(110, 300)]

        [letter] = summarized([empty(offset) for offset in offsets])

        assert letter.summary == RefusedRecords(
            RECORD.topic, 3, ((10, 99), (110, 299)), (TIMESTAMP, TIMESTAMP)
        )
        assert (letter.reason, letter.field, letter.origin.offset) == ("null_value", "value", 10)
        assert (letter.key, letter.value, letter.headers) == (None, b"", ())

    def test_sources_and_reasons_have_one_each(self) -> None:
        many = [claimed(2 * number, "/lycees") for number in range(MAX_SINGLE + 1)]
        others = [empty(2 * number + 1) for number in range(MAX_SINGLE + 1)]
        few = [claimed(1000 + number, "/tiers-lieux") for number in range(3)]

        letters = summarized([*many, *others, *few])

        counts = [(one.reason, one.headers[:1], len([*one.origins])) for one in letters]
        source = ("ce_source", b"/lycees")
        assert counts[:2] == [("invalid_data", (source,), 101), ("null_value", (), 101)]
        assert [one.origin.offset for one in letters[2:]] == [1000, 1001, 1002]

    def test_a_source_for_each_record_does_not_make_them_more(self) -> None:
        [letter] = summarized([claimed(number, f"/{number}") for number in range(150)])

        assert letter.summary is not None
        assert letter.summary.count == 150
        assert letter.headers == ()

    def test_a_source_that_may_name_somebody_is_not_kept(self) -> None:
        [letter] = summarized([claimed(one, "mailto:zoe.l@example.fr") for one in range(150)])

        assert letter.headers == ()

    def test_records_that_an_operator_has_skipped_have_one_each(self) -> None:
        error = ContractError(RefusalReason.PASSED_OVER, "value", None, "nothing")

        letters = summarized([RecordRefusal(record_at(one), error) for one in range(150)])

        assert len(letters) == 150

    def test_a_replay_that_comes_back_keeps_its_attempts(self) -> None:
        """An operator is not to send the same records for ever."""
        replayed = ((REPLAY_OF, b"0/17"), (REPLAY_ATTEMPT, b"2"))

        [letter] = summarized([empty(offset, headers=replayed) for offset in range(150)])

        assert (letter.replay_of, letter.attempts) == (LetterPosition(0, 17), 2)


@given(
    st.lists(st.tuples(st.sampled_from(["/a", "/b", "/c"]), st.integers(1, 250)), max_size=4),
    st.lists(st.integers(0, 1000), max_size=4),
)
def test_each_refused_record_has_a_dead_letter_whatever_the_batches(
    sources: list[tuple[str, int]], ends: list[int]
) -> None:
    stated = [source for source, count in sources for _ in range(count)]
    refusals = [claimed(3 * number, source) for number, source in enumerate(stated)]
    expected = [RecordOrigin(RECORD.topic, RECORD.partition, 3 * one) for one in range(len(stated))]

    letters = summarized(refusals)

    assert sorted(one for letter in letters for one in letter.origins) == expected
    for start, end in pairwise(sorted([0, *ends, len(refusals)])):
        letters += summarized(refusals[start:end])
    assert sorted({one for letter in letters for one in letter.origins}) == expected


def summarized(refusals: Sequence[RecordRefusal]) -> list[DeadLetter]:
    sent = dead_letter_records(refusals, now=NOW)
    return [
        read_dead_letter(FakeRecord(one.topic, 0, number, one.key, one.value, one.headers))
        for number, one in enumerate(sent)
    ]


def record_at(
    offset: int, value: bytes | None = None, headers: Headers = (), timestamp: int = TIMESTAMP
) -> FakeRecord:
    return FakeRecord(RECORD.topic, RECORD.partition, offset, None, value, headers, timestamp)


def empty(offset: int, headers: Headers = ()) -> RecordRefusal:
    error = ContractError(RefusalReason.NULL_VALUE, "value", None, "send an event")
    return RecordRefusal(record_at(offset, headers=headers), error)


def claimed(offset: int, source: str) -> RecordRefusal:
    return RecordRefusal(record_at(offset, json.dumps({"source": source}).encode()), ERROR)
