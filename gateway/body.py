"""Reads request bodies within limits of size and time, and within memory budgets for all."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, Self

from starlette.requests import Request

from gateway.problems import ProblemError

MAX_BODY: Final = 1024 * 1024
MAX_HELD: Final = 48 * 1024 * 1024
"""The most bytes held at once for bodies of authenticated producers."""
MAX_PER_PRODUCER: Final = 16 * 1024 * 1024
"""The most of these for one producer."""
MAX_UNVERIFIED: Final = 16 * 1024 * 1024
"""The most bytes held at once for bodies whose signature is not verified yet."""
MOST_UNVERIFIED: Final = 512
"""The most of these bodies at once: fewer than HAProxy passes on, which leaves room for others."""
LARGE_SHARE: Final = 8
"""An address that holds more than 1 / LARGE_SHARE of the unverified bytes is evicted first."""
#: This many more are read and dropped: a client may send everything before it reads an answer.
_DROPPED: Final = 7 * MAX_BODY
EARLY: Final = {"Connection": "close", "X-Early": "true"}
"""Headers of a refusal that may come before the end of the body: HAProxy then ends the request."""


class BodyReader:
    """The memory budgets of all requests' bodies; `seconds` is the deadline of each body.

    Bodies whose signature is not verified yet have a separate budget, so that they take no memory
    from authenticated producers.
    """

    def __init__(
        self,
        *,
        seconds: float,
        max_held: int = MAX_HELD,
        max_per_producer: int = MAX_PER_PRODUCER,
        max_unverified: int = MAX_UNVERIFIED,
    ) -> None:
        self._seconds = seconds
        self._producers = _Budget(max_held, max_per_producer)
        self._unverified = _UnverifiedBudget(max_unverified, max_unverified // LARGE_SHARE)

    def reserve(self, producer: str) -> BodyReservation:
        """Return a context that reads and holds a body of an authenticated producer."""
        return BodyReservation(self._producers, producer, seconds=self._seconds)

    def reserve_unverified(self, address: str) -> BodyReservation:
        """Return a context that reads and holds a body whose signature is not verified yet."""
        return BodyReservation(self._unverified, address, seconds=self._seconds)

    def assign(self, reservation: BodyReservation, producer: str) -> None:
        """Move a body into its producer's budget. Raises ProblemError (overloaded)."""
        reservation.move(self._producers, producer)


class BodyReservation:
    """Reads one body, which counts as held in its budget until the context ends."""

    def __init__(self, budget: _Budget, owner: str, *, seconds: float) -> None:
        self.owner = owner
        self.held = 0
        self.is_evicted = False
        self._budget = budget
        self._seconds = seconds
        self._deadline = asyncio.timeout(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.release(self)

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises ProblemError if it is too large or slow, or memory is full."""
        try:
            async with self._deadline:
                return await self._collect(request)
        except TimeoutError:
            if self.is_evicted:
                raise _overloaded() from None
            detail = f"the body did not come within {self._seconds:g} seconds"
            raise ProblemError("slow_request", detail, headers=EARLY) from None

    def evict(self) -> None:
        """Release the memory for another body, and end this read as overloaded."""
        self.is_evicted = True
        self._budget.release(self)
        if not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def move(self, budget: _Budget, owner: str) -> None:
        """Move what is held into another budget. Raises ProblemError (overloaded)."""
        held = self.held
        self._budget.release(self)
        self._budget, self.owner = budget, owner
        budget.hold(self, held)

    async def _collect(self, request: Request) -> bytes:
        # One buffer: a body that arrives byte by byte takes no more memory than any other.
        body = bytearray()
        size = 0
        self._budget.hold(self, 0)
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY + _DROPPED:
                break
            if size > MAX_BODY:
                body.clear()
                self._budget.release(self)
                part = b""  # noqa: PLW2901 - it is dropped
            self._budget.hold(self, len(part))
            body += part
        if size > MAX_BODY:
            raise ProblemError(
                "body_too_large",
                f"body: is larger than {MAX_BODY} bytes: send fewer events at once",
                headers=EARLY,
                limit=MAX_BODY,
            )
        return bytes(body)


class _Budget:
    """The bytes of bodies that are held at once, with a limit for each owner."""

    def __init__(self, total: int, share: int) -> None:
        self._total = total
        self._share = share
        self._held = 0
        self._held_by: Counter[str] = Counter()

    def hold(self, body: BodyReservation, size: int) -> None:
        """Count more bytes of a body as held. Raises ProblemError (overloaded)."""
        self._make_room(body, size)
        self._held += size
        self._held_by[body.owner] += size
        body.held += size

    def release(self, body: BodyReservation) -> None:
        """Stop counting what is held of a body."""
        self._held -= body.held
        self._held_by[body.owner] -= body.held
        if not self._held_by[body.owner]:
            del self._held_by[body.owner]
        body.held = 0

    def _make_room(self, body: BodyReservation, size: int) -> None:
        if self._held + size > self._total or self._held_by[body.owner] + size > self._share:
            raise _overloaded()


class _UnverifiedBudget(_Budget):
    """The bytes of bodies whose signature is not verified yet, by address.

    A body that never ends must not block producers. When there are too many bytes or bodies, the
    body that has been idle longest is evicted: among addresses above their share, or else among
    all. So a few addresses cannot displace others, and many would have to send on each of their
    bodies as often as an honest client sends on one.
    """

    def __init__(self, total: int, share: int) -> None:
        super().__init__(total, share)
        # The body that has been idle longest is first.
        self._bodies: dict[BodyReservation, None] = {}

    def release(self, body: BodyReservation) -> None:
        self._bodies.pop(body, None)
        super().release(body)

    def _make_room(self, body: BodyReservation, size: int) -> None:
        while self._bodies and (
            self._held + size > self._total
            or (len(self._bodies) >= MOST_UNVERIFIED and body not in self._bodies)
        ):
            large = (one for one in self._bodies if self._held_by[one.owner] > self._share)
            next(large, next(iter(self._bodies))).evict()
        if body.is_evicted or self._held + size > self._total:
            raise _overloaded()
        self._bodies.pop(body, None)
        self._bodies[body] = None


def _overloaded() -> ProblemError:
    return ProblemError(
        "overloaded",
        "nothing was accepted: send it again later",
        headers={"Retry-After": "1", **EARLY},
    )
