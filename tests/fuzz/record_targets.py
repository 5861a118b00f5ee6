"""Batches of Kafka's, as both clients read them and as a worker decides on their records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.util import calc_crc32c, decode_varint_py
from aiokafka.structs import ConsumerRecord
from hypothesis import strategies as st
from kafka.record import MemoryRecords

from boundary.errors import SmartRegionError
from broker.record_batches import (
    read_any_batch_with_aiokafka,
    read_any_batch_with_kafka_python,
)
from events.cloudevent import CloudEvent
from events.errors import ContractError
from events.fact import Family
from events.producers.model import REGION, load_producers
from events.record_rules import RULES
from events.records import Record, UnreadableValue
from events.topics import DEAD_LETTER_MAX_BYTES
from streams.dead_letters import dead_letter_record
from streams.merging import RecordRefusal
from streams.meters import Attribution
from streams.reading import readings
from tests.fuzz.target import Target
from tests.support.facts import mutated_records
from tests.support.raw_batches import NOW, HeaderName, RawContent, batch_bytes, fetched_records

_HEADER_BYTES: Final = 61
_LENGTH_AT, _CRC_AT, _ATTRIBUTES_AT, _FIRST_TIME_AT, _COUNT_AT = 8, 17, 21, 27, 57
_CODECS: Final = range(5)
_NOW: Final = datetime(2026, 3, 11, tzinfo=UTC)
_FAMILY: Final = Family.SCHOOLS
_ATTRIBUTION: Final = Attribution(load_producers(REGION))
#: Events of one attribute without end: of no use, and small where they are compressed.
_LONG_ATTRIBUTES: Final = st.builds(
    lambda name, part: b'{"%s": "%s"}' % (name.encode(), (part * 250_000)[:250_000].encode()),
    st.sampled_from(["id", "source", "type", "subject", "time", "x"]),
    st.sampled_from(["/", ":", "a", "/.", "%2f", "1 ", "\u0301"]),
)


@st.composite
def _contents(draw: st.DrawFn) -> RawContent:
    """Draw a record: an event to which something happened, or what no producer of ours sends."""
    headers: list[tuple[str, bytes | None]] = []
    value: bytes | None = None
    if draw(st.booleans()):
        found, value = draw(mutated_records(draw(st.sampled_from([_FAMILY, None]))))
        headers += found
    else:
        value = draw(
            st.none() | st.binary(max_size=30) | st.just(b"{}" * 20_000) | _LONG_ATTRIBUTES
        )
    names = st.sampled_from([b"ce_id", b"ce_type", b"content-type", b"caf\xe9", b"", b"CE_ID"])
    more = draw(
        st.lists(st.tuples(names | st.binary(max_size=6), st.none() | st.binary()), max_size=3)
    )
    headers += [(HeaderName(name), content) for name, content in more]
    headers *= draw(st.sampled_from([1, 1, 1, 2, 300]))
    time = draw(st.sampled_from([NOW, 0, -1, -(2**62)]) | st.integers(-(2**40), NOW))
    return RawContent(draw(st.none() | st.binary(max_size=8)), value, headers[:600], time)


@st.composite
def _batches(draw: st.DrawFn) -> bytes:
    """Draw one to three batches as a fetch returns them, damaged behind a right checksum.

    A broker looks at what is in front of the records, and at little of what is in them.
    """
    fetched = b""
    offset = draw(st.integers(0, 2**40))
    for _ in range(draw(st.integers(1, 3))):
        records = draw(st.lists(_contents(), min_size=1, max_size=4))
        content = bytearray(batch_bytes(records, codec=draw(st.sampled_from(_CODECS))))
        for _ in range(draw(st.sampled_from([0, 0, 1, 2, 4]))):
            at = draw(st.integers(_HEADER_BYTES, len(content)))
            most = draw(st.sampled_from([0, 1, 1, 2, 20]))
            lengths = st.sampled_from([b"\x01", b"\x7f", b"\xfe\xff\xff\xff\x0f", b"\x80" * 12])
            content[at : at + most] = draw(lengths | st.binary(max_size=most + 2))
        if draw(st.integers(0, 9)) == 0:
            content[_COUNT_AT:_HEADER_BYTES] = draw(st.binary(min_size=4, max_size=4))
        if draw(st.integers(0, 9)) == 0:
            content[_FIRST_TIME_AT : _FIRST_TIME_AT + 16] = draw(
                st.binary(min_size=16, max_size=16)
            )
        if draw(st.integers(0, 4)) == 0:
            # Another codec than the one that it was made with, or the time of the broker's log.
            content[_ATTRIBUTES_AT + 1] = draw(st.sampled_from([*_CODECS, 8]))
        fetched += _as_stored(content, offset)
        offset += len(records) + draw(st.integers(0, 3))
    return fetched


def _as_stored(content: bytearray, offset: int) -> bytes:
    """Return a batch with the offset, the length and the checksum that a broker gives it."""
    content[:_LENGTH_AT] = offset.to_bytes(8, "big")
    content[_LENGTH_AT : _LENGTH_AT + 4] = (len(content) - 12).to_bytes(4, "big")
    content[_CRC_AT:_ATTRIBUTES_AT] = calc_crc32c(bytes(content[_ATTRIBUTES_AT:])).to_bytes(
        4, "big"
    )
    return bytes(content)


_Read = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def _with_aiokafka(content: bytes) -> list[_Read]:
    return [
        (one.offset, one.timestamp, one.key, one.value, list(one.headers))
        for one in fetched_records(content)
    ]


def _with_kafka_python(content: bytes) -> list[_Read]:
    return [
        (one.offset, one.timestamp, one.key, one.value, list(one.headers))
        for batch in MemoryRecords(content)
        for one in batch
    ]


def _described(records: Sequence[_Read]) -> list[Any]:
    """Return what is compared of records: of a value that is no plain one also why."""
    return [
        (
            *record,
            getattr(record[3], "cause", None),
            getattr(record[3], "sha256", None),
        )
        for record in records
    ]


def _is_in_order(content: bytes) -> bool:
    """Return whether a broker takes the batches: each record in its place (else code 87).

    A client skips a record whose offset it is beyond.
    """
    for batch in MemoryRecords(content):
        places = [one.offset - batch.base_offset for one in batch]
        if places != sorted({*places}) or not all(
            0 <= at <= batch.last_offset_delta for at in places
        ):
            return False
    return True


class _PythonBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka has no types for it
    """A batch that aiokafka's code in Python reads, numbers included."""

    def _read_msg(self, decode_varint: Any = decode_varint_py) -> Any:  # noqa: ANN401 - untyped
        return super()._read_msg(decode_varint)


