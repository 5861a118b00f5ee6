"""Whose bytes are looked at next, where more have come than the event loop can look at at once."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Turns"]


class _Loop(Protocol):
    def call_soon(self, callback: Callable[[], None]) -> Any: ...  # noqa: ANN401 - the loop's


class Turns:
    """Lets `at_once` connections go on in each round of the event loop, and the senders in turn.

    An event loop asks every connection that has sent something in each round: whoever has many of
    them, and keeps them busy, makes a round as long as it likes, and a request of anybody else
    takes several rounds. Here a round has a bounded number of them, and of the next rounds each
    sender has one in turn, however many connections it has. Each operation takes constant time.
    """

    def __init__(self, loop: _Loop, at_once: int) -> None:
        """Take the loop whose rounds count."""
        self.waiting = 0
        """How many wait for their turn."""
        self._loop = loop
        self._at_once = at_once
        self._left = at_once
        self._lines: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()
        self._is_due = False

    def ask(self, sender: str, go_on: Callable[[], None]) -> bool:
        """Return True where a sender's connection may go on now; else it is called in its turn."""
        if self._left and not self.waiting:
            self._left -= 1
            self._begin_soon()
            return True
        self.line_up(sender, go_on)
        return False

    def line_up(self, sender: str, go_on: Callable[[], None]) -> None:
        """Call a sender's connection in its turn, in a later round."""
        line = self._lines.get(sender)
        if line is None:
            line = self._lines[sender] = deque()
        line.append(go_on)
        self.waiting += 1
        self._begin_soon()

    def _begin_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Begin a round."""
        self._is_due = False
        self._left = self._at_once
        if not self.waiting:
            return
        self._begin_soon()
        while self._left and self.waiting:
            sender, line = self._lines.popitem(last=False)
            go_on = line.popleft()
            if line:
                self._lines[sender] = line
            self._left -= 1
            self.waiting -= 1
            go_on()
