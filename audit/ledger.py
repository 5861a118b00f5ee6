"""The ledger: every valid record as a row of SQLite, and the account of all that was read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict

from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules, known_before, microseconds
from events.registry import BORROWING, facts_of
from events.topics import FAMILIES
from streams.dead_letters import FORWARDED_FROM

#: Those of a family follow each other, and the one that defines its entities is the first.
_FACT_NAMES: Final = tuple(fact.NAME for family in Family for fact in facts_of(family))
FACT_NUMBERS: Final = MappingProxyType({name: number for number, name in enumerate(_FACT_NAMES)})
"""The numbers of the facts, which rows have in place of their names."""
_DEFINING: Final = frozenset(FACT_NUMBERS[facts_of(family)[0].NAME] for family in Family)
_BORROWING: Final = frozenset(FACT_NUMBERS[name] for name in BORROWING)
_FAMILY_NUMBERS: Final = MappingProxyType({family: at for at, family in enumerate(Family)})

_ALL_KNOWN: Final[Mapping[Family, date]] = MappingProxyType({})

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE record (
    family INTEGER NOT NULL,
    entity TEXT NOT NULL,
    fact INTEGER NOT NULL,
    day INTEGER NOT NULL,       -- effective day, proleptic ordinal
    time INTEGER NOT NULL,      -- microseconds since 1970 UTC
    known INTEGER NOT NULL,     -- when it became known, likewise
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    content TEXT NOT NULL,      -- canonical JSON of the attributes, 'null' for a retraction
    forwarded INTEGER NOT NULL, -- a worker's copy of a record of another partition
    misrouted INTEGER NOT NULL  -- not on the partition of its entity
) STRICT;
CREATE TABLE source (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    rank INTEGER NOT NULL       -- by name
) STRICT;
"""

_RECORD: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SOURCE: Final = "INSERT INTO source VALUES (?, ?, ?)"

# GROUP BY sorts, where DISTINCT would look each one up in a tree.
_ACCOUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE misrouted) FROM record WHERE NOT forwarded
UNION ALL
SELECT count(*), 0 FROM (SELECT 1 FROM record WHERE NOT forwarded GROUP BY source, id)
"""

# The facts and days of each entity, its defining fact first; of each day the latest record first.
_LATEST_FIRST: Final = """
SELECT family, entity, fact, day, time, rank, id, content
FROM record CROSS JOIN source ON source.number = record.source
CROSS JOIN bound USING (family)
WHERE known < before
ORDER BY family, entity, fact, day DESC, time DESC, rank DESC, id DESC, content DESC
"""

_CELL_TABLE: Final = """
DROP TABLE IF EXISTS cell;
DROP TABLE IF EXISTS bound;
CREATE TABLE bound (
    family INTEGER PRIMARY KEY,
    before INTEGER NOT NULL     -- its records are known that became known before
) STRICT;
CREATE TABLE cell (
    fact INTEGER NOT NULL,
    entity TEXT NOT NULL,
    day INTEGER NOT NULL,
    time INTEGER NOT NULL,
    source INTEGER NOT NULL,    -- the rank of its name
    id TEXT NOT NULL,
    content TEXT NOT NULL,
    borrowed TEXT,              -- the content of the entity's defining fact, for missing fields
    department TEXT
) STRICT;
"""

_CELL: Final = """
INSERT INTO cell VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?7 ->> '$.department', ?8 ->> '$.department'))
"""

_CELL_INDEXES: Final = """
CREATE INDEX cell_of_fact ON cell (fact);
CREATE INDEX cell_of_entity ON cell (fact, entity);
"""

#: Sorting goes through fewer files with more memory, in KiB.
_SORT_KIB: Final = 8 * 1024

_TAKEN_BACK: Final = "null"
# The tie-break between two contents under one (time, source, id) is part of the state's contract.
_canonical: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


class RecordCounts(BaseModel):
    """What became of the records: `produced` = `accepted` + `refused` + `duplicates`.

    `forwarded` are the workers' own copies, and not among the produced; `misrouted` are produced,
    valid, and were on another partition than their entity's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    produced: int
    accepted: int
    refused: int
    duplicates: int
    misrouted: int
    forwarded: int
    refusals: Mapping[RefusalReason, int]