def _is_cut(content: bytes) -> bool:
    """Return whether a batch ends within a number of a record: a broker refuses it (code -1).

    aiokafka's code in C reads on behind the batch.
    """
    at = 0
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at + _LENGTH_AT : at + 12], "big")
        try:
            list(_PythonBatch(bytearray(content[at:end])))
        except CorruptRecordException as error:
            if isinstance(error.__cause__, IndexError):
                return True
        except Exception:  # noqa: BLE001, S110 - other damage, which both clients name
            pass
        at = end
    return False


def _check_batches(content: bytes) -> None:
    """Both clients read the same records, and a worker decides on each, whatever it is."""
    read_any_batch_with_aiokafka()
    read_any_batch_with_kafka_python()
    try:
        read = _with_aiokafka(content)
        again = _with_kafka_python(content)
    except SmartRegionError:
        return
    if not _is_in_order(content):
        return
    if _described(read) != _described(again):
        assert _is_cut(content)
        return
    records = [
        ConsumerRecord("t", 0, offset, time, 0, key, value, None, -1, -1, tuple(headers))
        for offset, time, key, value, headers in read
    ]
    for record, found in zip(records, readings(records, _FAMILY, RULES), strict=True):
        decided = _decision(record)
        if isinstance(decided, ContractError):
            assert isinstance(found, ContractError)
            assert (found.reason, str(found)) == (decided.reason, str(decided))
            letter = dead_letter_record(RecordRefusal(record, found), now=_NOW)
            assert len(letter.value or b"") <= DEAD_LETTER_MAX_BYTES
            assert _ATTRIBUTION.of_refused(record)
        else:
            assert not isinstance(found, ContractError)
            assert found[0] == decided.fact.entity_id
            assert not isinstance(record.value, UnreadableValue)


def _decision(record: Record) -> CloudEvent | ContractError:
    try:
        return RULES.decode(record, family=_FAMILY)
    except ContractError as error:
        return error


RECORD_TARGETS: Final = (
    Target(
        "batches",
        "Kafka's batches, both clients, and the decoder",
        _batches(),
        _check_batches,
        # A batch may unpack to 64 MiB, which both clients hold once more as records.
        most_mib=256,
    ),
)
