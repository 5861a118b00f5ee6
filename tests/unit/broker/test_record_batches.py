"""Batches that clients fail on by themselves, read by both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords as AiokafkaRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.record import MemoryRecords, memory_records
from kafka.record.default_records import DefaultRecordBatch

from broker.compression import MAX_UNPACKED_BYTES, Codec
from broker.record_batches import (
    LARGEST_PART_BYTES,
    MAX_HEADERS,
    read_any_batch_with_aiokafka,
    read_any_batch_with_kafka_python,
)
from events.records import CutPart, UnreadableValue
from events.topics import DEAD_LETTER_MAX_BYTES
from tests.support.raw_batches import HeaderName, fetched_records

NO_TEXT = b"caf\xe9"
NO_COMPRESSION, GZIP = 0, 1

Headers = Sequence[tuple[bytes, bytes | None]]
Read = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
Reader = Callable[[bytes], list[Read]]


def restore_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", AiokafkaRecords)
    monkeypatch.setattr(memory_records, "DefaultRecordBatch", DefaultRecordBatch)


@pytest.fixture(autouse=True)
def _fixed_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    restore_clients(monkeypatch)
    read_any_batch_with_aiokafka()
    read_any_batch_with_kafka_python()


def batch(
    records: Iterable[Headers], *, first: int = 0, compression: int = NO_COMPRESSION
) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 2**31)
    for offset, headers in enumerate(records):
        named: list[Any] = [(HeaderName(name), value) for name, value in headers]
        number = str(first + offset).encode()
        builder.append(offset, 1, number, number, named)
    content = bytes(builder.build())
    # The first eight bytes are the batch's offset, which the checksum leaves out.
    return first.to_bytes(8, "big") + content[8:]


def read_with_aiokafka(content: bytes, *, start: int = 0) -> list[Read]:
    records = fetched_records(content, start=start)
    return [(one.offset, one.key, one.value, list(one.headers)) for one in records]


def read_with_kafka_python(content: bytes) -> list[Read]:
    return [
        (one.offset, one.key, one.value, list(one.headers))
        for one_batch in MemoryRecords(content)
        for one in one_batch
    ]


def expected(records: Iterable[Headers], *, first: int = 0) -> list[Read]:
    return [
        (
            first + index,
            str(first + index).encode(),
            str(first + index).encode(),
            [(name.decode(errors="replace"), value) for name, value in headers],
        )
        for index, headers in enumerate(records)
    ]


MIXED: list[Headers] = [
    [(b"ce_id", b"1")],
    [(b"ce_id", b"2"), (NO_TEXT, b"\xff"), (b"after", None)],
    [],
    [(NO_TEXT, None)],
    [("café".encode(), b"5")],
]


@pytest.mark.parametrize("compression", [NO_COMPRESSION, GZIP])
def test_both_clients_fail_on_such_a_record_by_themselves(
    monkeypatch: pytest.MonkeyPatch, compression: int
) -> None:
    """The day they do not, there is nothing left to fix here."""
    restore_clients(monkeypatch)
    content = batch(MIXED, compression=compression)

    with pytest.raises(UnicodeDecodeError):
        read_with_aiokafka(content)
    with pytest.raises(Exception, match="UnicodeDecodeError"):
        read_with_kafka_python(content)


@pytest.mark.parametrize("codec", Codec)
def test_all_records_of_its_batch_and_of_those_around_it_are_read(codec: Codec) -> None:
    plain: list[Headers] = [[(b"ce_id", b"x")], []]
    # So that a builder does compress them.
    long: list[Headers] = [[*headers, (b"long", bytes(500))] for headers in MIXED]
    middle = batch(long, first=2, compression=codec)
    assert middle[22] == codec
    content = batch(plain) + middle + batch(plain, first=7)
    everything = expected([*plain, *long, *plain])

    assert read_with_aiokafka(content) == everything
    assert read_with_kafka_python(content) == everything


@pytest.mark.parametrize("start", range(6))
def test_a_consumer_goes_on_in_the_middle_of_a_batch(start: int) -> None:
    assert read_with_aiokafka(batch(MIXED), start=start) == expected(MIXED)[start:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.lists(st.tuples(st.binary(max_size=6), st.none() | st.binary(max_size=4)), max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_any_names_are_read_the_same_by_both(records: list[Headers]) -> None:
    assert read_with_aiokafka(batch(records)) == expected(records)
    assert read_with_kafka_python(batch(records)) == expected(records)


@pytest.mark.parametrize("read", [read_with_aiokafka, read_with_kafka_python])
class TestExtremes:
    def test_a_batch_that_unpacks_to_too_much(self, read: Reader) -> None:
        builder = _DefaultRecordBatchBuilderPy(2, Codec.ZSTD, 0, -1, -1, -1, 2**31)
        for offset in range(2):
            builder.append(offset, 1, b"key", bytes(MAX_UNPACKED_BYTES // 2 + 1), [])
        content = bytes(builder.build())
        assert len(content) < 2**20

        [(offset, key, value, headers)] = read(content)

        assert (offset, key, value, headers) == (1, None, b"", [])
        assert isinstance(value, UnreadableValue)
        assert "offsets 0 to 1 of a batch of 2 records: unpacks to more than" in value.cause

    def test_those_before_a_damaged_record_are_read(self, read: Reader) -> None:
        whole = MIXED[2:3] * 4
        # Of the third record the size of its value; of 10 bytes each, behind 61 of the batch.
        damaged = patched(batch(whole), 61 + 2 * 10 + 6, b"\x7e")
        found = read(damaged + batch(whole, first=4))

        assert found[:2] == expected(whole)[:2]
        assert found[2][0] == 3
        assert isinstance(found[2][2], UnreadableValue)
        assert found[3:] == expected(whole, first=4)

    @pytest.mark.parametrize(
        ("at", "byte", "key"),
        [
            # The broker looks at no record's attributes, and takes any negative length for null.
            pytest.param(62, b"\x80", b"0", id="attributes"),
            pytest.param(65, b"\x05", None, id="negative length"),
        ],
    )
    def test_what_only_java_reads_is_read(
        self, read: Reader, at: int, byte: bytes, key: bytes | None
    ) -> None:
        content = batch([[]])
        if key is None:  # Without the byte that was the key.
            content = content[:61] + b"\x0e" + content[62:66] + content[67:]
            content = content[:8] + (len(content) - 12).to_bytes(4, "big") + content[12:]

        [(_, found, value, _)] = read(patched(content, at, byte))

        assert (found, value) == (key, b"0")

    @pytest.mark.parametrize("beside", [0, LARGEST_PART_BYTES], ids=["alone", "in a large batch"])
    def test_a_record_with_too_many_headers_is_refused_alone(
        self, read: Reader, beside: int
    ) -> None:
        most: Headers = [(b"", None)] * MAX_HEADERS
        content = batch(
            [most, [*most, (b"", None)], [(b"beside", bytes(beside))]], compression=Codec.ZSTD
        )

        first, second, third = read(content)

        assert first == (0, b"0", b"0", [("", None)] * MAX_HEADERS)
        assert second == (1, b"1", b"", [])
        assert isinstance(second[2], UnreadableValue)
        assert second[2].cause == "offset 1 has 60001 headers, more than the 60000 that are read"
        assert third == (2, b"2", b"2", [("beside", bytes(beside))])

    def test_of_a_key_or_a_value_the_beginning_is_held(self, read: Reader) -> None:
        large, largest = bytes(LARGEST_PART_BYTES + 1), bytes(LARGEST_PART_BYTES)
        builder = _DefaultRecordBatchBuilderPy(2, Codec.ZSTD, 0, -1, -1, -1, 2**31)
        builder.append(0, 1, large, large, [])
        builder.append(1, 1, b"1", largest, [])

        (_, key, value, _), (_, _, held, _) = read(bytes(builder.build()))

        for part in (key, value):
            assert isinstance(part, CutPart)
            assert part == bytes(DEAD_LETTER_MAX_BYTES)
            assert part.size == len(large)
        assert held == largest


def patched(content: bytes, at: int, new: bytes) -> bytes:
    changed = bytearray(content)
    changed[at : at + len(new)] = new
    changed[17:21] = calc_crc32c(bytes(changed[21:])).to_bytes(4, "big")
    return bytes(changed)
