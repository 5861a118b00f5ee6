"""Requests that may carry a secret: straight to the address that was given, and nowhere else.

No redirect is followed: whoever answers at an address must not choose who is told the secret. No
proxy is between this machine and itself, nor on a way that is not encrypted.
"""

from __future__ import annotations

import os
from http.client import HTTPException
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from boundary.addresses import is_loopback, usable_address
from boundary.showing import one_line

if TYPE_CHECKING:
    from email.message import Message
    from http.client import HTTPResponse
    from typing import IO

    import requests

__all__ = ["HttpAnswer", "NoAnswerError", "ask", "confine", "trusted_authorities"]

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of an answer no more is read, whoever gives it; a worker's metrics are some megabytes."""


class HttpAnswer(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    body: bytes


class NoAnswerError(Exception):
    """Nobody answered; `cause` says why, in one legible line."""

    def __init__(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, URLError) else error
        self.cause = one_line(str(reason)) or type(error).__name__
        super().__init__(self.cause)


def ask(
    url: str,
    *,
    seconds: float,
    token: str | None = None,
    plain_http: bool = False,
    most_bytes: int = MOST_BYTES,
) -> HttpAnswer:
    """Get what is at an address, by whatever status; never over a proxy, nor from anywhere else.

    A `token` is sent as `Authorization: Bearer`; `plain_http` as `usable_address` has it. The time
    is for each step of the network. Raises UnusableAddressError and NoAnswerError.
    """
    usable_address(url, secret=token is not None, plain_http=plain_http, query=True)
    request = Request(url)  # noqa: S310 - of http or https: it was just looked at
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    opener = build_opener(ProxyHandler({}), _StaysThere)
    try:
        with opener.open(request, timeout=seconds) as answer:
            return HttpAnswer(answer.status, answer.headers, answer.read(most_bytes))
    except HTTPError as error:
        with error:
            return HttpAnswer(error.code, error.headers, _read(error, most_bytes))
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswerError(error) from error


def confine(
    session: requests.Session, url: str, *, secret: bool = True, plain_http: bool = False
) -> None:
    """Make a session of requests' fit to carry a secret to an address, in each request from now on.

    It takes a redirect for the answer that it is, reads no ~/.netrc, and takes the environment's
    proxy only for https to another machine, where the proxy sees no more than the
    host's name. Raises UnusableAddressError.
    """
    # Heavy, and wanted where a session is already.
    from requests.utils import get_environ_proxies  # noqa: PLC0415

    parts = usable_address(url, secret=secret, plain_http=plain_http)
    is_far = parts.scheme == "https" and not is_loopback(parts.hostname or "")
    session.trust_env = False
    # Its own switch is one of each request, which a library makes.
    session.get_redirect_target = _nowhere  # type: ignore[method-assign, assignment]
    session.verify = trusted_authorities()
    session.proxies = dict(get_environ_proxies(url)) if is_far else {}


def trusted_authorities() -> str | bool:
    """Return the PEM file of authorities that the environment names; True: the public ones."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _nowhere(_: object) -> None:
    """Where a redirect leads, as a session asks it."""


class _StaysThere(HTTPRedirectHandler):
    """Takes a redirect for the answer that it is."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow nothing."""


def _read(answer: HTTPError | HTTPResponse, most_bytes: int) -> bytes:
    try:
        return answer.read(most_bytes)
    except (OSError, HTTPException) as error:
        raise NoAnswerError(error) from error
