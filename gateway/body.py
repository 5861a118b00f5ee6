"""Reads request bodies within limits of size and time, and within a memory budget for all."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, Self

from starlette.requests import Request

from gateway.problems import ProblemError

MAX_BODY: Final = 1024 * 1024
MAX_HELD: Final = 48 * 1024 * 1024
"""Bytes of bodies of authenticated producers that are held at once."""
MAX_PER_CLIENT: Final = 16 * 1024 * 1024
"""Of these, bytes of one producer."""
MAX_UNAUTHENTICATED: Final = 16 * 1024 * 1024
"""Bytes of bodies held at once that have to be read before their sender is authenticated."""
MAX_PER_ADDRESS: Final = 8 * 1024 * 1024
"""Of these, bytes from one address."""
LARGE_SHARE: Final = 8
"""An address with more than one part of so many of the unauthenticated bytes is evicted first."""
#: So many more are read and dropped: a client may send everything before it reads an answer.
DROPPED: Final = 7 * MAX_BODY
_CLOSE: Final = {"Connection": "close"}
_MAX_DIGITS: Final = 20


class BodyReader:
    """The memory budgets of all requests' bodies; `seconds` is the deadline of each body.

    Authenticated producers and unauthenticated senders have separate budgets: the latter take
    nothing from the former.
    """

    def __init__(
        self,
        *,
        seconds: float,
        max_held: int = MAX_HELD,
        max_per_client: int = MAX_PER_CLIENT,
        max_unauthenticated: int = MAX_UNAUTHENTICATED,
        max_per_address: int = MAX_PER_ADDRESS,
    ) -> None:
        self._seconds = seconds
        self._producers = _ProducerBudget(max_held, max_per_client)
        self._unauthenticated = _UnauthenticatedBudget(max_unauthenticated, max_per_address)

    def reserve(self, producer: str, length: int | None) -> BodyReservation:
        """Return what reads a body of an authenticated producer, and holds it in a context.

        `length` is the announced one, in bytes.
        """
        return BodyReservation(self._producers, producer, length=length, seconds=self._seconds)

    def reserve_unauthenticated(self, address: str, length: int | None) -> BodyReservation:
        """Return what reads a body from an address whose sender is not authenticated yet."""
        return BodyReservation(self._unauthenticated, address, length=length, seconds=self._seconds)

    def assign(self, reservation: BodyReservation, producer: str) -> None:
        """Move a body into its producer's budget. Raises ProblemError (overloaded)."""
        reservation.move(self._producers, producer)


class BodyReservation:
    """Reads one body, which counts as held in its budget until the context ends."""

    __slots__ = ("_budget", "_deadline", "_length", "_owner", "_seconds", "held", "is_evicted")

    def __init__(
        self,
        budget: _ProducerBudget | _UnauthenticatedBudget,
        owner: str,
        *,
        length: int | None,
        seconds: float,
    ) -> None:
        self.held = 0
        self._budget = budget
        self._owner = owner
        self._length = length
        self._seconds = seconds
        self._deadline: asyncio.Timeout | None = None
        self.is_evicted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises ProblemError: too large, too slow, or too much at once."""
        if self._length is not None and self._length > MAX_BODY + DROPPED:
            raise _too_large()
        try:
            async with asyncio.timeout(self._seconds) as self._deadline:
                return await self._collect(request)
        except TimeoutError:
            if self.is_evicted:
                raise overloaded() from None
            detail = f"the body did not come within {self._seconds:g} seconds"
            raise ProblemError("slow_request", detail, headers=_CLOSE) from None

    def evict(self) -> None:
        """Release what is held for another body, and end the reading as overloaded."""
        self.is_evicted = True
        self.release()
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Release what is held."""
        self._budget.release(self, self._owner)
        self.held = 0

    def move(self, budget: _ProducerBudget, owner: str) -> None:
        """Move what is held into another budget. Raises ProblemError (overloaded)."""
        held = self.held
        self.release()
        self._budget, self._owner = budget, owner
        budget.hold(self, owner, held)

    async def _collect(self, request: Request) -> bytes:
        # One buffer: a body that is received byte by byte takes no more memory than another.
        body = bytearray()
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY + DROPPED:
                raise _too_large()
            if size > MAX_BODY:
                if body:
                    body.clear()
                    self.release()
                continue
            if self.is_evicted:
                break
            self._budget.hold(self, self._owner, len(part))
            body += part
        if self.is_evicted:
            raise overloaded()
        if size > MAX_BODY:
            raise _too_large()
        return bytes(body)


