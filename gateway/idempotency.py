"""Idempotency of signed requests: one that is sent again gets the first answer, and is not charged.

An attacker who intercepts a signed request can replay it while its timestamp is valid. Its producer
sends it again where an answer was lost. Both get the first answer.
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

REPLAYED_HEADER: Final = "idempotent-replayed"
"""Marks an answer that was given before, to the same signed request."""
MAX_REQUESTS: Final = 100_000
"""Requests kept of one producer, about 125 bytes each; beyond it the oldest are dropped."""
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024
"""Bytes of answers kept of one producer; beyond it the oldest are dropped."""
RETRY_SECONDS: Final = 5
"""Seconds for which an answer is repeated that is not final; then the request is tried again."""

_FINGERPRINT_BYTES: Final = 16
_SHORT: Final = 512
"""Bytes from which on an answer is compressed."""
_OVERHEAD: Final = 512
"""About how many bytes an answer takes besides its body."""


class StoredAnswer(NamedTuple):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_final: bool
    """False where the same request may have another outcome later."""


class IdempotencyStore:
    """The signed requests of each producer while their signatures are valid; `now` is aware.

    It is in memory: each process of the gateway keeps its own requests, and charges a request once.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        max_requests: int = MAX_REQUESTS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._now = now
        self._max_requests = max_requests
        self._max_answer_bytes = max_answer_bytes
        self._requests_of: dict[str, _ProducerRequests] = {}

    def begin(self, proof: Proof, mode: HttpMode) -> PendingRequest | RepeatedRequest:
        """Return the request to be answered, or the repeated one where it came in this mode before.

        The mode is not signed and determines the answer: the same bytes are answered once in each
        mode, and charged once in all. A request whose answer was not final is answered again after
        RETRY_SECONDS.
        """
        requests = self._requests_of.get(proof.producer)
        if requests is None:
            requests = self._requests_of[proof.producer] = _ProducerRequests(
                self._max_requests, self._max_answer_bytes
            )
        now = self._now().timestamp()
        requests.drop_expired(now)
        fingerprint = proof.fingerprint[:_FINGERPRINT_BYTES]
        key = fingerprint + mode.encode()
        pending = requests.pending.get(key)
        if pending is not None or requests.is_answered(key, now):
            return RepeatedRequest(requests, key, pending)
        is_charged = any(fingerprint + other.encode() in requests.valid_until for other in HttpMode)
        return PendingRequest(requests, key, proof.valid_until, self._now, is_charged=is_charged)


class PendingRequest:
    """A request that is being answered; a context manager.

    Only a charged request is kept: any other may be sent again as if it were new.
    """

    def __init__(
        self,
        requests: _ProducerRequests,
        key: bytes,
        valid_until: float,
        now: Callable[[], datetime],
        *,
        is_charged: bool,
    ) -> None:
        self.is_charged = is_charged
        """Whether the request was charged at an earlier attempt."""
        self._requests = requests
        self._key = key
        self._valid_until = valid_until
        self._now = now
        self._answer: StoredAnswer | None = None
        self._answered = requests.pending[key] = asyncio.get_running_loop().create_future()

    def mark_charged(self) -> None:
        """Keep the request: it was charged, now or earlier."""
        self._requests.add(self._key, self._valid_until)

    def store(self, answer: StoredAnswer) -> None:
        """Keep the answer."""
        self._answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._key in self._requests.valid_until:
            retry_at = self._now().timestamp() + RETRY_SECONDS
            self._requests.keep(self._key, self._answer, retry_at=retry_at)
        del self._requests.pending[self._key]
        self._answered.set_result(self._answer)


class RepeatedRequest:
    """A request that was received before."""

    def __init__(
        self,
        requests: _ProducerRequests,
        key: bytes,
        pending: asyncio.Future[StoredAnswer | None] | None,
    ) -> None:
        self._requests = requests
        self._key = key
        self._answered = pending

    async def answer(self) -> StoredAnswer | None:
        """Return the first answer once there is one; None where it is no longer kept."""
        if self._answered is not None:
            # A client that stops waiting does not end it for the others.
            return await asyncio.shield(self._answered)
        return self._requests.answer(self._key)


class _ProducerRequests:
    """The requests of one producer and their answers, by fingerprint and mode."""

    def __init__(self, max_requests: int, max_answer_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_answer_bytes = max_answer_bytes
        self.valid_until: dict[bytes, float] = {}
        """When the signature of each request expires, in seconds since 1970."""
        self._order: deque[bytes] = deque()
        """The oldest of these first: finding a dictionary's first entry is slow after deletions."""
        self.pending: dict[bytes, asyncio.Future[StoredAnswer | None]] = {}
        self._retry_at: dict[bytes, float] = {}
        """When a request whose answer was not final may be tried again."""
        self._answers: OrderedDict[bytes, StoredAnswer] = OrderedDict()
        self._answer_bytes = 0

    def is_answered(self, key: bytes, now: float) -> bool:
        """Return True where a request has an answer that is still to be repeated."""
        return key in self.valid_until and self._retry_at.get(key, now + 1) > now

    def add(self, key: bytes, valid_until: float) -> None:
        """Keep a request until its signature expires."""
        if key in self.valid_until:
            return
        self.valid_until[key] = valid_until
        self._order.append(key)
        while len(self._order) > self._max_requests:
            self._drop_oldest()

    def keep(self, key: bytes, answer: StoredAnswer | None, *, retry_at: float) -> None:
        """Keep an answer; None: there was none, and the request may be sent again at once."""
        self._drop_answer(key)
        self._retry_at.pop(key, None)
        if answer is None or not answer.is_final:
            self._retry_at[key] = retry_at if answer is not None else 0.0
        if answer is None:
            return
        if len(answer.body) >= _SHORT:
            answer = answer._replace(body=zlib.compress(answer.body, 1))
        self._answers[key] = answer
        self._answer_bytes += len(answer.body) + _OVERHEAD
        while self._answer_bytes > self._max_answer_bytes:
            self._drop_answer(next(iter(self._answers)))

    def answer(self, key: bytes) -> StoredAnswer | None:
        """Return the answer; None where it is no longer kept."""
        kept = self._answers.get(key)
        if kept is not None and kept.body.startswith(_PACKED):
            return kept._replace(body=zlib.decompress(kept.body))
        return kept

    def drop_expired(self, now: float) -> None:
        """Drop the oldest requests whose signatures have expired."""
        while self._order and self.valid_until[self._order[0]] < now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        key = self._order.popleft()
        del self.valid_until[key]
        self._retry_at.pop(key, None)
        self._drop_answer(key)

    def _drop_answer(self, key: bytes) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._answer_bytes -= len(answer.body) + _OVERHEAD


_PACKED: Final = b"\x78\x01"
"""The first bytes of zlib's output at its lowest level; JSON begins otherwise."""
