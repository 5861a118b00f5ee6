"""The tally of a changelog partition, against logs that were cut, compacted and written by two."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from events.fact import Family
from events.records import UnreadableValue
from streams.changelog_tally import (
    SUMMARY_HEADER,
    ChangelogShrunkError,
    ChangelogTallies,
    ChangelogTally,
    Summary,
)


class Logged(NamedTuple):
    """A record of a changelog."""

    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Log:
    """A changelog partition in memory, and the worker that writes it."""

    def __init__(self) -> None:
        self.records: list[Logged] = []
        self.end = 0
        self.tally = ChangelogTally()

    def write(self, *states: tuple[str, bytes], events_end: int | None = None) -> None:
        """Let the worker write a batch, with its summary."""
        records = [(entity.encode(), value) for entity, value in states]
        planned = self.tally.plan(records, events_end=events_end)
        for key, value in records:
            self.append(key, value)
        last = self.records.pop()
        self.records.append(last._replace(headers=tuple(planned.headers)))
        self.tally.record_write(planned, self.end, topic="log", partition=0)

    def append(self, key: bytes, value: bytes | None) -> None:
        """Write a record of another process."""
        self.records.append(Logged(self.end, key, value))
        self.end += 1

    def compacted(self) -> list[Logged]:
        """Return the last record of each key."""
        last = {record.key: record.offset for record in self.records}
        return [record for record in self.records if last[record.key] == record.offset]


def read(records: list[Logged]) -> ChangelogTally:
    """Count a log from its beginning, as a recovery does."""
    tally = ChangelogTally()
    for offset, key, value, headers in records:
        tally.read(offset, key, value, headers)
    return tally


ENTITIES = st.sampled_from(["a", "b", "c", "d", "e"])
WRITES = st.lists(
    st.lists(st.tuples(ENTITIES, st.binary(min_size=1, max_size=4)), min_size=1, max_size=4),
    min_size=1,
    max_size=6,
)


def written(writes: list[list[tuple[str, bytes]]]) -> Log:
    """Return what a worker writes: each entity once a batch."""
    log = Log()
    for write in writes:
        log.write(*dict(write).items())
    return log


@given(WRITES)
def test_a_whole_log_has_lost_nothing(writes: list[list[tuple[str, bytes]]]) -> None:
    """Neither before its compaction nor after."""
    log = written(writes)
    for records in (log.records, log.compacted()):
        tally = read(records)
        assert tally.loss() is None
        assert tally.is_confirmed
        assert tally.entities == log.tally.entities


@given(WRITES, st.data())
def test_a_log_without_some_states_has_lost_them(
    writes: list[list[tuple[str, bytes]]], data: st.DataObject
) -> None:
    """Whichever records went, if an entity went with them that the last summary counted."""
    log = written(writes)
    *before, last = log.compacted()
    gone = data.draw(st.sets(st.sampled_from(before), min_size=1)) if before else set()
    assume(gone)
    loss = read([one for one in before if one not in gone] + [last]).loss()
    assert loss is not None
    assert "entities" in loss


def test_an_older_state_instead_of_a_newer_is_a_loss() -> None:
    """The number of entities is right then, and the checksum is not."""
    log = written([[("a", b"1")], [("b", b"1")], [("a", b"2")], [("b", b"2")]])
    records = [record for record in log.records if record.value != b"2" or record.key == b"b"]
    assert "checksum" in str(read(records).loss())


@given(WRITES, WRITES, st.booleans())
def test_what_others_wrote_is_no_loss(
    before: list[list[tuple[str, bytes]]],
    after: list[list[tuple[str, bytes]]],
    compacted: bool,  # noqa: FBT001 - Hypothesis gives it
) -> None:
    """A worker that had lost the partition, one of 0.1, an erasure's end of a state."""
    log = written(before)
    log.append(b"a", b"late")
    log.append(b"b", None)
    for write in after:
        log.write(*dict(write).items())
    tally = read(log.compacted() if compacted else log.records)
    assert tally.loss() is None


@given(WRITES)
def test_a_log_of_an_older_release_says_nothing(writes: list[list[tuple[str, bytes]]]) -> None:
    """It has no summaries: nothing is compared."""
    log = Log()
    for write in writes:
        for entity, value in write:
            log.append(entity.encode(), value)
    assert read(log.records[1:]).loss() is None


