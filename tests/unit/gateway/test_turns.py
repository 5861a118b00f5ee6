"""Turns: a round has a bounded number of them, and each sender has its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.turns import Turns

AT_ONCE = 3


class Rounds:
    """An event loop whose rounds go by when the test says so."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Note what is to be done in the next round."""
        self.soon.append(callback)

    def pass_by(self) -> None:
        """Let a round go by."""
        due, self.soon = self.soon, []
        for callback in due:
            callback()


asked = st.lists(st.lists(st.sampled_from("abcdef"), max_size=12), max_size=8)


@given(asked)
def test_a_round_has_so_many_turns_and_everybody_gets_one(rounds: list[list[str]]) -> None:
    """Whatever comes: each goes on once, at once or later, and a sender's own in their order."""
    loop = Rounds()
    turns = Turns(loop, AT_ONCE)
    went_on: list[tuple[str, int]] = []
    number = 0
    for senders in rounds:
        before = len(went_on)
        loop.pass_by()
        for sender in senders:
            one = (sender, number)
            number += 1
            if turns.ask(sender, lambda one=one: went_on.append(one)):  # type: ignore[misc]
                went_on.append(one)
        assert len(went_on) - before <= AT_ONCE
    while loop.soon:
        loop.pass_by()

    assert turns.waiting == 0
    assert sorted(went_on) == sorted(set(went_on))
    assert len(went_on) == number
    for sender in "abcdef":
        own = [one for one in went_on if one[0] == sender]
        assert own == sorted(own)


@given(st.integers(1, 200), st.integers(1, 9))
def test_who_has_many_connections_has_one_turn_of_many(many: int, senders: int) -> None:
    """Another waits for one of each sender, however many they have in line."""
    loop = Rounds()
    turns = Turns(loop, AT_ONCE)
    went_on: Counter[str] = Counter()

    def ask(sender: str) -> None:
        if turns.ask(sender, lambda: went_on.update([sender])):
            went_on[sender] += 1

    for number in range(many):
        ask(str(number % senders))
    ask("other")

    for _ in range(1 + senders // AT_ONCE):
        loop.pass_by()
    assert went_on["other"] == 1


def test_nothing_is_done_where_nobody_asks() -> None:
    """The loop may rest once all have had their turn."""
    loop = Rounds()
    turns = Turns(loop, AT_ONCE)
    assert turns.ask("a", lambda: None)

    loop.pass_by()

    assert not loop.soon
