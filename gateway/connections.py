"""Connection limits: how many are kept, in all and per network, and which is evicted."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

Connection = TypeVar("Connection")


SHARE: Final = 4
"""One client may have one of so many parts of all connections active at once."""

# The order of eviction, lowest first. Plain numbers, since a rank changes twice with each request.
_UNAUTHENTICATED_IDLE: Final = 0
_UNAUTHENTICATED_ACTIVE: Final = 1
_OVER_SHARE: Final = 2
_AUTHENTICATED_IDLE: Final = 3
_PROTECTED: Final = 4
_IDLE: Final = (_UNAUTHENTICATED_IDLE, _AUTHENTICATED_IDLE)


class NoEvictableConnectionError(Exception):
    """The limit is reached, and no open connection may be evicted."""


class ConnectionTable(Generic[Connection]):
    """The connections of a listener, at most `limit` of them and `limit_per_network` of a network.

    A connection is idle while it waits for its client (for a handshake, a request, or the rest of a
    body that was answered already), and active while its client waits for an answer. It is
    unauthenticated until a request on it was authenticated, and is then its client's.

    Where the limit is reached, a new connection evicts one, in this order:

    1. An idle unauthenticated connection, else an active one, of the network that has most of
       these: a client that opens many, and fast, evicts no others'.
    2. An active connection of a client beyond the client's share of all.
    3. An idle connection of an authenticated client.

    Within a rank it is the one that has been there longest. An active connection of an
    authenticated client within its share is never evicted. Each operation takes constant time.
    """

    def __init__(self, *, limit: int, limit_per_network: int) -> None:
        self._limit = limit
        self._limit_per_network = min(limit, limit_per_network)
        self._entries: dict[Connection, _Entry[Connection]] = {}
        self._networks: dict[str, _NetworkConnections[Connection]] = {}
        self._share = max(1, limit // SHARE)
        self._unauthenticated = _UnauthenticatedCounts()
        self._clients: dict[str, _ClientConnections] = {}
        self._evictable: dict[int, dict[Connection, None]] = {
            _OVER_SHARE: {},
            _AUTHENTICATED_IDLE: {},
        }
        """The connections of authenticated clients that may be evicted, by rank."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, connection: object) -> bool:
        return connection in self._entries

    def add(
        self, connection: Connection, network: str, *, is_unlimited: bool = False
    ) -> Connection | None:
        """Add an idle unauthenticated connection; return the one that it evicts, if any.

        The evicted one is of the same network where that network's limit is reached, and is no
        longer in the table. The network of a proxy `is_unlimited`: it has many clients. Raises
        NoEvictableConnectionError.
        """
        evicted = self._to_evict(network, self._limit if is_unlimited else self._limit_per_network)
        if evicted is not None:
            self.remove(evicted)
        if network not in self._networks:
            self._networks[network] = _NetworkConnections(network)
        entry = _Entry(self._networks[network])
        entry.network.size += 1
        entry.network.queues[_UNAUTHENTICATED_IDLE][connection] = None
        self._entries[connection] = entry
        self._unauthenticated.change(network, 1)
        return evicted

    def remove(self, connection: Connection) -> None:
        """Remove a connection, if it is there."""
        entry = self._entries.pop(connection, None)
        if entry is None:
            return
        network = entry.network
        del network.queues[entry.rank][connection]
        if entry.client is None:
            self._unauthenticated.change(network.name, -1)
        elif entry.rank == _PROTECTED:
            entry.client.protected -= 1
        else:
            del self._evictable[entry.rank][connection]
        network.size -= 1
        if not network.size:
            del self._networks[network.name]

    def set_idle(self, connection: Connection) -> None:
        """Mark a connection as waiting for its client."""
        entry = self._entries.get(connection)
        if entry is not None:
            rank = _UNAUTHENTICATED_IDLE if entry.client is None else _AUTHENTICATED_IDLE
            self._move(connection, entry, rank)

    def set_active(self, connection: Connection) -> None:
        """Mark a connection as one whose client waits for an answer."""
        entry = self._entries.get(connection)
        if entry is not None and entry.rank in _IDLE:
            self._move(connection, entry, self._active_rank(entry.client))

    def authenticate(self, connection: Connection, client: str) -> bool:
        """Assign a connection to the client whose request was authenticated on it.

        Returns False where the client has its share of active connections without this one.
        """
        entry = self._entries.get(connection)
        if entry is None:
            return True
        if entry.client is None or entry.client.name != client:
            is_active = entry.rank not in _IDLE
            if entry.client is None:
                self._unauthenticated.change(entry.network.name, -1)
            else:  # A proxy's connection is one client's after the other's.
                self._move(connection, entry, _AUTHENTICATED_IDLE)
            entry.client = self._clients.setdefault(client, _ClientConnections(client))
            rank = self._active_rank(entry.client) if is_active else _AUTHENTICATED_IDLE
            self._move(connection, entry, rank)
        return entry.rank != _OVER_SHARE

    def _active_rank(self, client: _ClientConnections | None) -> int:
        if client is None:
            return _UNAUTHENTICATED_ACTIVE
        return _PROTECTED if client.protected < self._share else _OVER_SHARE

    def _to_evict(self, network: str, limit: int) -> Connection | None:
        """Return the connection to evict for one of a network; None where none need be."""
        of_network = self._networks.get(network)
        if of_network is not None and of_network.size >= limit:
            return of_network.first_evictable()
        if len(self._entries) < self._limit:
            return None
        largest = self._unauthenticated.largest()
        if largest is not None:
            return self._networks[largest].first_evictable()
        for connections in self._evictable.values():
            for connection in connections:
                return connection
        raise NoEvictableConnectionError

    def _move(self, connection: Connection, entry: _Entry[Connection], rank: int) -> None:
        before, client = entry.rank, entry.client
        if before == rank:
            return
        entry.rank = rank
        queues = entry.network.queues
        del queues[before][connection]
        queues[rank][connection] = None
        if client is None:
            return
        if before == _PROTECTED:
            client.protected -= 1
        elif before in self._evictable:
            del self._evictable[before][connection]
        if rank == _PROTECTED:
            client.protected += 1
        else:
            self._evictable[rank][connection] = None


