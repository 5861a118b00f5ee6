"""The tally of a changelog partition of which one part of the entities is read after the other."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from broker.stored_record import RawRecord
from events.fact import Family
from streams.changelog_tally import Summary, loss_before, loss_since, summary_among


class SpooledTally:
    """What `ChangelogTally` knows of a partition, added up over the parts."""

    def __init__(self) -> None:
        self._summary: Summary | None = None
        self._entities = 0
        # As of the summary.
        self._entities_then = 0
        self._checksum_then = 0
        # Entities with records after the summary, and those of them that are left.
        self._since = 0
        self._since_kept = 0
        self._offsets_since: set[int] = set()
        # A loss that the place of a write after the last summary shows.
        self._moved: str | None = None

    @property
    def is_confirmed(self) -> bool:
        """True where the last summary equals the tally of the records up to it."""
        summary = self._summary
        then = self._entities_then, self._checksum_then
        is_whole = summary is not None and (summary.entities, summary.checksum) == then
        return is_whole and self._moved is None

    def see(self, offset: int, headers: Iterable[tuple[str, bytes | None]] | None) -> None:
        """Look for a summary; before any part is added."""
        summary = summary_among(headers)
        if summary is not None and summary.offset == offset:
            self._summary, self._moved = summary, None
            self._offsets_since.clear()
            return
        if summary is not None:
            self._moved = loss_before(summary, offset) or self._moved
        if self._summary is not None:
            self._offsets_since.add(offset)

    def add(self, records: Iterable[RawRecord]) -> None:
        """Add all records of some entities, in their order."""
        known: dict[bytes, int] = {}
        then: dict[bytes, int] = {}
        since: set[bytes] = set()
        last = -1 if self._summary is None else self._summary.offset
        for record in records:
            key, value = record.key, record.value
            if key is None:
                continue
            checksum = None if value is None else crc32(value, crc32(key))
            for checksums in (known, then) if record.offset <= last else (known,):
                if checksum is None:
                    checksums.pop(key, None)
                else:
                    checksums[key] = checksum
            if record.offset > last:
                since.add(key)
        self._entities += len(known)
        self._entities_then += len(then)
        self._checksum_then += sum(then.values())
        self._since += len(since)
        self._since_kept += len(since & known.keys())

    def loss(self) -> str | None:
        """Return what the log has lost, after all parts; None for no known loss."""
        if self._moved is not None:
            return self._moved
        summary = self._summary
        if summary is None or self.is_confirmed:
            return None
        kept = self._entities - self._since_kept
        return loss_since(summary, kept=kept, since=self._since)

    def has_other_at(self, offset: int) -> bool:
        """Return whether the record at an offset was seen, and comes after the last summary."""
        return offset in self._offsets_since


class SpooledTallies:
    """The tallies of changelog partitions, by family and partition."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[Family, int], SpooledTally] = {}

    def of(self, family: Family, partition: int) -> SpooledTally:
        """Return a partition's tally."""
        return self._tallies.setdefault((family, partition), SpooledTally())
