"""The attribution of records to declared producers."""

from __future__ import annotations

from functools import lru_cache

from events.claims import claims_of
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.records import Record

__all__ = ["Attribution"]

#: The cache is bounded: producers choose their sources.
_CACHED_SOURCES = 4_096


class Attribution:
    """Maps a source to its producer's id, or to `unknown` where none has declared it."""

    def __init__(self, producers: Producers | None) -> None:
        """Create the mapping of the declared producers; None where no file declares any."""
        self.producers = producers
        self.of_source = lru_cache(maxsize=_CACHED_SOURCES)(self._of_source)

    def of_refused(self, record: Record) -> str:
        """Return the producer of a refused record, by the source that it claims."""
        source = claims_of(record.headers, record.value).source
        return UNKNOWN_PRODUCER if source is None else self.of_source(source)

    def _of_source(self, source: str) -> str:
        found = None if self.producers is None else self.producers.of_source(source)
        return UNKNOWN_PRODUCER if found is None else found.id
