"""The format of dead letters: refused records with the reason, byte for byte or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import assume, given
from hypothesis import strategies as st

from events.cloudevent import MAX_BYTES
from events.dead_letter_content import may_be_kept
from events.dead_letters import (
    GATEWAY,
    NULL_VALUE,
    PRODUCER,
    REASON_HEADERS,
    RECORDS,
    REPLAY_ATTEMPT,
    REPLAY_OF,
    SHORTENED,
    DeadLetter,
    Headers,
    LetterPosition,
    NotADeadLetterError,
    RecordOrigin,
    RefusedRecords,
    read_dead_letter,
    sizes_of,
)
from events.errors import ContractError, RefusalReason
from events.records import CutPart, OutgoingRecord
from events.topics import DEAD_LETTER_MAX_BYTES, DEAD_LETTERS
from tests.support.letters import arrived, refused

NOW = datetime(2019, 6, 30, 12, 30, tzinfo=UTC)
ERROR = ContractError(RefusalReason.INVALID_DATA, "data.name", "é", "send a name")
ORIGIN = RecordOrigin("smartregion.schools", 3, 42)
OWN: Headers = (("ce_id", b"1"), ("empty", None))
KEY, VALUE = b"0750001U", b' {"uai": "0750001U"}\n'

REPLAYED: Headers = ((REPLAY_OF, b"0/3"), (REPLAY_ATTEMPT, b"2"))


def dead(error: ContractError = ERROR, *, now: datetime = NOW, **changes: Any) -> OutgoingRecord:
    original = {"origin": ORIGIN, "key": KEY, "value": VALUE, "headers": OWN}
    return refused(error, now=now, **original | changes)


def read_back(sent: OutgoingRecord) -> DeadLetter:
    return read_dead_letter(arrived([sent])[0])


MIB = 2**20


def size_on_topic(sent: OutgoingRecord) -> int:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**30)
    builder.append(0, 1, sent.key, sent.value, list(sent.headers))
    return len(builder.build())


class TestWriting:
    def test_adds_reason_and_origin_in_headers(self) -> None:
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
        sent = dead(now=NOW.astimezone(timezone(timedelta(hours=2))))

        assert dict(sent.headers)["smartregion-time"] == b"2019-06-30T12:30:00+00:00"

    def test_a_record_without_key_and_value_has_a_letter(self) -> None:
        """Kafka takes such a record, and its clients write none: the value is then empty."""
        sent = dead(key=None, value=None)

        assert (sent.key, sent.value) == (None, b"")
        assert sent.headers[-1] == (NULL_VALUE, b"true")

    @pytest.mark.parametrize(
        "record",
        [
            {"value": b"v" * 3 * MIB},
            {"value": b'"' + b"v" * MAX_BYTES + b'"'},
            {"key": b"k" * 3 * MIB},
            {"headers": (("h", b"x" * 3 * MIB),)},
            {"headers": (("h", None),) * 400_000},
            {"key": None, "value": None, "headers": (("h", b"x" * 3 * MIB),)},
            {"value": b"not JSON"},
            {"value": b'{"data": {"nom": "Dupont"}}'},
            {"value": b"[" * 40 + b'{"nom": "Dupont"}' + b"]" * 40},
            {"value": b'{"data_base64": "eyJub20iOiAiRHVwb250In0="}'},
            {"value": b'{"data": "{\\"nom\\": \\"Dupont\\"}"}'},
            {"value": b'{"a": "jean\\ud800@example.org"}'},
            {"key": b"jean@example.org"},
            {"key": b"\xff"},
            {"headers": (("ce_id", b"jean@example.org"),)},
            {"headers": (("content-type", b'text/json; note="jean@example.org"'),)},
            {"headers": (("ce_data", b"jean@example.org"), ("ce_id", b"1"))},
            {"headers": (("ce_id", b"jean@example.org"), ("ce_id", b"1"))},
            {"headers": (("jean@example.org", None),)},
            {"headers": (("ce_id", b"\xff"),)},
        ],
    )
    @pytest.mark.parametrize("origin", [ORIGIN, GATEWAY])
    def test_a_record_that_may_hold_a_person_s_data_is_not_kept(
        self, record: dict[str, Any], origin: RecordOrigin
    ) -> None:
        full: dict[str, Any] = {"key": KEY, "value": VALUE, "headers": OWN, **record}
        error = ContractError(RefusalReason.INVALID_DATA, "data.dupont", "Dupont", "send a name")
        sent = dead(**full, error=error, origin=origin)
        letter = read_back(sent)

        assert (letter.key, letter.headers) == (None, ())
        assert letter.value == (None if full["value"] is None else b"")
        assert size_on_topic(sent) < 2000
        assert "dupont" not in repr(sent).lower()
        assert letter.origin == origin
        assert letter.shortened == {name: n for name, n in sizes_of(**full).items() if n}
        assert (letter.reason, letter.field) == ("invalid_data", "data.…")

    def test_the_size_of_a_cut_part_is_that_of_the_full_one(self) -> None:
        sent = dead(value=CutPart(memoryview(b"v" * 9 * MIB), keep=100))

        assert read_back(sent).shortened["value"] == 9 * MIB

    def test_keeps_the_headers_of_a_replay_without_the_record(self) -> None:
        letter = read_back(dead(value=b"{", headers=(*OWN, *REPLAYED)))

        assert (letter.replay_of, letter.attempts, letter.headers) == (LetterPosition(0, 3), 2, ())

    def test_the_largest_event_is_kept(self) -> None:
        value = b'{"title": "' + b"v" * (MAX_BYTES - 100) + b'"}'

        sent = dead(value=value)

        assert read_back(sent).value == value
        assert size_on_topic(sent) <= DEAD_LETTER_MAX_BYTES

    def test_stays_little_more_than_the_record(self) -> None:
        """A field's name, which may be as long as its record, does not double the letter."""
        error = ContractError(
            RefusalReason.INVALID_DATA, "data." + "x" * 10**6, "y" * 10**6, "remove it"
        )

        added = sum(len(name) + len(value or b"") for name, value in dead(error=error).headers)

        assert added < 2000


