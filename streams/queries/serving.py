"""The worker's route /histories: the changes since a position of an earlier answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from boundary.addresses import is_loopback, names_loopback
from boundary.serving import MetricsGuard
from events.fact import Family
from streams.explanations import explanations_in
from streams.queries.format import (
    FORMAT,
    PATH,
    AnswerHead,
    PartitionHead,
    encode_line,
    explanation_row_of,
    fingerprint,
    row_of,
)
from streams.state_store import StateStore

#: Bytes of the random id of a run of the process.
_LIFE_BYTES: Final = 8
_DIGEST_LETTERS: Final = 8


@dataclass(frozen=True, slots=True)
class OwnedPartitions:
    """The partitions that a worker owns and may show at one moment."""

    waiting_for: str | None
    generation: int
    """The group generation in which it owns them."""
    partitions: frozenset[int]
    overdue: int = 0
    """Event records that have waited for OVERDUE_SECONDS."""
    now: datetime | None = None
    """The time of the worker's clock."""

    @property
    def shown(self) -> tuple[int, frozenset[int]]:
        """The partitions and their generation."""
        return self.generation, self.partitions


class HistoriesResponder:
    """Answers requests from a state store, for the partitions that its worker currently owns.

    A position names this run of the process, the version of its states, and its partitions. The
    answer to an earlier position of this run has the changes since; to any other, everything.
    """

    def __init__(
        self, state_store: StateStore, ownership: Callable[[], OwnedPartitions], partitions: int
    ) -> None:
        self._state_store = state_store
        self._ownership = ownership
        self._partitions = partitions
        self._life = token_hex(_LIFE_BYTES)
        self._terms = [fingerprint(term) for term in state_store.fold.terms]

    async def answer(self, position: str | None) -> bytes:
        """Return the changes since a position of an earlier answer; everything if it is None.

        Encodes one partition at a time, each in its current state, so that batches and /metrics get
        their turn; starts again if the owned partitions change meanwhile.
        """
        while True:
            owned, since = self._ownership(), self._since(position)
            parts = [self._head(owned, since)]
            for partition in sorted(owned.partitions):
                if self._ownership().shown != owned.shown:
                    break
                parts.append(b"".join(self._partition(partition, owned, since)))
                await asyncio.sleep(0)
            else:
                return b"".join(parts)

    def _head(self, owned: OwnedPartitions, since: int | None) -> bytes:
        return encode_line(
            AnswerHead(
                format=FORMAT,
                worker=self._life,
                position=self._position(owned),
                # A partition may be newer than this version: the next answer repeats its changes.
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
                        explanation_row_of(promise, said)
                        for promise, said in explanations_in(
                            self._state_store.states(Family.EXPLANATIONS, partition)
                        )
                    ]
                    if complete or self._state_store.explanations_changed_since(base, partition)
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
        # Readers without new figures must also learn when records become overdue.
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


CHALLENGE: Final = 'Bearer realm="histories"'
_POSITION_LETTERS: Final = 100


def histories_route(responder: HistoriesResponder, guard: MetricsGuard, *, host: str) -> Route:
    """Return the route that answers requests for /histories.

    Without a token in the `guard`, it answers only on a loopback `host` requested by name:
    histories have exact numbers of persons.
    """
    is_open = guard.file is not None or is_loopback(host)

    async def answer(request: Request) -> Response:
        if not is_open:
            return PlainTextResponse("histories need a token: docs/histories.md\n", 403)
        if guard.file is None and not names_loopback(request.headers.get("Host", "")):
            return PlainTextResponse("without a token, ask 127.0.0.1 or localhost\n", 403)
        if not guard.admits(request.headers.get("Authorization")):
            return Response(status_code=401, headers={"WWW-Authenticate": CHALLENGE})
        position = request.query_params.get("since")
        if len(position or "") > _POSITION_LETTERS:
            return PlainTextResponse("since is the position of an answer\n", 400)
        headers = {"Cache-Control": "no-store", "Content-Type": "application/x-ndjson"}
        return Response(await responder.answer(position), headers=headers)

    return Route(PATH, answer)
