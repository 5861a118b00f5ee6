"""Connection limits: which connection is evicted, and which is protected."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connections import SHARE, ConnectionTable, NoEvictableConnectionError

LIMIT = 6
PER_NETWORK = 3
NETWORKS = ("a", "b", "c", "d")

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "set_idle", "authenticate", "set_active"]),
        st.sampled_from(NETWORKS),
        st.integers(0, 20),
    ),
    max_size=120,
)


class Model:
    """The same limits, counted anew at each step."""

    def __init__(self) -> None:
        self.connections: ConnectionTable[int] = ConnectionTable(
            limit=LIMIT, limit_per_network=PER_NETWORK
        )
        self.present: dict[int, str] = {}
        self.known: dict[int, str] = {}
        #: The activity of each, the one that has it longest first.
        self.does: dict[tuple[int, str, bool], None] = {}

    def do(self, step: str, network: str, number: int) -> None:
        """Do one step with a connection, and compare."""
        if step == "add":
            if number not in self.present:
                self.add(network, number)
            return
        if step == "authenticate":
            self.authenticate(number, network)
            return
        getattr(self.connections, step)(number)
        if number not in self.present:
            return
        if step == "remove":
            self.remove(number)
        elif step == "set_idle":
            self.note(number, "idle")
        elif self.doing(number) == "idle":
            self.note(number, self.activity_of(number))

    def authenticate(self, number: int, client: str) -> None:
        """Assign a connection to a client, for which the network's name stands."""
        has_room = self.connections.authenticate(number, client)
        if number not in self.present:
            assert has_room
            return
        doing = self.doing(number)
        if self.known.get(number) != client:
            self.known.pop(number, None)
            self.does = {one: None for one in self.does if one[0] != number}
            self.known[number] = client
            self.note(number, doing if doing == "idle" else self.activity_of(number))
        assert has_room is (self.doing(number) != "over share")

    def activity_of(self, number: int) -> str:
        """Return whether an active connection is within its client's share of all."""
        client = self.known.get(number)
        active = [one for one, what, _ in self.does if what == "active" and one != number]
        of_client = [one for one in active if client is not None and self.known.get(one) == client]
        return "active" if len(of_client) < max(1, LIMIT // SHARE) else "over share"

    def doing(self, number: int) -> str:
        """Return whether a connection is idle, active or over its client's share."""
        return next(what for one, what, _ in self.does if one == number)

    def note(self, number: int, what: str) -> None:
        """Record the activity of a connection, unless it has it already."""
        does = (number, what, number in self.known)
        if does not in self.does:
            self.does = {one: None for one in self.does if one[0] != number}
            self.does[does] = None

    def remove(self, number: int) -> None:
        """Remove a connection."""
        del self.present[number]
        self.known.pop(number, None)
        self.does = {one: None for one in self.does if one[0] != number}

    def add(self, network: str, number: int) -> None:
        """Add a connection: it evicts one of its network, or of that with most unauthenticated."""
        size = list(self.present.values()).count(network)
        evictable: set[int | None] = {None}
        if size >= PER_NETWORK:
            evictable = self.first(network, [False, True])
        elif len(self.present) >= LIMIT:
            unauthenticated = Counter(
                self.present[one] for one in self.present.keys() - self.known.keys()
            )
            most = max(unauthenticated.values(), default=0)
            largest = [home for home, count in unauthenticated.items() if count == most]
            evictable = set().union(*(self.first(home, [False]) for home in largest))
            if not unauthenticated:
                beyond = [one for one, what, _ in self.does if what == "over share"]
                waiting = [one for one, what, _ in self.does if what == "idle"]
                evictable = set([*beyond, *waiting][:1])
        if not evictable:
            with pytest.raises(NoEvictableConnectionError):
                self.connections.add(number, network)
            return
        evicted = self.connections.add(number, network)
        assert evicted in evictable
        if evicted is not None:
            self.remove(evicted)
        self.present[number] = network
        self.note(number, "idle")

    def first(self, network: str, known: list[bool]) -> set[int | None]:
        """Return the first to evict of a network, in a set; an empty one where there is none."""
        for is_known in known:
            for turn in ["over share", "idle"] if is_known else ["idle", "active"]:
                for one, *does in self.does:
                    if self.present[one] == network and does == [turn, is_known]:
                        return {one}
        return set()


@given(steps)
def test_limits_hold_and_unauthenticated_connections_are_evicted_first(
    taken: list[tuple[str, str, int]],
) -> None:
    """After any steps, as in a model that counts everything anew."""
    model = Model()
    for step in taken:
        model.do(*step)
        assert len(model.connections) == len(model.present) <= LIMIT
        for network in NETWORKS:
            assert list(model.present.values()).count(network) <= PER_NETWORK
        assert all((one in model.connections) == (one in model.present) for one in range(21))


@given(st.integers(1, 40), st.integers(1, 3))
def test_a_network_with_many_connections_evicts_none_of_others(number: int, networks: int) -> None:
    """However many a few networks open: one of another that has fewer stays."""
    connections: ConnectionTable[int] = ConnectionTable(limit=LIMIT, limit_per_network=LIMIT)
    connections.add(-1, "other")
    for one in range(LIMIT - 1):
        connections.add(one, str(one % networks))

    for one in range(LIMIT, LIMIT + number):
        assert connections.add(one, str(one % networks)) != -1


@given(st.integers(0, LIMIT - 1), st.sampled_from(NETWORKS))
def test_unauthenticated_connections_keep_nobody_out(known: int, network: str) -> None:
    """Active connections of authenticated clients stay, and a new one is accepted."""
    connections: ConnectionTable[int] = ConnectionTable(limit=LIMIT, limit_per_network=LIMIT)
    for number in range(LIMIT):
        connections.add(number, "a")
        connections.set_active(number)
        if number < known:
            connections.authenticate(number, str(number))

    for number in range(LIMIT, 50):
        assert connections.add(number, network) not in range(known)


@given(st.integers(1, 12), st.integers(0, 20))
def test_a_client_keeps_no_other_out(active: int, later: int) -> None:
    """Its active connections beyond its share are evicted, and no other client's are."""
    connections: ConnectionTable[int] = ConnectionTable(
        limit=4 * SHARE, limit_per_network=4 * SHARE
    )
    connections.add(-1, "a")
    connections.authenticate(-1, "other")
    for one in range(active):
        connections.add(one, "a")
        connections.set_active(one)
        assert connections.authenticate(one, "client") is (one < 4)

    assert all(connections.add(100 + one, "a") != -1 for one in range(later))


def test_a_proxy_may_have_all_connections() -> None:
    """It has many clients: its own connections are evicted once the limit is reached."""
    connections: ConnectionTable[int] = ConnectionTable(limit=LIMIT, limit_per_network=PER_NETWORK)

    evicted = [connections.add(one, "a", is_unlimited=True) for one in range(LIMIT + 1)]

    assert evicted == [None] * LIMIT + [0]
