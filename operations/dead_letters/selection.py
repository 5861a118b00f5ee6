"""The filter of the commands on dead letters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from events.dead_letters import LetterPosition
from events.registry import FACTS
from operations.dead_letters.entry import Entry, EntryStatus

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions on an entry, all of which must hold; without any, every entry is selected."""

    positions: frozenset[LetterPosition] = frozenset()
    statuses: Collection[EntryStatus] = ()
    reasons: Collection[str] = ()
    source: str | None = None
    """A source, or its beginning up to a `/` or `:`."""
    type: str | None = None
    """An event type, or a fact's name: `school.connected`."""
    since: datetime | None = None
    until: datetime | None = None
    """Refused at `since` or later, and before `until`; aware."""

    def __contains__(self, entry: Entry) -> bool:
        letter = entry.letter
        return (
            (not self.positions or letter.position in self.positions)
            and (not self.statuses or entry.status in self.statuses)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (self.source is None or _is_below(self.source, entry.claims.source))
            and (self.type is None or _is_named(self.type, entry.claims.type))
        )


def _is_below(prefix: str, source: str | None) -> bool:
    if source is None:
        return False
    prefix = prefix.rstrip("/:")
    return source == prefix or source.startswith((f"{prefix}/", f"{prefix}:"))


def _is_named(name: str, claimed: str | None) -> bool:
    """Return whether a type has this name, or is a version of the fact of that name."""
    fact = FACTS.get(claimed or "")
    return name == claimed or (fact is not None and name == fact.NAME)
