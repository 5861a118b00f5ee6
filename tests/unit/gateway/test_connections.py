"""Bounds of connections: whoever waits gives way; who works within its share never does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connections import SHARE, AllAtWorkError, Connections

MOST = 6
MOST_OF_ONE = 3
NETWORKS = ("a", "b", "c", "d")

steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "leave", "wait", "prove", "work"]),
        st.sampled_from(NETWORKS),
        st.integers(0, 20),
    ),
    max_size=120,
)


class Model:
    """The same bounds, counted anew each time."""

    def __init__(self) -> None:
        self.connections: Connections[int] = Connections(most=MOST, most_of_one=MOST_OF_ONE)
        self.present: dict[int, str] = {}
        self.known: dict[int, str] = {}
        #: What each has been doing, whoever has done so longest first.
        self.does: dict[tuple[int, str, bool], None] = {}

    def do(self, step: str, network: str, number: int) -> None:
        """Do one step with a connection, and compare."""
        if step == "enter":
            if number not in self.present:
                self.enter(network, number)
            return
        if step == "prove":
            self.prove(number, network)
            return
        getattr(self.connections, step)(number)
        if number not in self.present:
            return
        if step == "leave":
            self.leave(number)
        elif step == "wait":
            self.note(number, step)
        elif self.doing(number) == "wait":
            self.note(number, self.work_of(number))

    def prove(self, number: int, client: str) -> None:
        """Let a connection be a client's, which the network's name stands for."""
        has_room = self.connections.prove(number, client)
        if number not in self.present:
            assert has_room
            return
        doing = self.doing(number)
        if self.known.get(number) != client:
            self.known.pop(number, None)
            self.does = {one: None for one in self.does if one[0] != number}
            self.known[number] = client
            self.note(number, doing if doing == "wait" else self.work_of(number))
        assert has_room is (self.doing(number) != "beyond")

    def work_of(self, number: int) -> str:
        """Tell as what a connection works: within its client's share of all, or beyond it."""
        client = self.known.get(number)
        at_work = [one for one, what, _ in self.does if what == "work" and one != number]
        of_client = [one for one in at_work if client is not None and self.known.get(one) == client]
        return "work" if len(of_client) < max(1, MOST // SHARE) else "beyond"

    def doing(self, number: int) -> str:
        """Tell whether a connection waits, or works and how."""
        return next(what for one, what, _ in self.does if one == number)

    def note(self, number: int, what: str) -> None:
        """Note what a connection does from now on, unless it did already."""
        does = (number, what, number in self.known)
        if does not in self.does:
            self.does = {one: None for one in self.does if one[0] != number}
            self.does[does] = None

    def leave(self, number: int) -> None:
        """Forget a connection."""
        del self.present[number]
        self.known.pop(number, None)
        self.does = {one: None for one in self.does if one[0] != number}

    def enter(self, network: str, number: int) -> None:
        """Let another in: it displaces the first of its network, or of one with most strangers."""
        size = list(self.present.values()).count(network)
        may_go: set[int | None] = {None}
        if size >= MOST_OF_ONE:
            may_go = self.first(network, [False, True])
        elif len(self.present) >= MOST:
            strangers = Counter(
                self.present[one] for one in self.present.keys() - self.known.keys()
            )
            most = max(strangers.values(), default=0)
            largest = [home for home, count in strangers.items() if count == most]
            may_go = set().union(*(self.first(home, [False]) for home in largest))
            if not strangers:
                beyond = [one for one, what, _ in self.does if what == "beyond"]
                waiting = [one for one, what, _ in self.does if what == "wait"]
                may_go = set([*beyond, *waiting][:1])
        if not may_go:
            with pytest.raises(AllAtWorkError):
                self.connections.enter(number, network)
            return
        displaced = self.connections.enter(number, network)
        assert displaced in may_go
        if displaced is not None:
            self.leave(displaced)
        self.present[number] = network
        self.note(number, "wait")

    def first(self, network: str, known: list[bool]) -> set[int | None]:
        """Return the first to give way of a network, in a set; an empty one where there is none."""
        for is_known in known:
            for turn in ["beyond", "wait"] if is_known else ["wait", "work"]:
                for one, *does in self.does:
                    if self.present[one] == network and does == [turn, is_known]:
                        return {one}
        return set()


@given(steps)
def test_bounds_hold_and_strangers_give_way_first(taken: list[tuple[str, str, int]]) -> None:
    """After any steps, as a model has it that counts all each time."""
    model = Model()
    for step in taken:
        model.do(*step)
        assert len(model.connections) == len(model.present) <= MOST
        for network in NETWORKS:
            assert list(model.present.values()).count(network) <= MOST_OF_ONE
        assert all((one in model.connections) == (one in model.present) for one in range(21))


@given(st.integers(1, 40), st.integers(1, 3))
def test_who_opens_many_closes_none_of_others(number: int, networks: int) -> None:
    """However many come of a few networks: one of another that has less than its share stays."""
    connections: Connections[int] = Connections(most=MOST, most_of_one=MOST)
    connections.enter(-1, "other")
    for one in range(MOST - 1):
        connections.enter(one, str(one % networks))

    for one in range(MOST, MOST + number):
        assert connections.enter(one, str(one % networks)) != -1


@given(st.integers(0, MOST - 1), st.sampled_from(NETWORKS))
def test_strangers_keep_nobody_out(known: int, network: str) -> None:
    """Whatever they do: known clients at work stay, and another is let in."""
    connections: Connections[int] = Connections(most=MOST, most_of_one=MOST)
    for number in range(MOST):
        connections.enter(number, "a")
        connections.work(number)
        if number < known:
            connections.prove(number, str(number))

    for number in range(MOST, 50):
        assert connections.enter(number, network) not in range(known)


@given(st.integers(1, 12), st.integers(0, 20))
def test_a_client_keeps_no_other_out(at_work: int, later: int) -> None:
    """Whatever it has at work: what is beyond its share gives way, and nobody else's does."""
    connections: Connections[int] = Connections(most=4 * SHARE, most_of_one=4 * SHARE)
    connections.enter(-1, "a")
    connections.prove(-1, "other")
    for one in range(at_work):
        connections.enter(one, "a")
        connections.work(one)
        assert connections.prove(one, "client") is (one < 4)

    assert all(connections.enter(100 + one, "a") != -1 for one in range(later))


def test_a_proxy_may_have_all_connections() -> None:
    """It is many: what is there of its own gives way once there is no room."""
    connections: Connections[int] = Connections(most=MOST, most_of_one=MOST_OF_ONE)

    displaced = [connections.enter(one, "a", may_have_all=True) for one in range(MOST + 1)]

    assert displaced == [None] * MOST + [0]
