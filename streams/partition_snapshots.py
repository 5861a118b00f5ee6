"""Snapshots of partitions: files with entity states and their position, for a faster start.

A snapshot is a cache, never a source. If it does not match this log, these rules and this program,
it is discarded, and its partition is read from the start of its log.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic_core import from_json

import events
import streams
from boundary.whole_file import whole_file
from events.last_record import LastRecord
from events.topics import topic_name
from streams.state import Cell, EntityState
from streams.state_store import FamilyPartition, Position, StateStore

if TYPE_CHECKING:
    from streams.engine import Engine

logger = logging.getLogger(__name__)

#: A snapshot is written after this many offsets, or after this many seconds if anything changed.
OFFSETS: Final = 100_000
SECONDS: Final = 300.0
_FORMAT: Final = 1
_DIGEST_BYTES: Final = 32
#: How many states are encoded and decoded at once.
_STEP: Final = 2000
# With a declared type, pydantic's core serialises a state in a third of the time it takes when it
# infers the type.
_STATES: Final[TypeAdapter[Any]] = TypeAdapter(
    dict[str, dict[str, dict[str, tuple[int, str, str, dict[str, Any] | None]]]]
)


class StatesTaken(NamedTuple):
    """The states of a partition at one moment."""

    position: Position
    states: Mapping[str, EntityState]


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Mapping[str, int | str]
    position: Position


class PartitionSnapshots:
    """The snapshots in a folder: one file per family and partition, none about persons.

    A failure of a file or of the folder is logged and counted, never raised.
    """

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        topic_ids: Callable[[], Mapping[str, str]],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Use an existing folder; `topic_ids` is called once, in a thread."""
        self._folder, self._engine, self._clock = folder, engine, clock
        self._store, self._counts = engine.state_store, engine.meters.partition_snapshots
        self._topic_ids = cache(topic_ids)
        self._rules = f"{engine.rules_fingerprint} {engine.partitions} {_program()}"
        #: By partition: the position of its file, and when it was written or first looked at.
        self._written: dict[FamilyPartition, tuple[Position | None, float]] = {}
        self._loading: set[FamilyPartition] = set()
        self._is_failing = False

    async def load(
        self, key: FamilyPartition, committed: int, last: LastRecord | None
    ) -> StateStore | None:
        """Return a store with a partition's states and position; None if no snapshot fits.

        The position is not beyond the committed offset, which follows `last`. The caller compares
        the log: its start, and the position's last record.
        """
        if key[0].about_persons or key in self._loading:
            return None  # Loading took so long that Faust restarted this step of the rebalance.
        self._loading.add(key)
        return await asyncio.to_thread(self._load, key, committed, last)

    def _load(
        self, key: FamilyPartition, committed: int, last: LastRecord | None
    ) -> StateStore | None:
        try:
            header, steps = _decoded(self._file(key).read_bytes(), self._identity(key))
            position = header.position
            # Positions are committed before they are written, so an operator has reset the offset.
            _check(f"{position} is beyond the committed {committed}", position.next <= committed)
            if position.next == committed and last is not None:
                _check(f"the committed offset follows {last}", position.last == last)
            loaded = StateStore(self._store.fold.terms)
            for states in steps:
                loaded.put(*key, states)
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - a file may hold anything
            self.discard(key, str(error).partition("\n")[0] or repr(error))
            return None
        finally:
            self._loading.discard(key)
        self._counts["loaded"] += 1
        self._written[key] = position, self._clock()
        loaded.move(*key, position)
        return loaded

    def discard(self, key: FamilyPartition, reason: str) -> None:
        """Log and count that a snapshot is not used."""
        self._counts["discarded"] += 1
        logger.info("snapshot discarded family=%s partition=%d reason=%s", *key, reason)

    def remove(self, key: FamilyPartition) -> None:
        """Delete a partition's snapshot, and forget that it was written."""
        self._written.pop(key, None)
        try:
            self._file(key).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("snapshot not deleted family=%s partition=%d error=%r", *key, error)

    def take(self, key: FamilyPartition, *, is_end: bool = False) -> StatesTaken | None:
        """Return a copy of a partition's states if a snapshot is due: at the end, if changed.

        Called in the event loop, so no batch is applied meanwhile.
        """
        position, now = self._store.position(*key), self._clock()
        if position is None or position.last is None or key[0].about_persons:
            return None
        written, since = self._written.setdefault(key, (None, now))
        merged = 0 if written is None else position.next - written.next
        is_due = is_end or merged >= OFFSETS or now - since >= SECONDS
        if not is_due or position == written or key in self._engine.unprocessable:
            return None
        return StatesTaken(position, dict(self._store.states(*key)))

    async def write(self, key: FamilyPartition, taken: StatesTaken) -> None:
        """Write a snapshot."""
        await asyncio.to_thread(self._write, key, taken)

    def _write(self, key: FamilyPartition, taken: StatesTaken) -> None:
        written: Position | None = None
        position, states = taken
        try:
            header = _Header(of=self._identity(key), position=position)
            with whole_file(self._file(key), private=True) as file:
                file.write(_encoded(header, states))
            written, self._is_failing = position, False
        except Exception as error:  # noqa: BLE001 - the disk may be full, read-only or gone
            if not self._is_failing:
                logger.warning("snapshot not written family=%s partition=%d error=%r", *key, error)
            self._is_failing = True
        self._counts["failed" if written is None else "written"] += 1
        self._written[key] = written, self._clock()

    def _identity(self, key: FamilyPartition) -> Mapping[str, int | str]:
        """Return what a partition's snapshot must have in common with the partition."""
        topic = self._topic_ids()[topic_name(key[0])]
        return {"format": _FORMAT, "topic": topic, "partition": key[1], "rules": self._rules}

    def _file(self, key: FamilyPartition) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.snapshot"


def _encoded(header: _Header, states: Mapping[str, EntityState]) -> bytes:
    """Return a file's content: a digest of the rest, the header, the compressed states."""
    left = iter(states.items())
    steps = iter(lambda: dict(islice(left, _STEP)), {})
    body = zlib.compress(b"\n".join(map(_STATES.serializer.to_json, steps)), 1)
    content = header.model_dump_json().encode() + b"\n" + body
    return sha256(content).digest() + content


def _decoded(
    file: bytes, of: Mapping[str, int | str]
) -> tuple[_Header, Iterator[Mapping[str, EntityState]]]:
    """Return a file's header and its states, in steps. Raises any exception."""
    content = file[_DIGEST_BYTES:]
    _check("its digest is wrong", sha256(content).digest() == file[:_DIGEST_BYTES])
    text, _, body = content.partition(b"\n")
    header = _Header.model_validate_json(text)
    _check(f"it is of {header.of}, not {of}", header.of == of)
    return header, map(_states, zlib.decompress(body).splitlines())


def _states(step: bytes) -> Mapping[str, EntityState]:
    """Return the states that JSON of this program encodes."""
    return {
        entity: {
            fact: {day: tuple.__new__(Cell, cell) for day, cell in days.items()}
            for fact, days in facts.items()
        }
        for entity, facts in from_json(step, cache_strings="all").items()
    }


def _check(reason: str, holds: object) -> None:
    if not holds:
        raise ValueError(reason)


@cache
def _program() -> str:
    """Return a digest of the source: another release may derive other states from the records."""
    digest = sha256()
    for folder in (*events.__path__, *streams.__path__):
        for file in sorted(Path(folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
