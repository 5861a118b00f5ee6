"""Remembers the signed requests that were let in, so that one sent again costs its owner nothing.

Whoever overhears a signed request can send it again as long as its timestamp holds. Its producer
does so too, where an answer was lost. Both are given the first answer.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Self

from gateway.authentication import Proof
from gateway.http_binding import HttpMode

__all__ = ["REPEAT_HEADER", "RETRY_SECONDS", "PendingAnswer", "Repeat", "Repeats", "StoredAnswer"]

REPEAT_HEADER: Final = "idempotent-replayed"
"""Says of an answer that it was given before, to the same signed request."""
MOST_REQUESTS: Final = 100_000
"""Remembered of one producer; beyond it the oldest are forgotten (125 bytes each, about)."""
MOST_ANSWERED: Final = 2 * 1024 * 1024
"""Bytes of answers kept of one producer; beyond it the oldest are dropped."""
RETRY_SECONDS: Final = 5
"""How long an answer is repeated that is not the last word, until the request is tried again."""

_FINGERPRINT_BYTES: Final = 16
_SHORT: Final = 512
"""An answer of fewer bytes is not compressed."""
_OVERHEAD: Final = 512
"""Bytes that an answer takes besides its body, about."""


class StoredAnswer(NamedTuple):
    """What was answered to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_final: bool
    """False where the same request may come to another end later."""


class Repeats:
    """The requests of each producer, while their signatures hold; `now` is the clock, aware.

    What holds: each process remembers its own requests, until it ends. A request costs its producer
    once in each.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        most_requests: int = MOST_REQUESTS,
        most_answered: int = MOST_ANSWERED,
    ) -> None:
        self._now = now
        self._most_requests = most_requests
        self._most_answered = most_answered
        self._of: dict[str, _Memory] = {}

    def enter(self, proof: Proof, mode: HttpMode) -> PendingAnswer | Repeat:
        """Give a request its turn, or say that it came before in this mode.

        The mode is not signed, and decides on the answer: the same bytes have a turn in each, and
        are charged once in all. A request whose answer was not the last word has its turn again
        after RETRY_SECONDS.
        """
        memory = self._of.get(proof.producer)
        if memory is None:
            memory = self._of[proof.producer] = _Memory(self._most_requests, self._most_answered)
        now = self._now().timestamp()
        memory.forget_before(now)
        fingerprint = proof.fingerprint[:_FINGERPRINT_BYTES]
        key = fingerprint + mode.encode()
        running = memory.running.get(key)
        if running is not None or memory.is_settled(key, now):
            return Repeat(memory, key, running)
        is_charged = any(fingerprint + other.encode() in memory.seen for other in HttpMode)
        return PendingAnswer(memory, key, proof.holds_until, self._now, is_charged=is_charged)


class PendingAnswer:
    """A request that is being answered; a context manager.

    Only what was charged is remembered: all else costs nothing when it is sent again.
    """

    def __init__(
        self,
        memory: _Memory,
        key: bytes,
        holds_until: float,
        now: Callable[[], datetime],
        *,
        is_charged: bool,
    ) -> None:
        self.is_charged = is_charged
        """Whether the request was charged at an earlier try."""
        self._memory = memory
        self._key = key
        self._holds_until = holds_until
        self._now = now
        self._answer: StoredAnswer | None = None
        self._running = memory.running[key] = asyncio.get_running_loop().create_future()

    def charged(self) -> None:
        """Take note that the request was charged, now or earlier."""
        self._memory.remember(self._key, self._holds_until)

    def end(self, answer: StoredAnswer) -> None:
        """Take note of what was answered."""
        self._answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._key in self._memory.seen:
            again_at = self._now().timestamp() + RETRY_SECONDS
            self._memory.keep(self._key, self._answer, again_at=again_at)
        del self._memory.running[self._key]
        self._running.set_result(self._answer)


class Repeat:
    """A request that came before."""

    def __init__(
        self, memory: _Memory, key: bytes, running: asyncio.Future[StoredAnswer | None] | None
    ) -> None:
        self._memory = memory
        self._key = key
        self._running = running

    async def answer(self) -> StoredAnswer | None:
        """Return what was answered, once it is; None where it is no longer kept."""
        if self._running is not None:
            # Who gives up waiting does not end it for the others.
            return await asyncio.shield(self._running)
        return self._memory.answer(self._key)


class _Memory:
    """What is remembered of one producer, by fingerprint and mode."""

    def __init__(self, most_requests: int, most_answered: int) -> None:
        self._most_requests = most_requests
        self._most_answered = most_answered
        self.seen: dict[bytes, float] = {}
        """Until when each signature holds, in seconds since 1970."""
        self._order: deque[bytes] = deque()
        """The oldest of these first: a dictionary is slow to tell its first entry."""
        self.running: dict[bytes, asyncio.Future[StoredAnswer | None]] = {}
        self._again_at: dict[bytes, float] = {}
        """When a request may be tried again whose answer was not the last word."""
        self._answers: OrderedDict[bytes, StoredAnswer] = OrderedDict()
        self._answered = 0

    def is_settled(self, key: bytes, now: float) -> bool:
        """Whether a request has an answer that still holds."""
        return key in self.seen and self._again_at.get(key, now + 1) > now

    def remember(self, key: bytes, holds_until: float) -> None:
        """Remember a request as long as its signature holds."""
        if key in self.seen:
            return
        self.seen[key] = holds_until
        self._order.append(key)
        while len(self._order) > self._most_requests:
            self._forget_oldest()

    def keep(self, key: bytes, answer: StoredAnswer | None, *, again_at: float) -> None:
        """Keep an answer; None: there was none, and the request may come again."""
        self._drop(key)
        self._again_at.pop(key, None)
        if answer is None or not answer.is_final:
            self._again_at[key] = again_at if answer is not None else 0.0
        if answer is None:
            return
        if len(answer.body) >= _SHORT:
            answer = answer._replace(body=zlib.compress(answer.body, 1))
        self._answers[key] = answer
        self._answered += len(answer.body) + _OVERHEAD
        while self._answered > self._most_answered:
            self._drop(next(iter(self._answers)))

    def answer(self, key: bytes) -> StoredAnswer | None:
        """Return what was answered; None where it is no longer kept."""
        kept = self._answers.get(key)
        if kept is not None and kept.body.startswith(_PACKED):
            return kept._replace(body=zlib.decompress(kept.body))
        return kept

    def forget_before(self, now: float) -> None:
        """Forget the oldest requests whose signatures hold no more."""
        while self._order and self.seen[self._order[0]] < now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        key = self._order.popleft()
        del self.seen[key]
        self._again_at.pop(key, None)
        self._drop(key)

    def _drop(self, key: bytes) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._answered -= len(answer.body) + _OVERHEAD


_PACKED: Final = b"\x78\x01"
"""What zlib begins with at the lowest level; an answer is JSON, which does not."""
