"""A round of the event loop serves a bounded number of connections, round-robin by sender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.fair_scheduling import RoundRobinScheduler

PER_ROUND = 3


class FakeLoop:
    """An event loop whose rounds the test runs."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Add to the next round."""
        self.soon.append(callback)

    def run_round(self) -> None:
        """Run one round."""
        due, self.soon = self.soon, []
        for callback in due:
            callback()


senders_by_round = st.lists(st.lists(st.sampled_from("abcdef"), max_size=12), max_size=8)


@given(senders_by_round)
def test_a_round_is_bounded_and_every_connection_is_served_once(rounds: list[list[str]]) -> None:
    """At once or later, and those of one sender in their order."""
    loop = FakeLoop()
    scheduler = RoundRobinScheduler(loop, PER_ROUND)
    served: list[tuple[str, int]] = []
    number = 0
    for senders in rounds:
        before = len(served)
        loop.run_round()
        for sender in senders:
            one = (sender, number)
            number += 1
            if scheduler.admit(sender, lambda one=one: served.append(one)):  # type: ignore[misc]
                served.append(one)
        assert len(served) - before <= PER_ROUND
    while loop.soon:
        loop.run_round()

    assert scheduler.waiting == 0
    assert sorted(served) == sorted(set(served))
    assert len(served) == number
    for sender in "abcdef":
        own = [one for one in served if one[0] == sender]
        assert own == sorted(own)


@given(st.integers(1, 200), st.integers(1, 9))
def test_a_sender_with_many_connections_delays_another_by_one_each(many: int, senders: int) -> None:
    """Another sender waits for one connection of each, however many they have queued."""
    loop = FakeLoop()
    scheduler = RoundRobinScheduler(loop, PER_ROUND)
    served: Counter[str] = Counter()

    def request(sender: str) -> None:
        if scheduler.admit(sender, lambda: served.update([sender])):
            served[sender] += 1

    for number in range(many):
        request(str(number % senders))
    request("other")

    for _ in range(1 + senders // PER_ROUND):
        loop.run_round()
    assert served["other"] == 1


def test_an_idle_scheduler_schedules_no_round() -> None:
    """The loop may sleep once every connection was served."""
    loop = FakeLoop()
    scheduler = RoundRobinScheduler(loop, PER_ROUND)
    assert scheduler.admit("a", lambda: None)

    loop.run_round()

    assert not loop.soon