class TestReading:
    @given(
        key=st.none() | st.text(max_size=9).map(str.encode),
        value=st.none() | (st.text() | st.integers()).map(lambda one: json.dumps(one).encode()),
        headers=st.lists(st.tuples(st.text(), st.none() | st.text().map(str.encode))).map(tuple),
        origin=st.just(GATEWAY)
        | st.builds(
            RecordOrigin,
            st.just("smartregion.schools"),
            st.integers(0, 100),
            st.integers(0, 2**63 - 1),
        ),
        producer=st.none() | st.text(),
        timestamp=st.none() | st.integers(-(2**63), 2**63 - 1),
    )
    def test_is_what_was_refused(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        origin: RecordOrigin,
        producer: str | None,
        timestamp: int | None,
    ) -> None:
        assume(may_be_kept(key, value, headers))
        letter = read_back(
            dead(
                key=key,
                value=value,
                headers=headers,
                origin=origin,
                producer=producer,
                timestamp=timestamp,
            )
        )

        assert letter == DeadLetter(
            position=LetterPosition(0, 0),
            reason="invalid_data",
            field="data.name",
            detail=str(ERROR),
            origin=origin,
            time=NOW,
            key=key,
            value=value,
            headers=headers,
            producer=producer,
            timestamp=timestamp,
        )

    @given(
        key=st.none() | st.binary(),
        value=st.none() | st.binary(),
        headers=st.lists(st.tuples(st.text(), st.none() | st.binary())).map(tuple),
    )
    def test_of_any_record_can_be_read(
        self, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        letter = read_back(dead(key=key, value=value, headers=headers))

        if may_be_kept(key, value, headers):
            assert (letter.key, letter.value, letter.headers) == (key, value, headers)
        else:
            assert (letter.key, letter.headers) == (None, ())
            assert letter.shortened

    def test_of_a_replayed_record_has_the_letter_before(self) -> None:
        letter = read_back(dead(headers=(*OWN, *REPLAYED)))

        assert (letter.headers, letter.replay_of, letter.attempts) == (OWN, LetterPosition(0, 3), 2)

    @pytest.mark.parametrize(
        "headers",
        [
            ((REPLAY_OF, b"0/3"),),
            ((REPLAY_ATTEMPT, b"1"), (REPLAY_OF, b"0/3")),
            ((REPLAY_OF, b"0/3"), (REPLAY_ATTEMPT, b"0")),
            ((REPLAY_OF, b"0/3"), (REPLAY_ATTEMPT, b"9" * 5000)),
            ((REPLAY_OF, b"x"), (REPLAY_ATTEMPT, b"1")),
            ((REPLAY_OF, None), (REPLAY_ATTEMPT, None)),
            ((REPLAY_OF, b"0/3"), (REPLAY_ATTEMPT, b"1"), ("ce_id", b"1")),
        ],
    )
    def test_of_headers_that_resemble_a_replay_s_are_the_producer_s(self, headers: Headers) -> None:
        """Anybody may write such headers: they are kept, and not read."""
        letter = read_back(dead(headers=headers))

        assert (letter.headers, letter.replay_of, letter.attempts) == (headers, None, 0)

    def test_of_a_refused_dead_letter_has_its_own_origin(self) -> None:
        letter = read_back(
            dead(headers=tuple(dead().headers), origin=RecordOrigin(DEAD_LETTERS, 0, 7))
        )

        assert letter.origin == RecordOrigin(DEAD_LETTERS, 0, 7)
        assert letter.headers == ()

    @pytest.mark.parametrize(
        "headers", [(), (("ce_id", b"1"),), (("smartregion-reason", b"x"),), ((PRODUCER, b"x"),)]
    )
    def test_of_a_foreign_record_names_the_missing_header(self, headers: Headers) -> None:
        record = replace(*arrived([dead()]), headers=headers)

        with pytest.raises(
            NotADeadLetterError, match=r"dead-letters\[0\]@0 is no dead letter .* missing"
        ):
            read_dead_letter(record)

    @pytest.mark.parametrize("name", REASON_HEADERS)
    def test_of_a_header_that_is_no_text_is_an_error(self, name: str) -> None:
        headers = tuple(
            (one, b"\xff" if one == name else content) for one, content in dead().headers
        )

        with pytest.raises(NotADeadLetterError, match=f"header {name} is not text"):
            read_dead_letter(replace(*arrived([dead()]), headers=headers))

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("smartregion-partition", b"x"),
            ("smartregion-offset", b"x"),
            ("smartregion-time", b"x"),
            ("smartregion-timestamp", b"x"),
            ("smartregion-time", b"0001-01-01T00:00:00+14:00"),
            ("smartregion-time", b"9999-12-31T23:59:59-14:00"),
            (SHORTENED, b"[" * 100_000),
            (SHORTENED, b'{"value": {"bytes": 1e999}}'),
        ],
    )
    def test_of_an_impossible_value_is_an_error(self, name: str, content: bytes) -> None:
        written = dead(timestamp=1).headers
        headers = [(one, content if one == name else own) for one, own in written]
        if name == SHORTENED:
            headers.append((name, content))

        with pytest.raises(NotADeadLetterError, match="is not ours"):
            read_dead_letter(replace(*arrived([dead()]), headers=tuple(headers)))


