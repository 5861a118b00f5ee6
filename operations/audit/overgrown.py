"""Events beyond the largest state of an entity: the audit refuses them as the workers do.

They depend on the order of an entity's events on its partition alone, and are counted again from
the rows of the few entities that may be so large.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

from events.topics import ENTITY_MAX_BYTES
from operations.audit.fact_numbers import FACT_NAMES
from streams.state import EMPTY, Cell, encode_state, growth, newest

#: A row takes no more of a state than this and its texts, which JSON may write twice as long.
_PER_ROW_BYTES: Final = 100

_LARGE: Final = """
SELECT family, entity FROM record WHERE NOT misrouted GROUP BY 1, 2 HAVING sum(size) > ?
"""

_ROWS: Final = """
SELECT record.rowid, fact, day, time, name, id, content
FROM record CROSS JOIN source ON source.number = record.source
WHERE family = ? AND entity = ? AND NOT misrouted ORDER BY record.rowid
"""

# A refused copy counts for the forwarded record; no producer has sent the copy.
_ORIGINALS: Final = """
DELETE FROM record WHERE misrouted AND NOT forwarded AND (family, entity, source, id) IN (
    SELECT family, entity, source, id FROM record WHERE rowid = ? AND forwarded
)
"""


def most_bytes(fact: str, source: str, id_: str, content: str) -> int:
    """Return how many bytes a record takes of a state at most."""
    texts = content.encode(), id_.encode(), source.encode()
    return _PER_ROW_BYTES + len(fact) + 2 * sum(map(len, texts))


def refuse_overgrown(database: sqlite3.Connection, *, most: int = ENTITY_MAX_BYTES) -> int:
    """Delete the events that made a state larger than `most` bytes.

    Returns how many they are, the workers' copies not counted.
    """
    refused = 0
    for family, entity in database.execute(_LARGE, (most,)).fetchall():
        for rowid in list(_overgrown(database.execute(_ROWS, (family, entity)), most)):
            refused += database.execute(_ORIGINALS, (rowid,)).rowcount
            refused += database.execute(
                "DELETE FROM record WHERE rowid = ? AND NOT forwarded", (rowid,)
            ).rowcount
            database.execute("DELETE FROM record WHERE rowid = ?", (rowid,))
    return refused


def _overgrown(rows: Iterable[tuple[Any, ...]], most: int) -> Iterator[int]:
    state: dict[str, dict[str, Cell]] = {}
    size = len(encode_state(EMPTY))
    for rowid, number, ordinal, time, source, id_, content in rows:
        fact = FACT_NAMES[number]
        cell = Cell(time, source, id_, json.loads(content))
        day = date.fromordinal(ordinal).isoformat()
        known = state.get(fact, {}).get(day)
        if known is not None and newest(known, cell) is known:
            continue
        grown = size + growth(state, fact, day, cell)
        if grown > max(size, most):
            yield rowid
            continue
        size = grown
        state.setdefault(fact, {})[day] = cell
