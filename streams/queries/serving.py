"""The worker's route /histories: what changed since a position, as soon as something did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from aiohttp import web

from boundary.addresses import is_loopback, names_loopback
from boundary.serving import MetricsGuard
from streams.queries.format import PATH
from streams.queries.telling import OwnershipChangedError, Teller

logger = logging.getLogger(__name__)

CHALLENGE: Final = 'Bearer realm="histories"'
#: Requests that wait at the same moment; each reader has one. Further ones are refused.
MOST_WAITING: Final = 32
#: The longest wait that a request may ask for.
LONGEST_WAIT_SECONDS: Final = 30.0
#: How often ownership is looked at while requests wait: nothing tells of its changes.
LOOK_SECONDS: Final = 0.25
_POSITION_LETTERS: Final = 100
_LEAST_COMPRESSED: Final = 1024


class HistoriesRoute:
    """Answers requests for /histories in the event loop that changes the states."""

    def __init__(
        self,
        teller: Teller,
        guard: MetricsGuard,
        *,
        host: str,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Without a token in the `guard`, only a loopback `host` answers, asked by its name."""
        self._teller = teller
        self._guard = guard
        self._is_open = guard.file is not None or is_loopback(host)
        self._timer = timer
        self._waiting = 0
        self._is_ending = False
        self._changed = asyncio.Event()

    def extend(self, app: web.Application) -> None:
        """Add the route to an application."""
        app.router.add_get(PATH, self._answer)
        app.on_shutdown.append(self._end)

    def wake(self) -> None:
        """Look at once whether something changed: a batch was applied."""
        self._changed.set()

    async def _end(self, _: web.Application) -> None:
        """Answer those that wait: a server that stops waits for them."""
        self._is_ending = True
        self.wake()

    async def _answer(self, request: web.Request) -> web.Response:
        if not self._is_open:
            # They have exact numbers of persons.
            return web.Response(status=403, text="histories need a token: docs/histories.md\n")
        if self._guard.file is None and not names_loopback(request.headers.get("Host", "")):
            return web.Response(status=403, text="without a token, ask 127.0.0.1 or localhost\n")
        if not self._guard.admits(request.headers.get("Authorization")):
            return web.Response(status=401, headers={"WWW-Authenticate": CHALLENGE})
        position = request.query.get("since") or None
        seconds = _seconds(request.query.get("wait", "0"))
        if seconds is None or len(position or "") > _POSITION_LETTERS:
            text = "wait is a number of seconds, since a position of an answer"
            return web.Response(status=400, text=text)
        if seconds and position == self._teller.position():
            if self._waiting >= MOST_WAITING:
                logger.warning("histories refused: %d requests wait", self._waiting)
                return web.Response(status=503, headers={"Retry-After": "1"})
            self._waiting += 1
            try:
                await self._wait(position, seconds)
            finally:
                self._waiting -= 1
        body = await self._body(position)
        response = web.Response(
            body=body, content_type="application/x-ndjson", zlib_executor_size=_LEAST_COMPRESSED
        )
        response.headers["Cache-Control"] = "no-store"
        if len(body) >= _LEAST_COMPRESSED:
            response.enable_compression()
        return response

    async def _body(self, position: str | None) -> bytes:
        """Return an answer whole, so that none ends with partitions of another owner."""
        while True:
            parts = []
            try:
                for part in self._teller.answer(position):
                    parts.append(part)
                    # Others have their turn between two partitions: the batches, and /metrics.
                    await asyncio.sleep(0)
            except OwnershipChangedError:
                continue
            return b"".join(parts)

    async def _wait(self, position: str, seconds: float) -> None:
        until = self._timer() + seconds
        while (left := until - self._timer()) > 0:
            self._changed.clear()
            if self._is_ending or self._teller.position() != position:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, LOOK_SECONDS))
            except TimeoutError:
                continue


def _seconds(text: str) -> float | None:
    """Return the wait that a request asks for, at most the longest; None where it is no number."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text[:6]), LONGEST_WAIT_SECONDS)