@given(WRITES, WRITES)
def test_a_restored_tally_goes_on(
    before: list[list[tuple[str, bytes]]], after: list[list[tuple[str, bytes]]]
) -> None:
    """What the next worker writes is right about the whole log, not about its own writes."""
    log = written(before)
    log.tally = read(log.records)
    log.tally.set_extent(0, log.end, restored=log.end)
    for write in after:
        log.write(*dict(write).items())
    assert read(log.records).is_confirmed


#: A batch of the worker, a record of another process (before such a batch, too), a recovery.
STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "foreign", "both", "recover"]), ENTITIES),
    max_size=20,
)


@given(WRITES, STEPS)
def test_a_recovery_reads_all_that_is_not_merged(
    before: list[list[tuple[str, bytes]]], steps: list[tuple[str, str]]
) -> None:
    """A worker that keeps its states reads what others wrote, and its own writes only with that."""
    log = written(before)
    merged = set(range(log.end))
    for number, (step, entity) in enumerate(steps):
        value = str(number).encode()
        if step in ("foreign", "both"):
            log.append(entity.encode(), value)
        if step in ("write", "both"):
            own = log.end
            log.write((entity, value))
            merged.add(own)
        if step == "recover":
            recover(log, merged)
    recover(log, merged)

    assert merged == set(range(log.end))
    assert log.tally.merged == log.end
    assert log.tally.loss() is None


def recover(log: Log, merged: set[int]) -> None:
    """Read the log from the last merged record on, and compare its end, as a worker does."""
    for offset, key, value, headers in log.records[max(log.tally.merged - 1, 0) :]:
        log.tally.read(offset, key, value, headers)
        merged.add(offset)
    log.tally.set_extent(0, log.end, restored=log.end)


@given(WRITES)
def test_own_writes_are_not_read_again(writes: list[list[tuple[str, bytes]]]) -> None:
    """Where no other process wrote: a rebalance costs nothing for a partition that stays."""
    log = written(writes)
    assert log.tally.merged == log.end
    assert log.tally.is_confirmed


def test_all_of_an_empty_log_is_merged() -> None:
    """Its records were deleted, and its offsets go on: there is nothing to read."""
    tally = ChangelogTally()
    tally.set_extent(7, 7, restored=0)
    assert tally.merged == 7


def test_the_end_of_the_events_is_reported() -> None:
    """It outlives the committed offsets, which a broker forgets with the topic."""
    log = Log()
    log.write(("a", b"1"), events_end=42)
    log.write(("b", b"1"))
    assert read(log.records).events_end == 42


def test_a_write_before_the_end_is_an_error() -> None:
    """The topic was created again while the worker ran."""
    log = written([[("a", b"1"), ("b", b"1")]])
    planned = log.tally.plan([(b"a", b"2")])
    with pytest.raises(ChangelogShrunkError, match=r"log\[3\].*ended at offset 1"):
        log.tally.record_write(planned, 1, topic="log", partition=3)


def test_a_write_that_fills_a_log_made_again_hides_no_loss() -> None:
    """The new log ends where the old one did: only the place of the write shows the difference."""
    log = written([[("a", b"1"), ("b", b"1")]])
    log.records, log.end = [], 0
    with pytest.raises(ChangelogShrunkError):
        log.write(("c", b"1"), ("d", b"1"))
    tally = read(log.records)
    assert tally.end == 2
    assert "was to be at offset 3 is at 1" in str(tally.loss())
    assert not tally.is_confirmed


def test_a_write_behind_lost_records_hides_no_loss() -> None:
    """The summary before them agrees with what is left: the write is counted against it."""
    log = written([[("a", b"1")], [("b", b"1")]])
    log.records.pop()
    log.end = 1
    with pytest.raises(ChangelogShrunkError):
        log.write(("c", b"1"), ("d", b"1"))
    assert "was to be at offset 3 is at 2" in str(read(log.records).loss())


@given(WRITES, WRITES, st.integers(1, 12))
def test_another_record_where_a_summary_was_is_a_loss(
    kept: list[list[tuple[str, bytes]]], lost: list[list[tuple[str, bytes]]], late: int
) -> None:
    """Late writes fill what the log has lost: its end shows nothing, nor does its last summary."""
    log = written([*kept, *lost])
    known = log.tally.extent.summary
    assert known == log.end - 1
    log.records, log.end = written(kept).records, written(kept).end
    for number in range(late):
        log.append(b"a", bytes([number]))
    assert read(log.records).has_other_at(known) is (log.end > known)


