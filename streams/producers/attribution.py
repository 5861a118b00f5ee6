"""Which declared producer a record is from."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from events.claims import claims_of
from events.producers.model import UNKNOWN_PRODUCER

if TYPE_CHECKING:
    from events.producers.model import Producers
    from events.records import Record

__all__ = ["Attribution"]

#: Sources are the producers' words: those that are made up are forgotten again.
_SOURCES_KNOWN = 4_096


class Attribution:
    """Names the producer of a source: its id, or `unknown` where none declared it."""

    def __init__(self, producers: Producers | None) -> None:
        """Take the declared producers; None: there are none."""
        self.producers = producers
        self.of_source = lru_cache(maxsize=_SOURCES_KNOWN)(self._of_source)

    def of_refused(self, record: Record) -> str:
        """Return the producer of a record that broke its contract, as far as it can be told."""
        source = claims_of(record.headers, record.value).source
        return UNKNOWN_PRODUCER if source is None else self.of_source(source)

    def _of_source(self, source: str) -> str:
        found = None if self.producers is None else self.producers.of_source(source)
        return UNKNOWN_PRODUCER if found is None else found.id