class Ledger:
    """The valid records of the event topics, in SQLite; open it with `with`.

    `partitions` is how many partitions each event topic has, `rules` decides what is accepted of a
    record; those of `skipped` are refused unread. Small ledgers stay in
    memory; SQLite moves large ones to the work folder by itself. Raises as `WorkFolder.connect`;
    what there is no room for raises as SQLite does, unless the work folder guards it.
    """

    def __init__(
        self,
        records: Iterable[RawRecord],
        *,
        partitions: int,
        work: WorkFolder | None = None,
        skipped: Collection[RecordOrigin] = (),
        rules: RecordRules = RULES,
    ) -> None:
        self.database = (WorkFolder() if work is None else work).connect()
        self._partitions = partitions
        self._skipped = frozenset(skipped)
        self._rules = rules
        self._forwarded = 0
        self._settled: Mapping[Family, date] | None = None
        self._refusals: Counter[RefusalReason] = Counter()
        self._sources: dict[str, int] = {}
        try:
            self._fill(records)
        except BaseException:
            # Its file in the work folder goes with it.
            self.database.close()
            raise

    def _fill(self, records: Iterable[RawRecord]) -> None:
        self.database.executescript(_TABLES)
        self.database.executemany(_RECORD, self._rows(records))
        ranked = enumerate(sorted(self._sources))
        self.database.executemany(
            _SOURCE, [(self._sources[name], name, rank) for rank, name in ranked]
        )
        self.database.execute(f"PRAGMA cache_size = -{_SORT_KIB}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def account(self) -> RecordCounts:
        """Count what was read, whatever the day on which it is looked at."""
        (valid, misrouted), (accepted, _) = self.database.execute(_ACCOUNT)
        refused = self._refusals.total()
        return RecordCounts(
            produced=valid + refused,
            accepted=accepted,
            refused=refused,
            duplicates=valid - accepted,
            misrouted=misrouted,
            forwarded=self._forwarded,
            refusals=dict(sorted(self._refusals.items())),
        )

    def settle(self, known_on: Mapping[Family, date] = _ALL_KNOWN) -> None:
        """Fill the table `cell` with what was known at the end of a day (UTC) of each family.

        Of a family without a day, all records are known.
        """
        if known_on == self._settled:
            return
        bounds = [(_FAMILY_NUMBERS[one], known_before(known_on.get(one))) for one in Family]
        self.database.executescript(_CELL_TABLE)
        self.database.executemany("INSERT INTO bound VALUES (?, ?)", bounds)
        rows = self.database.execute(_LATEST_FIRST)
        self.database.executemany(_CELL, _cells(rows))
        self.database.executescript(_CELL_INDEXES)
        self._settled = known_on

    def _rows(self, records: Iterable[RawRecord]) -> Iterator[tuple[str | int, ...]]:
        for record in records:
            forwarded = any(name == FORWARDED_FROM for name, _ in record.headers)
            self._forwarded += forwarded
            family = FAMILIES[record.topic]
            if self._skipped and record[:3] in self._skipped:
                self._refusals[RefusalReason.PASSED_OVER] += not forwarded
                continue
            try:
                event = self._rules.decode(record, family=family)
            except ContractError as error:
                if not forwarded:
                    self._refusals[error.reason] += 1
                continue
            fact = event.fact
            home = partition_for(fact.entity_id.encode(), self._partitions)
            content = _canonical(None if fact.retracted else fact.attributes())
            yield (
                _FAMILY_NUMBERS[family],
                fact.entity_id,
                FACT_NUMBERS[fact.NAME],
                fact.effective_day.toordinal(),
                microseconds(event.time),
                self._rules.known_at(event, record),
                self._sources.setdefault(event.source, len(self._sources)),
                event.id,
                content,
                forwarded,
                record.partition != home,
            )


def _cells(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield what is known of each entity, fact and day: its latest record.

    Nothing is known where that takes the day back. Fields that a record lacks are borrowed from
    the entity's defining fact, as `BORROWING` says.
    """
    entity_before: tuple[int, str] | None = None
    cell_before: tuple[int, int] | None = None
    definitions: list[tuple[int, str]] = []
    for family, entity, fact, day, time_, source, id_, content in rows:
        if (family, entity) != entity_before:
            entity_before, cell_before, definitions = (family, entity), None, []
        if (fact, day) == cell_before:
            continue
        cell_before = fact, day
        if content == _TAKEN_BACK:
            continue
        borrowed = None
        if fact in _DEFINING:
            definitions.append((day, content))
        elif fact in _BORROWING:
            # The latest comes first.
            lent = (definition for since, definition in definitions if since <= day)
            borrowed = next(lent, definitions[-1][1] if definitions else None)
        yield fact, entity, day, time_, source, id_, content, borrowed
