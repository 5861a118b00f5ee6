"""What a worker tells of its partitions, and since when: positions, and answers made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Final

from events.fact import Family
from streams.explanations import said_in
from streams.queries.format import (
    FORMAT,
    AnswerHead,
    PartitionHead,
    encode_line,
    fingerprint,
    row_of,
    said_row_of,
)
from streams.state_store import StateStore

#: Bytes of the random id of a process's life.
_LIFE_BYTES: Final = 8
_DIGEST_LETTERS: Final = 8


@dataclass(frozen=True, slots=True)
class OwnedPartitions:
    """What a worker owns at one moment, of that only what may be shown."""

    waiting_for: str | None
    generation: int
    """The group's generation in which it owns them."""
    partitions: frozenset[int]
    overdue: int = 0
    """Records of events that have waited for OVERDUE_SECONDS."""
    now: datetime | None = None
    """The time of the worker's clock."""

    def is_still(self, other: OwnedPartitions) -> bool:
        """Return whether the same is shown; what is waited for may count down."""
        return (self.generation, self.partitions) == (other.generation, other.partitions)


class OwnershipChangedError(Exception):
    """An answer has begun with other partitions than its worker shows by now: begin again."""


class Teller:
    """Makes answers from a state store, of the partitions that its worker owns at the moment.

    A position names the life of this process, the version of what it holds, and what it owns: an
    answer to an older position has what changed since, to any other position everything.
    """

    def __init__(
        self, state_store: StateStore, ownership: Callable[[], OwnedPartitions], partitions: int
    ) -> None:
        self._state_store = state_store
        self._ownership = ownership
        self._partitions = partitions
        self._life = token_hex(_LIFE_BYTES)
        self._terms = [fingerprint(term) for term in state_store.fold.terms]

    def position(self) -> str:
        """Return the present position: it changes with whatever an answer has."""
        return self._position(self._ownership())

    def answer(self, position: str | None) -> Iterator[bytes]:
        """Yield what changed since a position of an earlier answer; None: everything.

        First comes the head, then partition by partition, each as it is by then. Raises
        OwnershipChangedError where others than at the beginning are owned.
        """
        owned, since = self._ownership(), self._since(position)
        yield encode_line(
            AnswerHead(
                format=FORMAT,
                worker=self._life,
                position=self._position(owned),
                # A partition may be told later than this: the next answer tells it once more.
                version=self._state_store.fold.version,
                since=since,
                waiting_for=owned.waiting_for,
                partitions_expected=self._partitions,
                terms=self._terms,
                partitions=len(owned.partitions),
                overdue=owned.overdue,
                now=owned.now,
            )
        )
        for partition in sorted(owned.partitions):
            if not owned.is_still(self._ownership()):
                raise OwnershipChangedError
            yield b"".join(self._partition(partition, owned, since))

    def _partition(
        self, partition: int, owned: OwnedPartitions, since: int | None
    ) -> Iterator[bytes]:
        fold = self._state_store.fold
        complete = since is None or not fold.is_kept_since(since, partition)
        base = -1 if complete or since is None else since
        rows = list(self._rows(partition, base, complete=complete))
        yield encode_line(
            PartitionHead(
                partition=partition,
                generation=owned.generation,
                complete=complete,
                explanations=(
                    [
                        said_row_of(promise, said)
                        for promise, said in said_in(
                            self._state_store.states(Family.EXPLANATIONS, partition)
                        )
                    ]
                    if complete or self._state_store.said_since(base, partition)
                    else None
                ),
                series=len(rows),
            )
        )
        yield from rows

    def _rows(self, partition: int, base: int, *, complete: bool) -> Iterator[bytes]:
        for key, series in self._state_store.fold.changed(partition, base):
            if not complete or series.steps or series.reports:
                yield encode_line(row_of(key, series))

    def _position(self, owned: OwnedPartitions) -> str:
        # A reader learns at once where records begin to be overdue, and end to be.
        states = (owned.waiting_for is None, owned.overdue > 0)
        what = (states, owned.generation, sorted(owned.partitions))
        digest = sha256(repr(what).encode()).hexdigest()[:_DIGEST_LETTERS]
        return f"{self._life}.{self._state_store.fold.version}.{digest}"

    def _since(self, position: str | None) -> int | None:
        life, _, rest = (position or "").partition(".")
        version = rest.partition(".")[0]
        if life != self._life or not (version.isascii() and version.isdigit()):
            return None
        return min(int(version[:18]), self._state_store.fold.version)
