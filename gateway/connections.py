"""Which connections are kept: bounds of all and of each address, and which one gives way."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

__all__ = ["SHARE", "AllAtWorkError", "Connections"]

Connection = TypeVar("Connection")


SHARE: Final = 4
"""One client may have one of so many parts of all connections at work at once."""

# When a connection gives way: before those of a higher number. Plain numbers, since a turn changes
# twice with each request.
_STRANGER_WAITS: Final = 0
_STRANGER_WORKS: Final = 1
_KNOWN_BEYOND_SHARE: Final = 2
_KNOWN_WAITS: Final = 3
_NEVER: Final = 4
_WAITING: Final = (_STRANGER_WAITS, _KNOWN_WAITS)


class AllAtWorkError(Exception):
    """There is no room for another connection, and none of those that are there may be closed."""


class Connections(Generic[Connection]):
    """The connections of a listener, at most `most` of them and `most_of_one` of each network.

    A connection either waits for its client (for a handshake, for a request, for the rest of a body
    that was answered already) or is at work for it; and its client is a stranger until a request
    was authenticated. Where there is no room, one gives way to a newcomer: a stranger's that waits,
    else a stranger's at work, of the network that has most of strangers', so that whoever opens
    many, and fast, closes no others'; else a known client's at work beyond its share of all, or one
    that waits. It is the one that has done so longest. A known client's connection at work, within
    its share, is never closed for another. Each operation takes constant time.
    """

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = min(most, most_of_one)
        self._seats: dict[Connection, _Slot[Connection]] = {}
        self._networks: dict[str, _Network[Connection]] = {}
        self._share = max(1, most // SHARE)
        self._strangers = _Strangers()
        self._clients: dict[str, _Client] = {}
        self._known: dict[int, dict[Connection, None]] = {_KNOWN_BEYOND_SHARE: {}, _KNOWN_WAITS: {}}

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, connection: object) -> bool:
        return connection in self._seats

    def enter(
        self, newcomer: Connection, network: str, *, may_have_all: bool = False
    ) -> Connection | None:
        """Take a stranger's connection in, which waits; return the one to be closed for it.

        That one is of the same network where the bound of one is reached, else of any. It counts no
        more. A proxy `may_have_all`: it is many. Raises AllAtWorkError.
        """
        gives_way = self._who_gives_way(network, self._most if may_have_all else self._most_of_one)
        if gives_way is not None:
            self.leave(gives_way)
        if network not in self._networks:
            self._networks[network] = _Network(network)
        seat = _Slot(self._networks[network])
        seat.network.size += 1
        seat.network.queues[_STRANGER_WAITS][newcomer] = None
        self._seats[newcomer] = seat
        self._strangers.change(network, 1)
        return gives_way

    def leave(self, connection: Connection) -> None:
        """Forget a connection; one that is forgotten already stays so."""
        seat = self._seats.pop(connection, None)
        if seat is None:
            return
        network = seat.network
        del network.queues[seat.turn][connection]
        if seat.client is None:
            self._strangers.change(network.name, -1)
        elif seat.turn == _NEVER:
            seat.client.at_work -= 1
        else:
            del self._known[seat.turn][connection]
        network.size -= 1
        if not network.size:
            del self._networks[network.name]

    def wait(self, connection: Connection) -> None:
        """Note that a connection waits for its client from now on."""
        seat = self._seats.get(connection)
        if seat is not None:
            self._move(connection, seat, _STRANGER_WAITS if seat.client is None else _KNOWN_WAITS)

    def work(self, connection: Connection) -> None:
        """Note that its client waits for an answer."""
        seat = self._seats.get(connection)
        if seat is not None and seat.turn in _WAITING:
            self._move(connection, seat, self._turn_at_work(seat.client))

    def prove(self, connection: Connection, client: str) -> bool:
        """Note that a client's request was authenticated on it: it is the client's from now on.

        Returns False where the client has its share of connections at work without this one.
        """
        seat = self._seats.get(connection)
        if seat is None:
            return True
        if seat.client is None or seat.client.name != client:
            works = seat.turn not in _WAITING
            if seat.client is None:
                self._strangers.change(seat.network.name, -1)
            else:  # A proxy's connection is one client's after the other's.
                self._move(connection, seat, _KNOWN_WAITS)
            seat.client = self._clients.setdefault(client, _Client(client))
            turn = self._turn_at_work(seat.client) if works else _KNOWN_WAITS
            self._move(connection, seat, turn)
        return seat.turn != _KNOWN_BEYOND_SHARE

    def _turn_at_work(self, client: _Client | None) -> int:
        if client is None:
            return _STRANGER_WORKS
        return _NEVER if client.at_work < self._share else _KNOWN_BEYOND_SHARE

    def _who_gives_way(self, network: str, bound: int) -> Connection | None:
        of_one = self._networks.get(network)
        if of_one is not None and of_one.size >= bound:
            return of_one.first()
        if len(self._seats) < self._most:
            return None
        largest = self._strangers.largest()
        if largest is not None:
            return self._networks[largest].first()
        for known in self._known.values():
            for connection in known:
                return connection
        raise AllAtWorkError

    def _move(self, connection: Connection, seat: _Slot[Connection], turn: int) -> None:
        before, client = seat.turn, seat.client
        if before == turn:
            return
        seat.turn = turn
        queues = seat.network.queues
        del queues[before][connection]
        queues[turn][connection] = None
        if client is None:
            return
        if before == _NEVER:
            client.at_work -= 1
        elif before in self._known:
            del self._known[before][connection]
        if turn == _NEVER:
            client.at_work += 1
        else:
            self._known[turn][connection] = None


class _Network(Generic[Connection]):
    """The connections of one network: how many, and which by their turn."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        # Dictionaries as ordered sets: who has been there longest comes first.
        self.queues: tuple[dict[Connection, None], ...] = tuple({} for _ in range(_NEVER + 1))

    def first(self) -> Connection:
        """Return the first to give way. Raises AllAtWorkError."""
        for queue in self.queues[:_NEVER]:
            for connection in queue:
                return connection
        raise AllAtWorkError


class _Slot(Generic[Connection]):
    """Where a connection is counted."""

    __slots__ = ("client", "network", "turn")

    def __init__(self, network: _Network[Connection]) -> None:
        self.network = network
        self.turn = _STRANGER_WAITS
        self.client: _Client | None = None
        """None for a stranger's."""


class _Client:
    """A known client, and how many of its connections are at work that never give way."""

    __slots__ = ("at_work", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.at_work = 0


class _Strangers:
    """How many strangers' connections each network has, and which has most."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._with: dict[int, dict[str, None]] = {}
        self._most = 0

    def change(self, network: str, by: int) -> None:
        """Count one more, or one less."""
        before = self._count.get(network, 0)
        now = before + by
        if before:
            del self._with[before][network]
            if not self._with[before]:
                del self._with[before]
        if now:
            self._count[network] = now
            self._with.setdefault(now, {})[network] = None
        else:
            del self._count[network]
        if now > self._most or self._most not in self._with:
            self._most = now

    def largest(self) -> str | None:
        """Return the network with most; of several, the one that came to it first."""
        return next(iter(self._with[self._most])) if self._most else None
