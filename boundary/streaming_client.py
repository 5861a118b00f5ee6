"""A long-polling HTTP client that reads lines, within bounds; it may send a secret."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Final, NamedTuple, Self

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    StreamReader,
    TCPConnector,
)

from boundary.addresses import usable_address
from boundary.terminal import one_line

CONNECT_SECONDS: Final = 5.0
MOST_BYTES: Final = 64 * 1024 * 1024
_PART_BYTES: Final = 64 * 1024


class StreamedResponse(NamedTuple):
    """A server's answer, whatever its status."""

    status: int
    lines: AsyncIterator[bytes]
    """The lines of its body as they arrive, without line ends."""


class NoResponseError(Exception):
    """No answer came; the message is the reason in one line."""


class StreamingClient(AbstractAsyncContextManager["StreamingClient"]):
    """Sends GET requests from one event loop, without redirects or a proxy."""

    def __init__(self, *, tls: ssl.SSLContext | None, plain_http: bool = False) -> None:
        """`tls` has the authorities of servers; None for those of this machine."""
        self._tls = tls or ssl.create_default_context()
        self._plain_http = plain_http
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open it, in the loop that sends its requests."""
        self._session = ClientSession(connector=TCPConnector(limit=0), trust_env=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def get(
        self,
        url: str,
        *,
        query: Mapping[str, str],
        seconds: float,
        token: str | None = None,
        server_name: str | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> AsyncIterator[StreamedResponse]:
        """Send one request, whose answer may take `seconds`, and yield the answer.

        If given, the server's certificate must have `server_name` instead of the address's host.
        Raises NoResponseError, and UnusableAddressError if a token would be sent unencrypted.
        """
        parts = usable_address(url, secret=token is not None, plain_http=self._plain_http)
        assert self._session is not None, "open it first"  # noqa: S101 - a mistake of the caller
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.get(
                url,
                params=query,
                headers=headers,
                ssl=self._tls,
                server_hostname=server_name if parts.scheme == "https" else None,
                allow_redirects=False,
                timeout=ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
            ) as response:
                yield StreamedResponse(response.status, _lines(response.content, most_bytes))
        except TimeoutError as error:
            raise NoResponseError(f"no answer within {seconds:g} s") from error
        except (ClientError, OSError, ValueError) as error:
            raise NoResponseError(_cause(error)) from error


async def _lines(content: StreamReader, most_bytes: int) -> AsyncIterator[bytes]:
    """Yield the lines of a body. Raises NoResponseError where it has too many bytes."""
    count, begun = 0, bytearray()
    async for part in content.iter_chunked(_PART_BYTES):
        count += len(part)
        if count > most_bytes:
            raise NoResponseError(f"the answer has more than {most_bytes} bytes")
        first, *others = part.split(b"\n")
        begun += first
        if others:
            yield bytes(begun)
            for line in others[:-1]:
                yield line
            begun = bytearray(others[-1])
    if begun:
        yield bytes(begun)


def _cause(error: BaseException) -> str:
    if isinstance(error, ClientConnectorCertificateError):
        return f"its certificate is not trusted ({one_line(str(error.certificate_error))})"
    if isinstance(error, ClientConnectorError):
        number = error.os_error.errno
        # asyncio's text has the address, not the reason; name resolution has its own numbers.
        return one_line(os.strerror(number) if number and number > 0 else str(error.os_error))
    return one_line(str(error)) or type(error).__name__