@given(WRITES, st.integers(0, 4), WRITES)
def test_a_summary_that_is_still_there_is_met(
    writes: list[list[tuple[str, bytes]]], late: int, more: list[list[tuple[str, bytes]]]
) -> None:
    """Whatever others write after it, also where compaction removes it then."""
    log = written(writes)
    known = [log.tally.extent.summary]
    for number in range(late):
        log.append(b"a", bytes([number]))
    for records in (log.records, log.compacted()):
        assert not any(read(records).has_other_at(one) for one in known if one is not None)
    log.tally = read(log.records)
    log.tally.set_extent(0, log.end, restored=log.end)
    for write in more:
        log.write(*dict(write).items())
        known.append(log.tally.extent.summary)
    for records in (log.records, log.compacted()):
        assert not any(read(records).has_other_at(one) for one in known if one is not None)


def test_a_loss_that_was_repaired_is_none() -> None:
    """The next summary is of one who knew what the log holds."""
    log = written([[("a", b"1")], [("b", b"1")]])
    log.records, log.end = [], 0
    with pytest.raises(ChangelogShrunkError):
        log.write(("c", b"1"))
    log.tally = read(log.records)
    log.tally.set_extent(0, log.end, restored=log.end)
    log.write(("a", b"1"), ("b", b"1"))
    assert read(log.records).loss() is None


@given(st.just([]) | WRITES, WRITES, WRITES)
def test_what_is_written_after_a_recovery_is_known_to_be_unread(
    before: list[list[tuple[str, bytes]]],
    late: list[list[tuple[str, bytes]]],
    after: list[list[tuple[str, bytes]]],
) -> None:
    """A summary that lacks it would show a loss to the next reader, also of an empty log."""
    log = written(before)
    log.tally, restored = read(log.records), log.end
    for write in late:
        for entity, value in write:
            log.append(entity.encode(), value)
    log.tally.set_extent(0, log.end, restored=restored)
    for write in after:
        log.write(*dict(write).items())

    assert read(log.records).loss() is None


def test_a_log_that_ends_with_removed_records_is_read() -> None:
    """Tombstones at its end that compaction removed: its last offset has no record."""
    log = written([[("a", b"1")]])
    tally = read(log.records)
    tally.set_extent(0, 5, restored=5)
    assert tally.plan([(b"b", b"1")]).headers != []


def test_without_an_answer_nothing_more_is_summed_up() -> None:
    """Without the offset of a batch, a write of another process before it is possible."""
    log = written([[("a", b"1")]])
    log.tally.record_write(log.tally.plan([(b"a", b"2")]), None, topic="log", partition=0)
    assert log.tally.plan([(b"a", b"3")]).headers == []


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"offset": -1}', b"\xff"])
def test_a_header_that_is_not_ours_says_nothing(value: bytes) -> None:
    """Whoever wrote it."""
    assert Summary.decode(value) is None
    assert read([Logged(0, b"a", b"1", ((SUMMARY_HEADER, value),))]).loss() is None


def test_a_record_that_cannot_be_read_leaves_it_open() -> None:
    """Its entity is not known: unreadable states have their own metric."""
    log = written([[("a", b"1")], [("b", b"1")]])
    tally = ChangelogTally()
    tally.read(0, None, UnreadableValue("codec"), ())
    _, key, value, headers = log.records[1]
    tally.read(1, key, value, headers)
    tally.set_extent(0, 2, restored=2)
    assert tally.loss() is None
    assert not tally.is_confirmed
    assert tally.plan([(b"a", b"2")]).headers == []


def test_a_dropped_partition_is_counted_anew() -> None:
    """Another worker has it meanwhile."""
    tallies = ChangelogTallies()
    tallies.of(Family.SCHOOLS, 1).read(0, b"a", b"1", None)
    assert tallies.of(Family.SCHOOLS, 1).entities == 1
    tallies.drop(Family.SCHOOLS, 1)
    assert tallies.of(Family.SCHOOLS, 1).entities == 0