class TestPosition:
    @given(
        position=st.builds(LetterPosition, st.integers(0, 10**9 - 1), st.integers(0, 10**18 - 1))
    )
    def test_is_read_as_it_is_written(self, position: LetterPosition) -> None:
        assert LetterPosition.parse(str(position)) == position

    @pytest.mark.parametrize("text", ["", "17", "0/", "-1/2", "0/1/2", "0/1\n", "zero/one"])
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(ValueError, match="write it as 0/17"):
            LetterPosition.parse(text)


def test_an_origin_is_written_as_kafka_people_do() -> None:
    assert (str(ORIGIN), str(GATEWAY)) == ("smartregion.schools[3]@42", "http")


class TestSummary:
    def test_is_read_back(self) -> None:
        summary = RefusedRecords("smartregion.schools", 3, ((40, 42), (50, 50)), (1_000, 1_007))

        sent = dead(key=None, value=b"", headers=OWN, summary=summary)

        assert sent.headers[-1] == (
            RECORDS,
            b'{"count": 4, "offsets": [[40, 42], [50, 50]], "timestamps": [1000, 1007]}',
        )
        letter = read_back(sent)
        assert (letter.summary, letter.headers, letter.value) == (summary, OWN, b"")
        assert [one.offset for one in letter.origins] == [40, 41, 42, 50]
        shortened = read_back(dead(value=b"{", summary=summary, producer="lycees"))
        assert (shortened.summary, shortened.shortened["value"]) == (summary, 1)

    @pytest.mark.parametrize(
        "header",
        [
            b"{",
            b"[]",
            b'{"offsets": [], "timestamps": [0, 0]}',
            b'{"offsets": [[3]], "timestamps": [0, 0]}',
            b'{"offsets": [[3, 2]], "timestamps": [0, 0]}',
            b'{"offsets": [[-1, 2]], "timestamps": [0, 0]}',
            b'{"offsets": [[0, 2], [2, 3]], "timestamps": [0, 0]}',
            b'{"offsets": [[5, 6], [2, 3]], "timestamps": [0, 0]}',
            b'{"offsets": [[0, 1000000000000]], "timestamps": [0, 0]}',
            b'{"offsets": [[0, 1]], "timestamps": [0]}',
        ],
    )
    def test_offsets_that_no_worker_writes_are_not_ours(self, header: bytes) -> None:
        """A reader would go on for ever, or count records twice."""
        sent = dead(key=None, value=b"", headers=())
        sent = sent._replace(headers=[*sent.headers, (RECORDS, header)])

        with pytest.raises(NotADeadLetterError, match=RECORDS):
            read_back(sent)
