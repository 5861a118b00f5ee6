"""Round-robin scheduling of connections: whose bytes are processed next."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Protocol


class _Loop(Protocol):
    def call_soon(self, callback: Callable[[], None]) -> Any: ...  # noqa: ANN401 - the loop's


class RoundRobinScheduler:
    """Admits `per_round` connections in each round of the event loop, round-robin by sender.

    An event loop serves every connection that is readable in each round. A sender with many busy
    connections makes a round arbitrarily long, and a request of anybody else takes several rounds.
    Here a round has a bounded number of connections. Those that are queued are taken one per sender
    in turn, however many connections a sender has. Each operation takes constant time.
    """

    def __init__(self, loop: _Loop, per_round: int) -> None:
        """Take the loop whose rounds count."""
        self.waiting = 0
        """Number of queued callbacks."""
        self._loop = loop
        self._per_round = per_round
        self._left = per_round
        self._queues: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()
        self._is_scheduled = False

    def admit(self, sender: str, callback: Callable[[], None]) -> bool:
        """Return True where a sender's connection may proceed now; else queue `callback`."""
        if self._left and not self.waiting:
            self._left -= 1
            self._schedule_round()
            return True
        self.enqueue(sender, callback)
        return False

    def enqueue(self, sender: str, callback: Callable[[], None]) -> None:
        """Call `callback` in a later round, in the sender's turn."""
        queue = self._queues.get(sender)
        if queue is None:
            queue = self._queues[sender] = deque()
        queue.append(callback)
        self.waiting += 1
        self._schedule_round()

    def _schedule_round(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._run_round)

    def _run_round(self) -> None:
        self._is_scheduled = False
        self._left = self._per_round
        if not self.waiting:
            return
        self._schedule_round()
        while self._left and self.waiting:
            sender, queue = self._queues.popitem(last=False)
            callback = queue.popleft()
            if queue:
                self._queues[sender] = queue
            self._left -= 1
            self.waiting -= 1
            callback()
