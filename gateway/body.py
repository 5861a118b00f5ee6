"""Reads a request's body within bounds: of one body, of its time, and of all bodies together."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, Self

from starlette.requests import Request

from gateway.problems import ProblemError

__all__ = ["LARGEST_BODY", "BodyReader", "Room", "announced_length", "overloaded"]

LARGEST_BODY: Final = 1024 * 1024
MOST_HELD: Final = 48 * 1024 * 1024
"""Bytes of bodies of proven producers in work at once."""
MOST_OF_ONE: Final = 16 * 1024 * 1024
"""Of these, bytes of one producer."""
MOST_UNPROVEN: Final = 16 * 1024 * 1024
"""Bytes of bodies at once that have to be read before it is known who sends them."""
MOST_OF_ADDRESS: Final = 8 * 1024 * 1024
"""Of these, bytes from one address."""
A_LOT: Final = 8
"""An address has much of the unproven bytes where it has more than one part of so many."""
#: So much more is read and dropped, so that a client that sends all before it listens is answered.
DROPPED: Final = 7 * LARGEST_BODY
_CLOSE: Final = {"Connection": "close"}
_MOST_DIGITS: Final = 20


class BodyReader:
    """Knows how much all requests hold together; `seconds` is the deadline of each body.

    Producers that are proven and senders that are not have pools of their own: whoever proves
    nothing takes no room from those who do.
    """

    def __init__(
        self,
        *,
        seconds: float,
        most_held: int = MOST_HELD,
        most_of_one: int = MOST_OF_ONE,
        most_unproven: int = MOST_UNPROVEN,
        most_of_address: int = MOST_OF_ADDRESS,
    ) -> None:
        self._seconds = seconds
        self._proven = _Proven(most_held, most_of_one)
        self._unproven = _Unproven(most_unproven, most_of_address)

    def room_of(self, producer: str, length: int | None) -> Room:
        """Give what reads a body of a proven producer; it counts as held until the context ends.

        `length` is the announced one, in bytes.
        """
        return Room(self._proven, producer, length=length, seconds=self._seconds)

    def room_for_stranger(self, address: str, length: int | None) -> Room:
        """Give what reads a body from an address, of which it is not known yet who sends it."""
        return Room(self._unproven, address, length=length, seconds=self._seconds)

    def prove(self, room: Room, producer: str) -> None:
        """Let a body that was read count as its producer's. Raises ProblemError (overloaded)."""
        room.move(self._proven, producer)


class Room:
    """Reads one body, and holds it until the context ends."""

    __slots__ = ("_deadline", "_length", "_owner", "_pool", "_seconds", "held", "is_given_up")

    def __init__(
        self, pool: _Proven | _Unproven, owner: str, *, length: int | None, seconds: float
    ) -> None:
        self.held = 0
        self._pool = pool
        self._owner = owner
        self._length = length
        self._seconds = seconds
        self._deadline: asyncio.Timeout | None = None
        self.is_given_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises ProblemError: too large, too slow, or too much at once."""
        if self._length is not None and self._length > LARGEST_BODY + DROPPED:
            raise _too_large()
        try:
            async with asyncio.timeout(self._seconds) as self._deadline:
                return await self._collect(request)
        except TimeoutError:
            if self.is_given_up:
                raise overloaded() from None
            detail = f"the body did not come within {self._seconds:g} seconds"
            raise ProblemError("slow_request", detail, headers=_CLOSE) from None

    def give_up(self) -> None:
        """Hold nothing from now on: the room is another's, and the request is told so."""
        self.is_given_up = True
        self.release()
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Hold nothing any more."""
        self._pool.release(self, self._owner)
        self.held = 0

    def move(self, pool: _Proven, owner: str) -> None:
        """Let what is held count elsewhere. Raises ProblemError (overloaded)."""
        held = self.held
        self.release()
        self._pool, self._owner = pool, owner
        pool.hold(self, owner, held)

    async def _collect(self, request: Request) -> bytes:
        # One buffer: a body that comes byte by byte takes no more room than another.
        body = bytearray()
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_BODY + DROPPED:
                raise _too_large()
            if size > LARGEST_BODY:
                if body:
                    body.clear()
                    self.release()
                continue
            if self.is_given_up:
                break
            self._pool.hold(self, self._owner, len(part))
            body += part
        if self.is_given_up:
            raise overloaded()
        if size > LARGEST_BODY:
            raise _too_large()
        return bytes(body)


class _Proven:
    """The bodies of producers: no one of them has all the room."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = min(most, most_of_one)
        self._held = 0
        self._of_one: Counter[str] = Counter()

    def hold(self, room: Room, producer: str, size: int) -> None:
        """Count bytes as held. Raises ProblemError (overloaded)."""
        if self._held + size > self._most or self._of_one[producer] + size > self._most_of_one:
            raise overloaded()
        self._held += size
        self._of_one[producer] += size
        room.held += size

    def release(self, room: Room, producer: str) -> None:
        """Count what a room holds no more."""
        self._held -= room.held
        self._of_one[producer] -= room.held


