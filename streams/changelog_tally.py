"""The tally of a changelog partition: the number of its entities, and a checksum of their records.

Every reader of a changelog computes it. Every writer of states adds it to the last record of a
write, as a summary in a header that older readers ignore: a later reader compares the two. The
checksum is the sum of a CRC-32 of each entity's last record: it does not depend on the order, a
write updates it by its own records, and a sum of fewer records is always smaller.

A summary contains its own offset. Where another process wrote at the same time (a worker that no
longer owned the partition, an erasure), it is at a higher offset, and is ignored. One at a lower
offset was written to a log that had lost its end: that is a loss, until a later summary is right.
So is another record where a summary was: the log had lost it before a late write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol
from zlib import crc32

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from boundary.errors import SmartRegionError
from broker.stored_record import RawRecord
from events.fact import Family
from events.records import UnreadableValue
from streams.commit_metadata import ChangelogExtent

SUMMARY_HEADER: Final = "smartregion-states"


class ChangelogShrunkError(SmartRegionError):
    """A write ended at a lower offset than an earlier one: the changelog was created again."""

    def __init__(self, topic: str, partition: int, *, wrote_to: int, was_at: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: a write ended at offset {wrote_to}, one before it at {was_at}: "
            "the changelog was deleted or created again while this worker ran; it ends, and the "
            "next start reports what is lost"
        )


class Summary(BaseModel):
    """The content of a changelog partition when a record was written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offset: NonNegativeInt
    """The record's own offset, if no other process wrote at the same time."""
    entities: NonNegativeInt
    checksum: NonNegativeInt
    events_end: NonNegativeInt = 0
    """The offset after the last event that is in the states."""

    def encode(self) -> bytes:
        """Return the header's value, JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, value: bytes | None) -> Summary | None:
        """Return the summary in a header's value; None for another format."""
        try:
            return cls.model_validate_json(value or b"")
        except ValidationError:
            return None


class PlannedWrite(NamedTuple):
    """The tally after a write, and the headers of its last record."""

    checksums: Sequence[tuple[bytes, int]]
    total: int
    summary: Summary | None
    """None where another process has written records that are not counted here."""
    end: int
    """The offset after its last record, if no other process writes."""
    events_end: int

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """The headers of its last record."""
        return [] if self.summary is None else [(SUMMARY_HEADER, self.summary.encode())]


class ReadTally(Protocol):
    """What a tally knows of a changelog partition that was read to its end."""

    @property
    def is_confirmed(self) -> bool:
        """True where the last summary equals the tally of the records up to it."""

    def loss(self) -> str | None:
        """Return a description of what the log has lost; None for no known loss."""

    def has_other_at(self, offset: int) -> bool:
        """Return whether the record at an offset is there, and comes after the last summary."""


