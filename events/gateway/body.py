"""Reads a request's body within bounds: of one body, of its time, and of all bodies together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from starlette.requests import Request

from events.gateway.problems import ProblemError

__all__ = ["LARGEST_BODY", "BodyReader"]

LARGEST_BODY: Final = 1024 * 1024
MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of bodies in work at once; beyond it requests are told to come back."""
#: So much more is read and dropped, so that a client that sends all before it listens is answered.
DROPPED: Final = 7 * LARGEST_BODY
_CLOSE: Final = {"Connection": "close"}


class BodyReader:
    """Knows how much all requests hold together; `seconds` is the deadline of each body."""

    def __init__(self, *, seconds: float, most_held: int = MOST_HELD) -> None:
        self._seconds = seconds
        self._most_held = most_held
        self._held = 0

    @contextmanager
    def room_for(self, headers: Mapping[bytes, bytes]) -> Iterator[_Room]:
        """Give what reads one body, which counts as held until the context ends.

        Raises ProblemError (overloaded) where others hold too much already.
        """
        told = headers.get(b"content-length", b"")
        length = int(told) if told.isdigit() else None
        room = _Room(self, length)
        try:
            yield room
        finally:
            self._held -= room.held

    def hold(self, size: int) -> None:
        """Count bytes as held. Raises ProblemError (overloaded)."""
        if self._held + size > self._most_held:
            raise ProblemError(
                "overloaded",
                "nothing was taken: send it again later",
                headers={"Retry-After": "1", **_CLOSE},
            )
        self._held += size

    @property
    def seconds(self) -> float:
        """The deadline of a body."""
        return self._seconds


class _Room:
    """Reads one body."""

    def __init__(self, reader: BodyReader, length: int | None) -> None:
        self.held = 0
        self._reader = reader
        self._length = length

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises ProblemError: too large, too slow, or too much at once."""
        if self._length is not None and self._length > LARGEST_BODY + DROPPED:
            raise _too_large()
        try:
            async with asyncio.timeout(self._reader.seconds):
                return await self._collect(request)
        except TimeoutError:
            detail = f"the body did not come within {self._reader.seconds:g} seconds"
            raise ProblemError("slow_request", detail, headers=_CLOSE) from None

    async def _collect(self, request: Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_BODY + DROPPED:
                raise _too_large()
            if size > LARGEST_BODY:
                parts.clear()
                continue
            self._reader.hold(len(part))
            self.held += len(part)
            parts.append(part)
        if size > LARGEST_BODY:
            raise _too_large()
        return b"".join(parts)


def _too_large() -> ProblemError:
    return ProblemError(
        "body_too_large",
        f"body: is larger than {LARGEST_BODY} bytes: send fewer events at once",
        headers=_CLOSE,
        limit=LARGEST_BODY,
    )
