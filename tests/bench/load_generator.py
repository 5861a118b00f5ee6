"""A load generator: requests on many connections at once, as fast as the server answers."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import uvloop

_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(slots=True)
class Responses:
    """The responses: how many, by status, and how soon (in seconds)."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds


def request_bytes(body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        "POST /events HTTP/1.1",
        "host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEADERS + body


def generate_load(
    port: int,
    request: Callable[[int], bytes],
    *,
    connections: int,
    warm_up: float,
    seconds: float,
) -> Responses:
    """Send requests on each connection, one after the other; `request` makes the n-th of all.

    What is answered during the warm-up (in seconds) is not counted.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_generate_load(port, request, connections, warm_up, seconds))


async def _generate_load(
    port: int,
    request: Callable[[int], bytes],
    connections: int,
    warm_up: float,
    seconds: float,
) -> Responses:
    responses = Responses(seconds=seconds)
    numbers = itertools.count()
    begin = monotonic() + warm_up
    loop = asyncio.get_running_loop()
    opened: Sequence[_Connection] = [
        (
            await loop.create_connection(
                lambda: _Connection(request, numbers, responses, begin, begin + seconds),
                "127.0.0.1",
                port,
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    return responses


class _Connection(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(
        self,
        request: Callable[[int], bytes],
        numbers: itertools.count[int],
        responses: Responses,
        begin: float,
        end: float,
    ) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._numbers = numbers
        self._responses = responses
        self._begin = begin
        self._end = end
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(_END_OF_HEADERS)
        if not found:
            return
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        now = monotonic()
        if self._begin <= now < self._end:
            self._responses.statuses[int(head[9:12])] += 1
            self._responses.waits.append(now - self._sent)
        self._answer = b""
        if now < self._end:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _send(self) -> None:
        request = self._request(next(self._numbers))
        self._sent = monotonic()
        self._transport.write(request)
