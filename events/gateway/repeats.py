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

from events.gateway.authentication import Proof

__all__ = ["REPEAT_HEADER", "RETRY_SECONDS", "Answer", "Repeat", "Repeats", "Turn"]

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


class Answer(NamedTuple):
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

    def enter(self, proof: Proof) -> Turn | Repeat:
        """Give a request its turn, or say that it came before.

        One whose answer was not the last word has its turn again after RETRY_SECONDS, and is
        charged no more.
        """
        memory = self._of.get(proof.producer)
        if memory is None:
            memory = self._of[proof.producer] = _Memory(self._most_requests, self._most_answered)
        now = self._now().timestamp()
        memory.forget_before(now)
        fingerprint = proof.fingerprint[:_FINGERPRINT_BYTES]
        running = memory.running.get(fingerprint)
        if running is not None or memory.is_settled(fingerprint, now):
            return Repeat(memory, fingerprint, running)
        return Turn(memory, fingerprint, proof.holds_until, self._now)


class Turn:
    """A request that is being answered; a context manager.

    Only what was charged is remembered: all else costs nothing when it is sent again.
    """

    def __init__(
        self,
        memory: _Memory,
        fingerprint: bytes,
        holds_until: float,
        now: Callable[[], datetime],
    ) -> None:
        self._memory = memory
        self._fingerprint = fingerprint
        self._holds_until = holds_until
        self._now = now
        self._answer: Answer | None = None
        self._running = memory.running[fingerprint] = asyncio.get_running_loop().create_future()

    @property
    def is_charged(self) -> bool:
        """Whether the request was charged, now or at an earlier try."""
        return self._fingerprint in self._memory.seen

    def charged(self) -> None:
        """Take note that the request was charged."""
        self._memory.remember(self._fingerprint, self._holds_until)

    def end(self, answer: Answer) -> None:
        """Take note of what was answered."""
        self._answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_charged:
            again_at = self._now().timestamp() + RETRY_SECONDS
            self._memory.keep(self._fingerprint, self._answer, again_at=again_at)
        del self._memory.running[self._fingerprint]
        self._running.set_result(self._answer)


class Repeat:
    """A request that came before."""

    def __init__(
        self, memory: _Memory, fingerprint: bytes, running: asyncio.Future[Answer | None] | None
    ) -> None:
        self._memory = memory
        self._fingerprint = fingerprint
        self._running = running

    async def answer(self) -> Answer | None:
        """Return what was answered, once it is; None where it is no longer kept."""
        if self._running is not None:
            # Who gives up waiting does not end it for the others.
            return await asyncio.shield(self._running)
        return self._memory.answer(self._fingerprint)


class _Memory:
    """What is remembered of one producer."""

    def __init__(self, most_requests: int, most_answered: int) -> None:
        self._most_requests = most_requests
        self._most_answered = most_answered
        self.seen: dict[bytes, float] = {}
        """Until when each signature holds, in seconds since 1970."""
        self._order: deque[bytes] = deque()
        """The oldest of these first: a dictionary is slow to tell its first entry."""
        self.running: dict[bytes, asyncio.Future[Answer | None]] = {}
        self._again_at: dict[bytes, float] = {}
        """When a request may be tried again whose answer was not the last word."""
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._answered = 0

    def is_settled(self, fingerprint: bytes, now: float) -> bool:
        """Whether a request has an answer that still holds."""
        return fingerprint in self.seen and self._again_at.get(fingerprint, now + 1) > now

    def remember(self, fingerprint: bytes, holds_until: float) -> None:
        """Remember a request as long as its signature holds."""
        if fingerprint in self.seen:
            return
        self.seen[fingerprint] = holds_until
        self._order.append(fingerprint)
        while len(self._order) > self._most_requests:
            self._forget_oldest()

    def keep(self, fingerprint: bytes, answer: Answer | None, *, again_at: float) -> None:
        """Keep an answer; None: there was none, and the request may come again."""
        self._drop(fingerprint)
        self._again_at.pop(fingerprint, None)
        if answer is None or not answer.is_final:
            self._again_at[fingerprint] = again_at if answer is not None else 0.0
        if answer is None:
            return
        if len(answer.body) >= _SHORT:
            answer = answer._replace(body=zlib.compress(answer.body, 1))
        self._answers[fingerprint] = answer
        self._answered += len(answer.body) + _OVERHEAD
        while self._answered > self._most_answered:
            self._drop(next(iter(self._answers)))

    def answer(self, fingerprint: bytes) -> Answer | None:
        """Return what was answered; None where it is no longer kept."""
        kept = self._answers.get(fingerprint)
        if kept is not None and kept.body.startswith(_PACKED):
            return kept._replace(body=zlib.decompress(kept.body))
        return kept

    def forget_before(self, now: float) -> None:
        """Forget the oldest requests whose signatures hold no more."""
        while self._order and self.seen[self._order[0]] < now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        fingerprint = self._order.popleft()
        del self.seen[fingerprint]
        self._again_at.pop(fingerprint, None)
        self._drop(fingerprint)

    def _drop(self, fingerprint: bytes) -> None:
        answer = self._answers.pop(fingerprint, None)
        if answer is not None:
            self._answered -= len(answer.body) + _OVERHEAD


_PACKED: Final = b"\x78\x01"
"""What zlib begins with at the lowest level; an answer is JSON, which does not."""