class ChangelogTally:
    """The tally of one partition, updated by every record read and written."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self.merged = 0
        """The offset up to which every record of the log is in the states of this process."""
        self.events_end = 0
        self._checksums: dict[bytes, int] = {}
        self._total = 0
        # False once another process has written records that are not counted here.
        self._is_complete = True
        # False once a record was unreadable: its entity is not known.
        self._is_readable = True
        self._summary: Summary | None = None
        self._agreed = False
        self._since: set[bytes] = set()
        self._offsets_since: set[int] = set()
        # A loss that the place of a write after the last summary shows.
        self._moved: str | None = None

    @property
    def entities(self) -> int:
        """The number of entities in the log, without erased ones."""
        return len(self._checksums)

    @property
    def is_confirmed(self) -> bool:
        """True where the last summary equals the tally of the records up to it."""
        return (
            self._is_readable and self._summary is not None and self._agreed and self._moved is None
        )

    @property
    def extent(self) -> ChangelogExtent:
        """The known start and end offsets of the log, and where its last summary is."""
        summary = None if self._summary is None else self._summary.offset
        return ChangelogExtent(start=self.start, end=self.end, summary=summary)

    def read(
        self,
        offset: int,
        key: bytes | None,
        value: bytes | UnreadableValue | None,
        headers: Iterable[tuple[str, bytes | None]] | None,
    ) -> None:
        """Add a record that was read."""
        self.end = offset + 1
        self.merged = max(self.merged, offset + 1)
        if isinstance(value, UnreadableValue):
            self._is_readable = self._is_complete = False
            return
        if key is None:
            return
        self._total -= self._checksums.get(key, 0)
        if value is None:
            self._checksums.pop(key, None)
        else:
            checksum = crc32(value, crc32(key))
            self._checksums[key] = checksum
            self._total += checksum
        summary = summary_among(headers)
        if summary is not None and summary.offset == offset:
            self._summary = summary
            self._agreed = (summary.entities, summary.checksum) == (self.entities, self._total)
            self._since.clear()
            self._offsets_since.clear()
            self._moved = None
            self.events_end = summary.events_end
            return
        if summary is not None:
            self._moved = loss_before(summary, offset) or self._moved
        if self._summary is not None:
            self._since.add(key)
            self._offsets_since.add(offset)

    def read_all(self, records: Iterable[RawRecord]) -> None:
        """Add records that were read, in their order."""
        checksums, added = self._checksums, 0
        for record in records:
            key, value = record.key, record.value
            if record.headers or key is None or type(value) is not bytes:
                self._total += added
                added = 0
                self.read(record.offset, key, value, record.headers)
                continue
            # As `read`, without a call for each state.
            self.end = record.offset + 1
            checksum = crc32(value, crc32(key))
            added += checksum - checksums.get(key, 0)
            checksums[key] = checksum
            if self._summary is not None:
                self._since.add(key)
                self._offsets_since.add(record.offset)
        self._total += added
        self.merged = max(self.merged, self.end)

    def set_extent(self, start: int, end: int, *, restored: int) -> None:
        """Set the log's start and end offsets on the broker, after it was read up to `restored`."""
        self.start = start
        # Later records were written meanwhile, by the partition's previous worker: also where the
        # log was empty until then. Records that compaction has removed are none.
        is_read = start == end or max(self.end, restored) == end
        self._is_complete = self._is_readable and is_read
        self.end = end
        if start == end:
            self.merged = end  # All of no records.

    def loss(self) -> str | None:
        """Return a description of what the log has lost, after it was read; None for no known loss.

        An entity written after the summary may be missing before it: compaction removes replaced
        records.
        """
        if self._moved is not None:
            return self._moved
        summary = self._summary
        if summary is None or self._agreed or not self._is_readable:
            return None
        kept = self.entities - len(self._since & self._checksums.keys())
        return loss_since(summary, kept=kept, since=len(self._since))

    def has_other_at(self, offset: int) -> bool:
        """Return whether the record at an offset was read, and comes after the last summary."""
        return offset in self._offsets_since

    def plan(
        self, records: Sequence[tuple[bytes, bytes]], *, events_end: int | None = None
    ) -> PlannedWrite:
        """Return the planned write of some records, each the state of an entity.

        `events_end` is the offset after the last event in them; None where it does not change.
        """
        known = self._checksums
        total, added = self._total, 0
        checksums: list[tuple[bytes, int]] = []
        for key, value in records:
            checksum = crc32(value, crc32(key))
            before = known.get(key)
            if before is None:
                added += 1
                before = 0
            total += checksum - before
            checksums.append((key, checksum))
        end = self.end + len(records)
        if events_end is None:
            events_end = self.events_end
        summary = None
        if self._is_complete:
            summary = Summary(
                offset=end - 1,
                entities=self.entities + added,
                checksum=total,
                events_end=events_end,
            )
        return PlannedWrite(checksums, total, summary, end, events_end)

    def record_write(
        self, planned: PlannedWrite, end: int | None, *, topic: str, partition: int
    ) -> None:
        """Apply an acknowledged write; `end` is the offset after it, None where it is not known.

        Raises ChangelogShrunkError.
        """
        if end is not None and end < planned.end:
            raise ChangelogShrunkError(topic, partition, wrote_to=end, was_at=self.end)
        self._checksums.update(planned.checksums)
        self._total = planned.total
        if end == planned.end and self.merged == self.end:
            self.merged = end
        if end == planned.end and planned.summary is not None:
            self._summary, self._agreed = planned.summary, True
            self._since.clear()
            self._offsets_since.clear()
            self._moved = None
        elif self._summary is not None:
            self._since.update(key for key, _ in planned.checksums)
        self._is_complete = self._is_complete and end == planned.end
        self.end = planned.end if end is None else end
        self.events_end = planned.events_end


class ChangelogTallies:
    """The tallies of changelog partitions, by family and partition."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[Family, int], ChangelogTally] = {}

    def of(self, family: Family, partition: int) -> ChangelogTally:
        """Return a partition's tally, which is empty before it is read."""
        return self._tallies.setdefault((family, partition), ChangelogTally())

    def drop(self, family: Family, partition: int) -> None:
        """Drop a revoked partition."""
        self._tallies.pop((family, partition), None)

    def has(self, family: Family, partition: int, tally: ChangelogTally) -> bool:
        """Return False once the partition of a tally was dropped."""
        return self._tallies.get((family, partition)) is tally


def loss_since(summary: Summary, *, kept: int, since: int) -> str | None:
    """Return what a log has lost that does not agree with its last summary.

    `kept` are its entities without records after the summary, `since` those with such records.
    """
    missing = summary.entities - kept
    if since and missing <= since:
        return None
    if missing > 0:
        return f"holds {kept} of the {summary.entities} entities that were written"
    return f"does not hold the {summary.entities} states that were written (checksum)"


def loss_before(summary: Summary, offset: int) -> str | None:
    """Return what a log had lost where the record of a summary is at a lower offset than it says.

    A log only grows while it loses nothing: whoever wrote knew of records that were gone.
    """
    if summary.offset <= offset:
        return None
    return (
        f"had lost its last records before a write: what was to be at offset {summary.offset} is"
        f" at {offset}"
    )


def summary_among(headers: Iterable[tuple[str, bytes | None]] | None) -> Summary | None:
    """Return the summary in a record's headers; None where there is none of this format."""
    for name, value in headers or ():
        if name == SUMMARY_HEADER:
            return Summary.decode(value)
    return None