class _ProducerBudget:
    """The bytes of authenticated producers' bodies, with a limit for each producer."""

    def __init__(self, total: int, max_per_client: int) -> None:
        self._total = total
        self._max_per_client = min(total, max_per_client)
        self._held = 0
        self._held_by: Counter[str] = Counter()

    def hold(self, reservation: BodyReservation, producer: str, size: int) -> None:
        """Count bytes as held. Raises ProblemError (overloaded)."""
        if self._held + size > self._total or self._held_by[producer] + size > self._max_per_client:
            raise overloaded()
        self._held += size
        self._held_by[producer] += size
        reservation.held += size

    def release(self, reservation: BodyReservation, producer: str) -> None:
        """Stop counting what a reservation holds."""
        self._held -= reservation.held
        self._held_by[producer] -= reservation.held


class _UnauthenticatedBudget:
    """The bytes of bodies whose senders are not authenticated yet.

    Bodies that are begun and do not end keep nobody out. Where the budget is exhausted, the body is
    evicted that has received nothing for longest: of the address that is at its limit or has a
    LARGE_SHARE, else of all. So few addresses take nothing from another, and many would have to
    send to every body that they hold as often as an honest client sends to one.
    """

    def __init__(self, total: int, max_per_client: int) -> None:
        self._total = total
        self._max_per_client = min(total, max_per_client)
        self._large_share = total // LARGE_SHARE
        self._held = 0
        self._held_by: Counter[str] = Counter()
        # Least recently received bytes first.
        self._reservations: OrderedDict[BodyReservation, str] = OrderedDict()
        self._reservations_of: dict[str, OrderedDict[BodyReservation, None]] = {}

    def hold(self, reservation: BodyReservation, address: str, size: int) -> None:
        """Count bytes as held, and evict others for them. Raises ProblemError (overloaded)."""
        if size > self._max_per_client:
            raise overloaded()
        while self._held_by[address] + size > self._max_per_client:
            _evict_first(self._reservations_of[address])
        while self._held + size > self._total:
            fullest, held = max(self._held_by.items(), key=_bytes_of)
            _evict_first(
                self._reservations_of[fullest] if held > self._large_share else self._reservations
            )
        if reservation.is_evicted:  # It evicted itself.
            raise overloaded()
        self._held += size
        self._held_by[address] += size
        reservation.held += size
        self._reservations[reservation] = address
        self._reservations.move_to_end(reservation)
        of_address = self._reservations_of.setdefault(address, OrderedDict())
        of_address[reservation] = None
        of_address.move_to_end(reservation)

    def release(self, reservation: BodyReservation, address: str) -> None:
        """Stop counting what a reservation holds."""
        if self._reservations.pop(reservation, None) is None:
            return
        self._held -= reservation.held
        self._held_by[address] -= reservation.held
        of_address = self._reservations_of[address]
        del of_address[reservation]
        if not of_address:
            del self._reservations_of[address], self._held_by[address]


def _evict_first(reservations: Iterable[BodyReservation]) -> None:
    next(iter(reservations)).evict()


def _bytes_of(share: tuple[str, int]) -> int:
    return share[1]


def announced_length(headers: Mapping[bytes, bytes]) -> int | None:
    """Return the body's length in bytes as Content-Length has it; None without a usable one."""
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) <= _MAX_DIGITS else None


def overloaded() -> ProblemError:
    """Return the error of a request that exceeds a budget or a limit of concurrency."""
    return ProblemError(
        "overloaded",
        "nothing was accepted: send it again later",
        headers={"Retry-After": "1", **_CLOSE},
    )


def _too_large() -> ProblemError:
    return ProblemError(
        "body_too_large",
        f"body: is larger than {MAX_BODY} bytes: send fewer events at once",
        headers=_CLOSE,
        limit=MAX_BODY,
    )
