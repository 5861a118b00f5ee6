"""The tally of a changelog partition: how many entities it holds, and a checksum of their records.

Whoever reads a changelog counts it. Whoever writes states adds the count to the last record of each
write, in a header that older readers ignore: read again, the log can be compared with it. The
checksum is the sum of a CRC-32 of each entity's last record: the order does not matter, a write
costs what it changes, and a sum of what is there is always less than the sum of the whole.

A summary names its own offset. Where somebody else wrote at the same time (a worker that had lost
the partition without knowing, an erasure), it lies elsewhere, and is not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from boundary.errors import SmartRegionError
from events.records import UnreadableValue
from streams.commit_metadata import ChangelogExtent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.registry import Family

__all__ = [
    "SUMMARY_HEADER",
    "ChangelogShrunkError",
    "ChangelogTallies",
    "ChangelogTally",
    "PlannedWrite",
    "Summary",
]

SUMMARY_HEADER: Final = "smartregion-states"


class ChangelogShrunkError(SmartRegionError):
    """A changelog took a write at an offset that it had passed: it was made anew meanwhile."""

    def __init__(self, topic: str, partition: int, *, wrote_to: int, was_at: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: a write ended at offset {wrote_to}, one before it at {was_at}: "
            "the changelog was deleted or made anew while this worker ran; it ends, and the next "
            "start tells what is lost"
        )


class Summary(BaseModel):
    """What a changelog partition held when a record was written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offset: NonNegativeInt
    """The record's own, if nobody else wrote at the same time."""
    entities: NonNegativeInt
    checksum: NonNegativeInt
    events_end: NonNegativeInt = 0
    """The offset after the last event in the states, on the partition of events."""

    def encode(self) -> bytes:
        """Return the header's value: JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, value: bytes | None) -> Summary | None:
        """Read a header's value; None where it is not ours."""
        try:
            return cls.model_validate_json(value or b"")
        except ValidationError:
            return None


class PlannedWrite(NamedTuple):
    """What the tally will be once some records are written, and the headers of the last of them."""

    checksums: Sequence[tuple[bytes, int]]
    total: int
    headers: Sequence[tuple[str, bytes]]
    end: int
    """The offset after the last of them, if nobody else writes."""
    events_end: int


class ChangelogTally:
    """Counts one partition, as it is read from its beginning and written on."""

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self.events_end = 0
        self._checksums: dict[bytes, int] = {}
        self._total = 0
        # False once others have written what is not counted here.
        self._whole = True
        # False once a record could not be read: whose state it was is not known.
        self._readable = True
        self._summary: Summary | None = None
        self._agreed = False
        self._since: set[bytes] = set()

    @property
    def entities(self) -> int:
        """How many entities the log holds, those that were ended by an erasure left out."""
        return len(self._checksums)

    @property
    def is_confirmed(self) -> bool:
        """True where a summary says the same as what was read up to it."""
        return self._readable and self._summary is not None and self._agreed

    @property
    def extent(self) -> ChangelogExtent:
        """Return from where to where the log is known."""
        return ChangelogExtent(start=self.start, end=self.end)

    def read(
        self,
        offset: int,
        key: bytes | None,
        value: bytes | UnreadableValue | None,
        headers: Iterable[tuple[str, bytes | None]] | None,
    ) -> None:
        """Count a record that was read."""
        self.end = offset + 1
        if isinstance(value, UnreadableValue):
            self._readable = self._whole = False
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
        summary = _summary_among(headers)
        if summary is not None and summary.offset == offset:
            self._summary = summary
            self._agreed = (summary.entities, summary.checksum) == (self.entities, self._total)
            self._since.clear()
            self.events_end = summary.events_end
        elif self._summary is not None:
            self._since.add(key)

    def restored(self, start: int, end: int) -> None:
        """Note where the log begins and ends on the broker, once all of it was read."""
        self.start = start
        # What lies beyond was written meanwhile, by a worker that had the partition before.
        self._whole = self._readable and (self.end == end or not self._checksums)
        self.end = end

    def loss(self) -> str | None:
        """Say in words what the log has lost, after it was read; None where nothing is known of it.

        An entity written after the summary may be missing before it: compaction removes what a
        later record replaces.
        """
        summary = self._summary
        if summary is None or self._agreed or not self._readable:
            return None
        kept = self.entities - len(self._since & self._checksums.keys())
        missing = summary.entities - kept
        if self._since and missing <= len(self._since):
            return None
        if missing > 0:
            return f"holds {kept} of the {summary.entities} entities that were written"
        return f"does not hold the {summary.entities} states that were written (checksum)"

    def plan(
        self,
        records: Sequence[tuple[bytes, bytes]],
        *,
        events_end: int | None = None,
    ) -> PlannedWrite:
        """Say what to add to the last of some records, each an entity's state.

        `events_end` is the offset after the last event in them, where they come of events.
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
        headers = []
        if self._whole:
            summary = Summary(
                offset=end - 1,
                entities=self.entities + added,
                checksum=total,
                events_end=events_end,
            )
            headers.append((SUMMARY_HEADER, summary.encode()))
        return PlannedWrite(checksums, total, headers, end, events_end)

    def wrote(self, planned: PlannedWrite, end: int | None, *, topic: str, partition: int) -> None:
        """Take a write over that the broker has acknowledged; `end` is the offset after it.

        None where the broker did not say. Raises ChangelogShrunkError.
        """
        if end is not None and end < planned.end:
            raise ChangelogShrunkError(topic, partition, wrote_to=end, was_at=self.end)
        self._checksums.update(planned.checksums)
        self._total = planned.total
        self._whole = self._whole and end == planned.end
        self.end = planned.end if end is None else end
        self.events_end = planned.events_end


class ChangelogTallies:
    """The tallies of the partitions that this process reads, by family and partition."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[Family, int], ChangelogTally] = {}

    def of(self, family: Family, partition: int) -> ChangelogTally:
        """Return a partition's tally; that of one not read yet is empty."""
        return self._tallies.setdefault((family, partition), ChangelogTally())

    def drop(self, family: Family, partition: int) -> None:
        """Forget a partition that another worker owns now."""
        self._tallies.pop((family, partition), None)


def _summary_among(headers: Iterable[tuple[str, bytes | None]] | None) -> Summary | None:
    for name, value in headers or ():
        if name == SUMMARY_HEADER:
            return Summary.decode(value)
    return None
