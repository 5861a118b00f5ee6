"""What of a partition can be written again."""

from __future__ import annotations

import pytest

from broker.stored_record import RawRecord
from events.records import CutPart, UnreadableValue
from operations.erasure.persons import Persons, find_traces
from operations.erasure.rewriting import LARGEST_COPY_BYTES, can_be_copied
from tests.support.audits import raw

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"


def record(
    value: bytes | None, key: bytes | None = b"key", headers: tuple[tuple[str, bytes], ...] = ()
) -> RawRecord:
    """Return a record of somebody else that no reader accepts."""
    return RawRecord("smartregion.trainings", 0, 7, key, value, headers)


@pytest.mark.parametrize(
    ("one", "copied"),
    [
        (record(b"{}"), True),
        (record(None, None), True),
        (record(b" " * LARGEST_COPY_BYTES, b""), True),
        (record(b" " * LARGEST_COPY_BYTES), False),
        (record(b"", b"", (("é", b" " * (LARGEST_COPY_BYTES - 2)),)), False),
        (record(UnreadableValue("damaged")), False),
        (record(CutPart(memoryview(b"x" * 9), keep=1)), False),
        (record(b"{}", CutPart(memoryview(b"x" * 9), keep=1)), False),
    ],
)
def test_what_no_broker_takes_is_not_copied(one: RawRecord, copied: bool) -> None:  # noqa: FBT001
    """Its producer had compressed it; of what is cut or unreadable there is no whole."""
    assert can_be_copied(one) is copied


def test_what_cannot_be_kept_is_counted_before() -> None:
    """Of others alone: what is about a person is to go."""
    large = b'{"x": "%s"}' % (b" " * LARGEST_COPY_BYTES)
    personal = large.replace(b'"x"', b'"%s"' % SOMEBODY.encode())
    records = [raw("training.enrolled", SOMEBODY, "2018-01-01"), record(large), record(personal)]

    traces = find_traces(records, Persons([SOMEBODY]))

    assert traces.records == 2
    assert traces.not_copied[0] == 1
