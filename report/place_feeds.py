"""What happens in a place, as entries of Atom feeds: the events of an entity, or of a commune's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlencode

from catalogue.formatting import day_text
from events.fact import Family
from events.identifiers import FIRST_DAY
from events.record_rules import known_before
from report.charts.commune_map import codes_of
from report.feeds import DAYS, TAG, FeedEntry
from report.ledger import VISIBLE, EventLedger
from report.view import AS_OF, KNOWN_ON, View
from report.words import REFERENCES, EntityKey, content_items, entity_name, french_words
from streams.state import moment_of

MOST_ENTRIES: Final = 500
"""The newest of a year's events are the entries of a feed."""

_REFERRED: Final = " ".join(
    f"WHEN '{family}' THEN '{refers.family}'" for family, refers in REFERENCES.items()
)

# What a worker copied, or a producer repeated, is one event.
_EVENTS: Final = """
SELECT family, entity, fact, day, source, id, content, min(known) AS since, any_value(subject)
FROM event
WHERE known < $before AND (
    list_contains($keys::VARCHAR[], concat(family, '/', entity))
    OR list_contains($keys::VARCHAR[], concat(CASE family {referred} END, '/', subject))
)
GROUP BY family, entity, fact, day, source, id, content
HAVING since >= $since AND since < $until
ORDER BY since DESC, family, entity, fact, day, source, id, content
LIMIT $limit
"""

_IN_COMMUNE: Final = """
SELECT concat(family, '/', entity), max(name) FROM event
WHERE list_contains($communes::VARCHAR[], commune) AND {visible} AND content IS NOT NULL
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class PlaceFeed:
    """The events of a year of some entities, the newest first; an event is one entry for ever."""

    id: str
    title: str
    page: str
    """The page that it follows, from the first one's address."""
    entries: tuple[FeedEntry, ...]
    updated: datetime

    @property
    def path(self) -> str:
        """Its address, from the first page's."""
        return f"{self.page}/changements.atom"


def entity_feed(ledger: EventLedger, key: EntityKey, name: str, view: View) -> PlaceFeed:
    """Return the feed of an entity, and of what refers to it, such as deliveries to a lycée."""
    return _feed(ledger, key.path, name, {f"{key.family}/{key.entity}": name}, view)


def commune_feed(ledger: EventLedger, code: str, name: str, view: View) -> PlaceFeed:
    """Return the feed of a commune's lycées and workplaces, and of its own reports."""
    communes = codes_of(code)
    parameters = {"communes": communes, "before": known_before(view.known_on)}
    names = dict(ledger.query(_IN_COMMUNE.format(visible=VISIBLE), parameters))
    own = {f"{Family.BROADBAND}/{one}": name for one in communes}
    return _feed(ledger, f"communes/{code}", name, {**names, **own}, view)


def _feed(
    ledger: EventLedger, page: str, title: str, names: Mapping[str, str | None], view: View
) -> PlaceFeed:
    first = datetime.combine(view.as_of - timedelta(days=DAYS), time.min, UTC)
    parameters = {
        "keys": list(names),
        "since": known_before(first.date()),
        "until": known_before(view.as_of),
        "before": known_before(view.known_on),
        "limit": MOST_ENTRIES,
    }
    rows = ledger.query(_EVENTS.format(referred=_REFERRED), parameters)
    entries = tuple(_entry(names, *row) for row in rows)
    updated = entries[0].updated if entries else first
    return PlaceFeed(f"{TAG}/feeds/{page}", f"Smart Région : {title}", page, entries, updated)


def _entry(names: Mapping[str, str | None], *row: Any) -> FeedEntry:
    """Return a row of `_EVENTS` as an entry: what it says is the event's alone."""
    family, entity, fact, day, *_, content, since, subject = row
    key, words, known = EntityKey(Family(family), entity), french_words(), moment_of(since)
    refers = REFERENCES.get(key.family)
    about = f"{family}/{entity}" if refers is None else f"{refers.family}/{subject}"
    name = entity_name(key, names.get(about))
    said = [] if content is None else content_items(fact, json.loads(content))
    text = " ; ".join(f"{label} : {value}" for label, value in said) or "ce jour est annulé"
    digest = blake2b(json.dumps(row[:7]).encode(), digest_size=16).hexdigest()
    on = max(known.date(), FIRST_DAY)
    return FeedEntry(
        id=f"{TAG}/events/{digest}",
        updated=known,
        title=f"{name} : {words.facts[fact]}",
        text=f"{day_text(date.fromordinal(day))} : {text}",
        path=f"{key.path}?{urlencode({AS_OF: on, KNOWN_ON: on})}",
    )