class _Unproven:
    """The bodies of whoever has proven nothing yet.

    Nobody is kept out by bodies that are begun and do not end. Where there is no room, the body
    gives way of which nothing has come for longest: of the address that has its share or more than
    A_LOT, else of all. So few addresses take nothing from another, and many would have to send to
    all that they hold as often as an honest client sends to one.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = min(most, most_of_one)
        self._a_lot = most // A_LOT
        self._held = 0
        self._of_one: Counter[str] = Counter()
        # The one that has waited longest for its next bytes comes first.
        self._rooms: OrderedDict[Room, str] = OrderedDict()
        self._rooms_of: dict[str, OrderedDict[Room, None]] = {}

    def hold(self, room: Room, address: str, size: int) -> None:
        """Count bytes as held, and give up others for them. Raises ProblemError (overloaded)."""
        if size > self._most_of_one:
            raise overloaded()
        while self._of_one[address] + size > self._most_of_one:
            _give_up_first(self._rooms_of[address])
        while self._held + size > self._most:
            fullest, held = max(self._of_one.items(), key=_held_by)
            _give_up_first(self._rooms_of[fullest] if held > self._a_lot else self._rooms)
        if room.is_given_up:  # It was its own turn.
            raise overloaded()
        self._held += size
        self._of_one[address] += size
        room.held += size
        self._rooms[room] = address
        self._rooms.move_to_end(room)
        of_one = self._rooms_of.setdefault(address, OrderedDict())
        of_one[room] = None
        of_one.move_to_end(room)

    def release(self, room: Room, address: str) -> None:
        """Count what a room holds no more."""
        if self._rooms.pop(room, None) is None:
            return
        self._held -= room.held
        self._of_one[address] -= room.held
        of_one = self._rooms_of[address]
        del of_one[room]
        if not of_one:
            del self._rooms_of[address], self._of_one[address]


def _give_up_first(rooms: Iterable[Room]) -> None:
    next(iter(rooms)).give_up()


def _held_by(share: tuple[str, int]) -> int:
    return share[1]


def announced_length(headers: Mapping[bytes, bytes]) -> int | None:
    """Return how long a request says that its body is, in bytes; None where it does not say."""
    told = headers.get(b"content-length", b"")
    return int(told) if told.isdigit() and len(told) <= _MOST_DIGITS else None


def overloaded() -> ProblemError:
    """Return what is answered where there is no room for a request."""
    return ProblemError(
        "overloaded",
        "nothing was taken: send it again later",
        headers={"Retry-After": "1", **_CLOSE},
    )


def _too_large() -> ProblemError:
    return ProblemError(
        "body_too_large",
        f"body: is larger than {LARGEST_BODY} bytes: send fewer events at once",
        headers=_CLOSE,
        limit=LARGEST_BODY,
    )
