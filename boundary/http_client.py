"""The HTTP client: a request, and any secret in it, goes only to the given address.

It follows no redirect: a server must not choose who receives the secret next. It uses no proxy to
this machine itself, nor on an unencrypted connection.
"""

from __future__ import annotations

import os
import ssl
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from time import monotonic
from typing import Any, Final, NamedTuple

import requests
from pydantic_core import from_json
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError, Timeout
from requests.utils import get_environ_proxies

from boundary.addresses import is_loopback, usable_address
from boundary.errors import SmartRegionError
from boundary.terminal import one_line

MOST_BYTES: Final = 256 * 1024 * 1024
"""The limit of an answer; a worker's metrics are a few megabytes."""
LONGEST_RETRY_AFTER: Final = 24 * 60 * 60.0
STEPS_OF_AN_EXCHANGE: Final = 10
"""A whole exchange may take as long as this many network steps: otherwise a server that sends a
little in each step could hold up a command for ever."""
_PART_BYTES: Final = 64 * 1024


class HttpAnswer(NamedTuple):
    """A server's answer, whatever its status; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever was answered
        """Return the body's JSON, also after a byte order mark; None if it is not JSON."""
        try:
            return from_json(self.body.removeprefix(BOM_UTF8))
        except ValueError:
            return None

    def date(self, name: str) -> datetime | None:
        """Return the aware date in a header; None if it is missing or not a date."""
        try:
            moment = parsedate_to_datetime(self.headers.get(name, ""))
        except (TypeError, ValueError, OverflowError):
            return None
        # A date with -0000 is parsed without a zone.
        return moment if moment.tzinfo is not None else None

    def retry_after(self, *, now: datetime | None = None) -> float | None:
        """Return the seconds of `Retry-After` (RFC 9110, 10.2.3), at most a day; None without one.

        A date is relative to the answer's own Date, since the clocks of two machines differ;
        without one, to `now`, by default this machine's clock.
        """
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), LONGEST_RETRY_AFTER)
        until = self.date("Retry-After")
        if until is None:
            return None
        since = self.date("Date") or now or datetime.now(UTC)
        return min(max((until - since).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


class SlowAnswerError(SmartRegionError, TimeoutError):
    """The answer began but was not complete in time."""

    def __init__(self, *, seconds: float, received: int) -> None:
        self.seconds = seconds
        super().__init__(
            f"answer not complete within {seconds:g} s, {received} bytes received:"
            " check the server's load and the network, and try again"
        )


class NoAnswerError(Exception):
    """No answer came; `cause` is the reason in one legible line. The caller names the request.

    `seconds` is the deadline of an answer that began in time; None for other reasons.
    """

    def __init__(self, error: BaseException) -> None:
        self.is_tls = isinstance(error, SSLError)
        self.seconds = error.seconds if isinstance(error, SlowAnswerError) else None
        is_timeout = isinstance(error, Timeout)
        # The innermost error says the most: requests and urllib3 wrap it several times.
        while isinstance(inner := error.__cause__ or error.__context__, Exception):
            if isinstance(inner, SmartRegionError):
                break  # It was being handled when the request was sent, and is not the reason.
            error = inner
        self.is_timeout = is_timeout or isinstance(error, TimeoutError)
        text = one_line(str(getattr(error, "strerror", None) or error))
        self.cause = text or type(error).__name__
        super().__init__(self.cause)


class HttpClient(requests.Session):
    """A session of requests that is bounded in time and size, and may carry a secret.

    This holds for each request, including those of a library that uses the session. A redirect is
    returned as the answer, no cookie is accepted and no ~/.netrc is read. Over TLS, the server's
    certificate must be from an authority in the PEM file named by the variable REQUESTS_CA_BUNDLE;
    without it, from a public authority or one of this machine's (SSL_CERT_FILE).
    """

    answer: HttpAnswer
    """The last answer: libraries drop parts of it."""

    def __init__(
        self,
        url: str,
        *,
        seconds: float | tuple[float, float],
        secret: bool = False,
        plain_http: bool = False,
        environment_proxy: bool = False,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Prepare connections to an address; `secret` and `plain_http` as for `usable_address`.

        `seconds` bounds each network step, or the connection and each later step separately. A
        whole exchange may take STEPS_OF_AN_EXCHANGE times as long, which is checked once the
        headers are there and after each part of the body. An `environment_proxy` is only used
        for https to another machine, so that it sees no more than the host's name. Raises
        UnusableAddressError.
        """
        parts = usable_address(url, secret=secret, plain_http=plain_http, query=True)
        super().__init__()
        self._seconds = seconds
        step_seconds = seconds[1] if isinstance(seconds, tuple) else seconds
        self._exchange_seconds = STEPS_OF_AN_EXCHANGE * step_seconds
        self._most_bytes = most_bytes
        self.trust_env = False
        self.headers["Accept-Encoding"] = "identity"
        self.mount("http://", _WithoutCookies())
        self.mount("https://", _WithoutCookies())
        if parts.scheme == "https":
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            self.verify = bundle or True
            if not bundle:
                self.mount("https://", _SystemAuthorities())
            if environment_proxy and not is_loopback(parts.hostname or ""):
                self.proxies = dict(get_environ_proxies(url))

    def exchange(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send one request and return its answer, whatever the status. Raises NoAnswerError."""
        self.request(method, url, data=body, headers=headers)
        return self.answer

    def request(
        self,
        method: str,
        url: Any,  # noqa: ANN401 - one of requests' own types
        *args: Any,
        **options: Any,
    ) -> requests.Response:
        """Send one request, as in requests, and read its answer. Raises NoAnswerError."""
        bounded = {"timeout": self._seconds, **options, "stream": True}
        deadline = monotonic() + self._exchange_seconds
        try:
            with super().request(method, url, *args, **bounded) as response:
                content = self._read(response, deadline)
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswerError(error) from error
        response._content = content  # noqa: SLF001 - requests itself reads without a bound
        self.answer = HttpAnswer(response.status_code, response.headers, content)
        return response

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        parts = _parts_as_they_come(response)
        while len(body) < self._most_bytes:
            if monotonic() > deadline:
                raise SlowAnswerError(seconds=self._exchange_seconds, received=len(body))
            part = next(parts, b"")
            if not part:
                break
            body += part
        return bytes(body[: self._most_bytes])

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect; requests can only switch this off per request."""


def http_get(
    url: str,
    *,
    seconds: float,
    token: str | None = None,
    plain_http: bool = False,
    most_bytes: int = MOST_BYTES,
) -> HttpAnswer:
    """Get the answer of an address, whatever its status, without a proxy.

    A `token` is sent as `Authorization: Bearer`. Times are as in `HttpClient`. Raises
    UnusableAddressError and NoAnswerError.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with HttpClient(
        url, seconds=seconds, secret=bool(headers), plain_http=plain_http, most_bytes=most_bytes
    ) as client:
        return client.exchange("GET", url, headers=headers)


def _parts_as_they_come(response: requests.Response) -> Iterator[bytes]:
    """Yield the parts of a body as each network step delivers them.

    The stream used by requests waits until a part has the wanted size.
    """
    raw = response.raw
    raw.stream = lambda *_, **__: iter(lambda: raw.read1(_PART_BYTES, decode_content=True), b"")
    try:
        yield from response.iter_content(_PART_BYTES)
    finally:
        # Otherwise it refers to itself: connections close once nothing refers to their pool.
        del raw.stream


class _WithoutCookies(HTTPAdapter):
    """Accepts no cookie: none is sent again, and Python's cookie parser warns with a traceback."""

    def build_response(
        self,
        req: requests.PreparedRequest,
        resp: Any,  # noqa: ANN401 - urllib3's
    ) -> requests.Response:
        original = resp._original_response  # noqa: SLF001 - where requests reads cookies
        if original is not None:
            del original.msg["Set-Cookie"], original.msg["Set-Cookie2"]
        return super().build_response(req, resp)


class _SystemAuthorities(_WithoutCookies):
    """Trusts this machine's authorities in addition to the public ones, which requests adds."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **options)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - urllib3's
        context = ssl.create_default_context()
        return super().proxy_manager_for(*args, ssl_context=context, **options)
