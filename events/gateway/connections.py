"""Which connections are kept: bounds of all and of each address, and which one gives way."""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, TypeVar

__all__ = ["AllAtWorkError", "Connections"]

Connection = TypeVar("Connection")


class AllAtWorkError(Exception):
    """There is no room for another connection, and none of those that are there may be closed."""


class Connections(Generic[Connection]):
    """The connections of a listener, at most `most` of them and `most_of_one` of each network.

    A connection either waits for its client (for a handshake, for a request, for the rest of a body
    that was answered already) or is at work for it; and its client is a stranger until a request
    was authenticated. Where there is no room, one gives way to a newcomer: a stranger's that waits,
    else a stranger's at work, of the network that has most of strangers', so that whoever opens
    many, and fast, closes no others'; else one of a known client that waits. It is the one that has
    done so longest. A known client's connection at work is never closed for another. Each operation
    takes constant time.
    """

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = min(most, most_of_one)
        self._network: dict[Connection, str] = {}
        self._turn: dict[Connection, _Turn] = {}
        self._proven: set[Connection] = set()
        self._networks: dict[str, _Network[Connection]] = {}
        self._strangers = _Crowd()
        self._known_waiting: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._network)

    def __contains__(self, connection: object) -> bool:
        return connection in self._network

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
        self._network[newcomer] = network
        self._networks.setdefault(network, _Network()).size += 1
        self._move(newcomer, _Turn.STRANGER_WAITS)
        return gives_way

    def leave(self, connection: Connection) -> None:
        """Forget a connection; one that is forgotten already stays so."""
        if connection not in self._network:
            return
        self._move(connection, _Turn.NEVER)
        del self._turn[connection]
        self._proven.discard(connection)
        network = self._network.pop(connection)
        self._networks[network].size -= 1
        if not self._networks[network].size:
            del self._networks[network]

    def wait(self, connection: Connection) -> None:
        """Note that a connection waits for its client from now on."""
        known = connection in self._proven
        self._move(connection, _Turn.KNOWN_WAITS if known else _Turn.STRANGER_WAITS)

    def work(self, connection: Connection) -> None:
        """Note that its client waits for an answer."""
        known = connection in self._proven
        self._move(connection, _Turn.NEVER if known else _Turn.STRANGER_WORKS)

    def prove(self, connection: Connection) -> None:
        """Note that a request on it was authenticated: its client is known from now on."""
        if connection not in self._network:
            return
        self._proven.add(connection)
        (self.wait if self._turn[connection] is _Turn.STRANGER_WAITS else self.work)(connection)

    def _who_gives_way(self, network: str, bound: int) -> Connection | None:
        of_one = self._networks.get(network)
        if of_one is not None and of_one.size >= bound:
            return of_one.first()
        if len(self._network) < self._most:
            return None
        largest = self._strangers.largest()
        if largest is not None:
            return self._networks[largest].first()
        for connection in self._known_waiting:
            return connection
        raise AllAtWorkError

    def _move(self, connection: Connection, turn: _Turn) -> None:
        network = self._network.get(connection)
        if network is None:
            return
        before = self._turn.get(connection, _Turn.NEVER)
        self._turn[connection] = turn
        if before is turn:
            return
        queues = self._networks[network].queues
        if before is not _Turn.NEVER:
            del queues[before][connection]
        if turn is not _Turn.NEVER:
            queues[turn][connection] = None
        if before is _Turn.KNOWN_WAITS:
            del self._known_waiting[connection]
        elif turn is _Turn.KNOWN_WAITS:
            self._known_waiting[connection] = None
        self._strangers.change(network, (turn in _STRANGERS) - (before in _STRANGERS))


class _Turn(IntEnum):
    """When a connection gives way: before those of a higher number."""

    STRANGER_WAITS = 0
    STRANGER_WORKS = 1
    KNOWN_WAITS = 2
    NEVER = 3


_STRANGERS = (_Turn.STRANGER_WAITS, _Turn.STRANGER_WORKS)


class _Network(Generic[Connection]):
    """The connections of one network: how many, and by turn those that may give way."""

    def __init__(self) -> None:
        self.size = 0
        # Dictionaries as ordered sets: who has been there longest comes first.
        self.queues: list[dict[Connection, None]] = [{} for turn in _Turn if turn < _Turn.NEVER]

    def first(self) -> Connection:
        """Return the first to give way. Raises AllAtWorkError."""
        for queue in self.queues:
            for connection in queue:
                return connection
        raise AllAtWorkError


class _Crowd:
    """How many strangers' connections each network has, and which has most."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._with: dict[int, dict[str, None]] = {}
        self._most = 0

    def change(self, network: str, by: int) -> None:
        """Count one more, one less or none."""
        if not by:
            return
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
