"""One POST over HTTP, bounded in time and in what is read of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import requests
from requests.exceptions import RequestException

from boundary.http_requests import confine
from boundary.showing import one_line
from operations.client.gateway_answer import GatewayAwayError

__all__ = ["GatewayReply", "HttpPost", "PostRequest"]

MOST_ANSWERED: Final = 4 * 1024 * 1024
"""More than the gateway ever says of 500 events."""
_PART: Final = 64 * 1024


class GatewayReply(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PostRequest(Protocol):
    """Posts a body to an address."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> GatewayReply:
        """Return the answer. Raises GatewayAwayError where none came."""

    def close(self) -> None:
        """Let go of the connection."""


class HttpPost:
    """Posts over one connection that is kept; follows no redirection, which would lose the body."""

    def __init__(self, *, connect_seconds: float, answer_seconds: float) -> None:
        self._timeouts = connect_seconds, answer_seconds
        self._session: Any = requests.Session()

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> GatewayReply:
        """Return the answer. Raises GatewayAwayError where none came."""
        # `operations.client.gateway` asked when the address was given what may be sent there.
        confine(self._session, url, secret=False)
        try:
            with self._session.post(
                url,
                data=body,
                headers=headers,
                timeout=self._timeouts,
                stream=True,
            ) as answer:
                content = bytearray()
                for part in answer.iter_content(_PART):
                    content += part
                    if len(content) > MOST_ANSWERED:
                        break
                return GatewayReply(answer.status_code, answer.headers, bytes(content))
        except (RequestException, OSError) as error:
            raise GatewayAwayError(url, cause=_readable(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()


def _readable(error: BaseException) -> str:
    """The innermost thing that happened: requests and urllib3 wrap it several times."""
    innermost = error
    while (cause := innermost.__cause__ or innermost.__context__) is not None:
        innermost = cause
    text = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
    return one_line(str(text))
