"""Idempotency of signed requests: a repeated one gets the first answer, and is not charged.

An attacker who intercepts a signed request can replay it while its timestamp is valid. Its producer
sends it again if an answer was lost. Both get the first answer.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Self

from gateway.authentication import Proof
from gateway.http_binding import HttpMode

REPLAYED_HEADER: Final = "idempotent-replayed"
"""Marks an answer that the same signed request has had before."""
MAX_REQUESTS: Final = 100_000
"""Requests kept for one producer, about 200 bytes each; beyond that the oldest are dropped."""
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024
"""Bytes of answers kept for one producer; beyond that the oldest are dropped."""
RETRY_SECONDS: Final = 5
"""Seconds for which an answer that is not final is repeated; then the request is tried again."""

_FINGERPRINT_BYTES: Final = 16
_OVERHEAD: Final = 512
"""Roughly the bytes that an answer takes besides its body."""


class StoredAnswer(NamedTuple):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_final: bool
    """False if the same request may have another outcome later."""


class IdempotencyStore:
    """The signed requests of each producer while their signatures are valid.

    `now` is the clock, in aware times. The store is in memory: each gateway process keeps its own
    requests, and charges each of them once.
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
        self._requests: dict[str, _ProducerRequests] = {}

    def begin(self, proof: Proof, mode: HttpMode) -> SignedRequest:
        """Return a request, which is a repeat if it was received before in the same mode.

        The mode is not signed: with another one, the same bytes are another request, which is not
        charged again.
        """
        requests = self._requests.setdefault(
            proof.producer,
            _ProducerRequests(self._now, self._max_requests, self._max_answer_bytes),
        )
        requests.drop_expired()
        return SignedRequest(requests, proof, mode)


class SignedRequest:
    """A signed request; unless it is a repeat, a context in which it is answered.

    Only a charged request is kept: any other may be sent again as if it were new.
    """

    def __init__(self, requests: _ProducerRequests, proof: Proof, mode: HttpMode) -> None:
        fingerprint = proof.fingerprint[:_FINGERPRINT_BYTES]
        self._requests = requests
        self._key = fingerprint + mode.encode()
        self._valid_until = proof.valid_until
        self._first = requests.pending.get(self._key)
        self._answer: StoredAnswer | None = None
        self.is_repeat = self._first is not None or requests.is_answered(self._key)
        self.is_charged = any(fingerprint + one.encode() in requests.kept for one in HttpMode)
        """Whether the request was charged, now or at an earlier attempt."""

    def __enter__(self) -> Self:
        self._requests.pending[self._key] = asyncio.get_running_loop().create_future()
        return self

    def __exit__(self, *_: object) -> None:
        if self._key in self._requests.kept:
            self._requests.store(self._key, self._answer)
        self._requests.pending.pop(self._key).set_result(self._answer)

    def mark_charged(self) -> None:
        """Keep the request: it was charged, now or earlier."""
        self.is_charged = True
        self._requests.keep(self._key, self._valid_until)

    def store(self, answer: StoredAnswer) -> None:
        """Keep the answer."""
        self._answer = answer

    async def first_answer(self) -> StoredAnswer | None:
        """Return the answer to the original request once there is one; None if it was dropped."""
        if self._first is not None:
            # A client that stops waiting does not end it for the others.
            return await asyncio.shield(self._first)
        return self._requests.answer(self._key)


class _ProducerRequests:
    """The requests of one producer and their answers, by fingerprint and mode."""

    def __init__(
        self, now: Callable[[], datetime], max_requests: int, max_answer_bytes: int
    ) -> None:
        self._now = now
        self._max_requests = max_requests
        self._max_answer_bytes = max_answer_bytes
        self.kept: OrderedDict[bytes, float] = OrderedDict()
        """When the signature of each request expires, in seconds since 1970; the oldest first."""
        self.pending: dict[bytes, asyncio.Future[StoredAnswer | None]] = {}
        self._retry_at: dict[bytes, float] = {}
        """When a request without a final answer may be tried again."""
        self._answers: OrderedDict[bytes, StoredAnswer] = OrderedDict()
        """With compressed bodies."""
        self._answer_bytes = 0

    def is_answered(self, key: bytes) -> bool:
        """Return True if a request has an answer that must still be repeated."""
        now = self._now().timestamp()
        return key in self.kept and self._retry_at.get(key, now + 1) > now

    def keep(self, key: bytes, valid_until: float) -> None:
        """Keep a request until its signature expires."""
        self.kept.setdefault(key, valid_until)
        while len(self.kept) > self._max_requests:
            self._drop_oldest()

    def store(self, key: bytes, answer: StoredAnswer | None) -> None:
        """Keep an answer; None if there was none: the request may be sent again at once."""
        self._drop_answer(key)
        if answer is None:
            self._retry_at[key] = 0.0
            return
        if not answer.is_final:
            self._retry_at[key] = self._now().timestamp() + RETRY_SECONDS
        self._answers[key] = answer._replace(body=zlib.compress(answer.body, 1))
        self._answer_bytes += _size_of(self._answers[key])
        while self._answer_bytes > self._max_answer_bytes:
            self._answer_bytes -= _size_of(self._answers.popitem(last=False)[1])

    def answer(self, key: bytes) -> StoredAnswer | None:
        """Return the answer; None if it is no longer kept."""
        kept = self._answers.get(key)
        return kept and kept._replace(body=zlib.decompress(kept.body))

    def drop_expired(self) -> None:
        """Drop the oldest requests whose signatures have expired."""
        now = self._now().timestamp()
        while self.kept and next(iter(self.kept.values())) < now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        key, _ = self.kept.popitem(last=False)
        self._drop_answer(key)

    def _drop_answer(self, key: bytes) -> None:
        self._retry_at.pop(key, None)
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._answer_bytes -= _size_of(answer)


def _size_of(answer: StoredAnswer) -> int:
    return len(answer.body) + _OVERHEAD
