"""The worker's route /histories: the changes since a position, as soon as there are any."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from time import monotonic
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from boundary.addresses import is_loopback, names_loopback
from boundary.serving import MetricsGuard
from events.fact import Family
from streams.explanations import said_in
from streams.queries.format import (
    FORMAT,
    PATH,
    AnswerHead,
    PartitionHead,
    encode_line,
    fingerprint,
    row_of,
    said_row_of,
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

    def is_still(self, other: OwnedPartitions) -> bool:
        """Return whether the same partitions are shown; `waiting_for` may differ."""
        return (self.generation, self.partitions) == (other.generation, other.partitions)


class OwnershipChangedError(Exception):
    """The worker's partitions changed during an answer, which must begin again."""


class Teller:
    """Makes answers from a state store, for the partitions that its worker currently owns.

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

    def position(self) -> str:
        """Return the current position, which changes with the content of an answer."""
        return self._position(self._ownership())

    def answer(self, position: str | None) -> Iterator[bytes]:
        """Yield the changes since a position of an earlier answer; everything if it is None.

        The head comes first, then one partition at a time, each as it is by then. Raises
        OwnershipChangedError if the owned partitions change meanwhile.
        """
        owned, since = self._ownership(), self._since(position)
        yield encode_line(
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
        # Readers learn at once when records become overdue, and when none are any more.
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


logger = logging.getLogger(__name__)

CHALLENGE: Final = 'Bearer realm="histories"'
#: The maximum number of waiting requests, one per reader; others are refused.
MOST_WAITING: Final = 32
#: The longest wait that a request may specify.
LONGEST_WAIT_SECONDS: Final = 30.0
#: How often ownership is checked while requests wait: nothing signals its changes.
LOOK_SECONDS: Final = 0.25
_POSITION_LETTERS: Final = 100


class HistoriesRoute:
    """Answers requests for /histories in the event loop that changes the states."""

    def __init__(
        self,
        teller: Teller,
        guard: MetricsGuard,
        *,
        host: str,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Without a token in the `guard`, answer only on a loopback `host` requested by name."""
        self._teller = teller
        self._guard = guard
        self._is_open = guard.file is not None or is_loopback(host)
        self._timer = timer
        self._waiting = 0
        self._is_ending = False
        self._changed = asyncio.Event()

    @property
    def route(self) -> Route:
        """The route of an application."""
        return Route(PATH, self._answer)

    def wake(self) -> None:
        """Check for changes at once: a batch was applied."""
        self._changed.set()

    def end(self) -> None:
        """Answer waiting requests: the server would wait for them before it stops."""
        self._is_ending = True
        self.wake()

    async def _answer(self, request: Request) -> Response:
        if not self._is_open:
            # Histories have exact numbers of persons.
            return _refused(403, "histories need a token: docs/histories.md\n")
        if self._guard.file is None and not names_loopback(request.headers.get("Host", "")):
            return _refused(403, "without a token, ask 127.0.0.1 or localhost\n")
        if not self._guard.admits(request.headers.get("Authorization")):
            return Response(status_code=401, headers={"WWW-Authenticate": CHALLENGE})
        position = request.query_params.get("since") or None
        seconds = _seconds(request.query_params.get("wait", "0"))
        if seconds is None or len(position or "") > _POSITION_LETTERS:
            return _refused(400, "wait is a number of seconds, since a position of an answer")
        if seconds and position == self._teller.position():
            if self._waiting >= MOST_WAITING:
                logger.warning("histories refused: %d requests wait", self._waiting)
                return Response(status_code=503, headers={"Retry-After": "1"})
            self._waiting += 1
            try:
                await self._wait(position, seconds)
            finally:
                self._waiting -= 1
        body = await self._body(position)
        headers = {"Cache-Control": "no-store", "Content-Type": "application/x-ndjson"}
        return Response(body, headers=headers)

    async def _body(self, position: str | None) -> bytes:
        """Return a complete answer, so that none ends with partitions of another owner."""
        while True:
            parts = []
            try:
                for part in self._teller.answer(position):
                    parts.append(part)
                    # Batches and /metrics have their turn between two partitions.
                    await asyncio.sleep(0)
            except OwnershipChangedError:
                continue
            return b"".join(parts)

    async def _wait(self, position: str, seconds: float) -> None:
        until = self._timer() + seconds
        while (left := until - self._timer()) > 0:
            self._changed.clear()
            if self._is_ending or self._teller.position() != position:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, LOOK_SECONDS))
            except TimeoutError:
                continue


def _refused(status: int, text: str) -> Response:
    return PlainTextResponse(text, status)


def _seconds(text: str) -> float | None:
    """Return the requested wait, capped at the longest; None if it is not a number."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text[:6]), LONGEST_WAIT_SECONDS)
