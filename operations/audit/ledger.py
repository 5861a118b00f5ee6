"""The ledger: every valid record as a row of SQLite, and the account of all that was read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.registry import Family, facts_of
from events.topics import topic_name
from operations.audit.overgrown import refuse_overgrown
from streams.dead_letters import FORWARDED_FROM
from streams.state import microseconds

__all__ = ["Ledger", "RecordCounts"]

_FAMILIES: Final = MappingProxyType({topic_name(family): family for family in Family})

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE record (
    family TEXT NOT NULL,
    entity TEXT NOT NULL,
    fact TEXT NOT NULL,
    day INTEGER NOT NULL,       -- effective day, proleptic ordinal
    time INTEGER NOT NULL,      -- microseconds since 1970 UTC
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    content TEXT NOT NULL,      -- canonical JSON of the attributes, 'null' for a retraction
    forwarded INTEGER NOT NULL, -- a worker's copy of a record of another partition
    misrouted INTEGER NOT NULL  -- not on the partition of its entity
) STRICT;
CREATE TABLE defining (fact TEXT PRIMARY KEY) STRICT;
"""

_RECORD: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_ACCOUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE misrouted) FROM record WHERE NOT forwarded
UNION ALL
SELECT count(*), 0 FROM (SELECT DISTINCT source, id FROM record WHERE NOT forwarded)
"""

# What is known of each entity, fact and day: its latest record, unless that takes the day back.
# Fields that a record lacks are borrowed from the entity's defining fact, whatever its day.
_CELLS: Final = """
DROP TABLE IF EXISTS cell;
CREATE TABLE cell AS
WITH latest AS (
    SELECT *, row_number() OVER (
        PARTITION BY family, entity, fact, day
        ORDER BY time DESC, source DESC, id DESC, content DESC
    ) AS age
    FROM record
    WHERE time < {known_before}
), held AS (
    SELECT * FROM latest WHERE age = 1 AND content <> 'null'
), definition AS (
    SELECT family, entity, content AS borrowed, row_number() OVER (
        PARTITION BY family, entity ORDER BY day DESC
    ) AS position
    FROM held
    WHERE fact IN (SELECT fact FROM defining)
)
SELECT
    held.fact, held.entity, held.day, held.time, held.source, held.id, content, borrowed,
    coalesce(content ->> '$.department', borrowed ->> '$.department') AS department
FROM held LEFT JOIN definition
    ON definition.family = held.family AND definition.entity = held.entity AND position = 1;
CREATE INDEX cell_of_fact ON cell (fact, day);
CREATE INDEX cell_of_entity ON cell (fact, entity);
"""

_END_OF_TIME: Final = 2**63 - 1

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
        self._settled: int | None = None
        self._refusals: Counter[RefusalReason] = Counter()
        self.database.executescript(_TABLES)
        self.database.executemany(
            "INSERT INTO defining VALUES (?)", [(facts_of(family)[0].NAME,) for family in Family]
        )
        self.database.executemany(_RECORD, self._rows(records))
        if overgrown := refuse_overgrown(self.database):
            self._refusals[RefusalReason.ENTITY_FULL] += overgrown

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

    def settle(self, known_on: date | None = None) -> None:
        """Fill the table `cell` with what was known at the end of a day (UTC); None: with all."""
        known_before = _END_OF_TIME
        if known_on is not None:
            next_midnight = datetime.combine(known_on, time(), UTC) + timedelta(days=1)
            known_before = microseconds(next_midnight)
        if known_before != self._settled:
            self.database.executescript(_CELLS.format(known_before=known_before))
            self._settled = known_before

    def _rows(self, records: Iterable[RawRecord]) -> Iterator[tuple[str | int, ...]]:
        for record in records:
            forwarded = any(name == FORWARDED_FROM for name, _ in record.headers)
            self._forwarded += forwarded
            family = _FAMILIES[record.topic]
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
            yield (
                family.value,
                fact.entity_id,
                fact.NAME,
                fact.effective_day.toordinal(),
                microseconds(event.time),
                event.source,
                event.id,
                _canonical(None if fact.retracted else fact.attributes()),
                forwarded,
                record.partition != home,
            )
