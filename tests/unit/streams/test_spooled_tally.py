"""A tally in parts says what one of the whole partition says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.stored_record import RawRecord
from streams.changelog_tally import SUMMARY_HEADER, ChangelogTally, Summary
from streams.spooled_tally import SpooledTally

KEYS = [b"a", b"b", b"c", b"d"]


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[RawRecord, list[tuple[str, bytes]]]]:
    """Return records of a log with gaps, some with a summary that is right, wrong or of another."""
    found: list[tuple[RawRecord, list[tuple[str, bytes]]]] = []
    tally, offset = ChangelogTally(), 0
    for _ in range(draw(st.integers(0, 12))):
        offset += draw(st.integers(1, 2))
        key = draw(st.sampled_from(KEYS))
        value = draw(st.none() | st.binary(min_size=1, max_size=2))
        headers: list[tuple[str, bytes]] = []
        tally.read(offset, key, value, None)
        if draw(st.booleans()):
            summary = Summary(
                offset=offset + draw(st.sampled_from([0, 0, 0, 1])),
                entities=tally.entities + draw(st.sampled_from([0, 0, 0, 1])),
                checksum=tally._total + draw(st.sampled_from([0, 0, 0, 1])),
            )
            headers.append((SUMMARY_HEADER, summary.encode()))
        found.append((RawRecord("log", 0, offset, key, value), headers))
    return found


@given(logs(), st.integers(1, len(KEYS)))
def test_a_tally_in_parts_is_that_of_the_whole(
    log: list[tuple[RawRecord, list[tuple[str, bytes]]]], parts: int
) -> None:
    """What is lost, and whether the last summary is confirmed, however entities are divided."""
    whole, spooled = ChangelogTally(), SpooledTally()
    for one, headers in log:
        whole.read(one.offset, one.key, one.value, headers)
        spooled.see(one.offset, headers)
    for part in range(parts):
        spooled.add([one for one, _ in log if KEYS.index(one.key or b"") % parts == part])

    assert (spooled.loss(), spooled.is_confirmed) == (whole.loss(), whole.is_confirmed)
    assert all(spooled.has_other_at(n) is whole.has_other_at(n) for n in range(26))