class _NetworkConnections(Generic[Connection]):
    """The connections of one network: how many, and which by rank."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        # Dictionaries as ordered sets: the one that has been there longest comes first.
        self.queues: tuple[dict[Connection, None], ...] = tuple({} for _ in range(_PROTECTED + 1))

    def first_evictable(self) -> Connection:
        """Return the first to evict. Raises NoEvictableConnectionError."""
        for queue in self.queues[:_PROTECTED]:
            for connection in queue:
                return connection
        raise NoEvictableConnectionError


class _Entry(Generic[Connection]):
    """Where a connection is counted."""

    __slots__ = ("client", "network", "rank")

    def __init__(self, network: _NetworkConnections[Connection]) -> None:
        self.network = network
        self.rank = _UNAUTHENTICATED_IDLE
        self.client: _ClientConnections | None = None
        """None while unauthenticated."""


class _ClientConnections:
    """An authenticated client, and how many of its connections are protected from eviction."""

    __slots__ = ("name", "protected")

    def __init__(self, name: str) -> None:
        self.name = name
        self.protected = 0


class _UnauthenticatedCounts:
    """How many unauthenticated connections each network has, and which has most."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._networks_with: dict[int, dict[str, None]] = {}
        self._largest_count = 0

    def change(self, network: str, by: int) -> None:
        """Count one more, or one less."""
        before = self._count.get(network, 0)
        now = before + by
        if before:
            del self._networks_with[before][network]
            if not self._networks_with[before]:
                del self._networks_with[before]
        if now:
            self._count[network] = now
            self._networks_with.setdefault(now, {})[network] = None
        else:
            del self._count[network]
        if now > self._largest_count or self._largest_count not in self._networks_with:
            self._largest_count = now

    def largest(self) -> str | None:
        """Return the network with most; of several, the one that reached this number first."""
        return next(iter(self._networks_with[self._largest_count])) if self._largest_count else None
