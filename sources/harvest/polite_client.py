"""A polite client for portals: one request at a time, paced, bounded, obeying robots.txt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from protego import Protego

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError
from boundary.public_network import CheckedNetwork, PrivateAddressError
from boundary.retry_policy import RetryableError, RetryPolicy

ROBOT: Final = "smart-region-harvest"
"""The name that robots.txt may give rules for."""
MOST_BYTES: Final = 32 * 1024 * 1024
"""How much of an answer is read."""
MOST_REDIRECTS: Final = 5
_ROBOTS_BYTES: Final = 512 * 1024
_FORBID_ALL: Final = "User-agent: *\nDisallow: /"
_LONGEST_CRAWL_DELAY: Final = 60.0
_RETRY_SECONDS: Final = 30.0
"""How long requests for a catalogue are retried."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_UNAVAILABLE: Final = range(400, 500)
_ROBOTS_ATTEMPTS: Final = 3
"""How often a host that does not answer is asked for robots.txt."""


@dataclass(frozen=True, slots=True)
class Politeness:
    """How requests are made. Tests replace the last three fields."""

    contact: str
    """A mail address or a page for the portal's operator."""
    pause: float = 1.0
    """The least number of seconds between two requests to one host."""
    seconds: float = 15.0
    """Timeout of each network step; a whole answer may take ten times as long."""
    longest_wait: float = 300.0
    """The longest wait that a host may request."""
    network: CheckedNetwork = field(default_factory=CheckedNetwork)
    """Which addresses may be connected to."""
    most_bytes: int = MOST_BYTES
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class PoliteAnswer:
    """The answer at the end of all redirects."""

    url: str
    answer: HttpAnswer
    is_cut: bool
    """Whether the body is longer than what was read of it."""


class ForbiddenByRobotsError(SmartRegionError):
    """The site's robots.txt does not allow the request, or cannot be read."""

    def __init__(self, url: str, problem: str) -> None:
        shown = shown_address(url)
        super().__init__(
            f"robots.txt: cannot be read, value {problem!r}: {shown} is not asked without it;"
            " run it again later"
            if problem
            else f"robots.txt: does not allow {shown}, value {ROBOT!r}:"
            " ask the site's operator to allow it"
        )


class RedirectError(SmartRegionError):
    """A redirect leads nowhere: too many of them, without an address, or to another scheme."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"redirect: {problem}, value {shown_address(url)!r}: correct the address")


class PortalBusyError(RetryableError):
    """The host requests a longer pause than it is granted."""

    def __init__(self, url: str, status: int, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"{shown_address(url)}: answers {status}, value Retry-After {retry_after:g} s:"
            " run again later, or with a longer --longest-wait or --pause"
        )


class PortalSilentError(RetryableError):
    """No answer came, or one of a server that failed."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"{shown_address(url)}: no answer ({cause}): check the address, or run it again later"
        )


@dataclass(slots=True)
class _Host:
    """What is known of one host."""

    client: HttpClient
    robots: Protego | None = None
    problem: str = ""
    """Why its robots.txt could not be read: it allows nothing then."""
    last: float | None = None
    """When the last request was made."""
    given_up: PortalBusyError | PrivateAddressError | None = None
    silent: NoAnswerError | None = None


class PoliteClient:
    """Sends GET requests, one at a time; a context that closes its connections."""

    def __init__(self, how: Politeness) -> None:
        self._how = how
        self._hosts: dict[tuple[str, str], _Host] = {}
        self.received = 0
        """Bytes of all answers so far."""
        self._agent = f"{ROBOT}/1.0 (+{how.contact})"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        for host in self._hosts.values():
            host.client.close()

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, insist: bool = False
    ) -> PoliteAnswer:
        """Return what is at an address, whatever the status.

        If a host requests a pause, it is granted; a host that requests too long a pause is not
        asked again, nor is one that does not answer to robots.txt. With `insist`, a request without
        an answer, or with one of a failed server, is retried.

        Raises ForbiddenByRobotsError, NoAnswerError (PortalSilentError with `insist`),
        PortalBusyError, PrivateAddressError, RedirectError, UnusableAddressError.
        """
        url = _requested(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._once(url, headers or {}, insist=insist)
            if answer.status not in _REDIRECTS:
                return PoliteAnswer(url, answer, len(answer.body) >= self._how.most_bytes)
            url = _target(url, answer)
        raise RedirectError(url, f"more than {MOST_REDIRECTS} in a row")

    def _once(self, url: str, headers: Mapping[str, str], *, insist: bool) -> HttpAnswer:
        host = self._host(usable_address(url, query=True))
        if host.given_up is not None:
            raise host.given_up

        def attempt() -> HttpAnswer:
            try:
                answer = self._ask(host, url, headers, insist=insist)
            except NoAnswerError as error:
                if not insist:
                    raise
                raise PortalSilentError(url, error.cause) from error
            if insist and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise PortalSilentError(url, f"status {answer.status}")
            return answer

        busy, silent = self._retries(self._how.longest_wait), self._retries(_RETRY_SECONDS)
        try:
            patient = partial(busy.call, attempt, retry_on=PortalBusyError)
            return silent.call(patient, retry_on=PortalSilentError)
        except (PortalBusyError, PrivateAddressError) as error:
            host.given_up = error
            raise

    def _ask(
        self, host: _Host, url: str, headers: Mapping[str, str], *, insist: bool
    ) -> HttpAnswer:
        """Send one request if the host's rules allow it. Raises PortalBusyError too."""
        if host.robots is None:
            self._learn_rules(host, url, insist=insist)
        if host.robots is not None and not host.robots.can_fetch(url, ROBOT):
            raise ForbiddenByRobotsError(url, host.problem)
        answer = self._exchange(host, url, headers)
        is_busy = (
            answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
        )
        if is_busy or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise PortalBusyError(url, answer.status, _requested_pause(answer))
        return answer

    def _retries(self, total: float) -> RetryPolicy:
        return RetryPolicy(total=total, clock=self._how.clock, sleep=self._how.sleep)

    def _host(self, parts: SplitResult) -> _Host:
        key = (parts.scheme, parts.netloc.lower())
        if key not in self._hosts:
            client = HttpClient(
                f"{parts.scheme}://{parts.netloc}",
                seconds=self._how.seconds,
                most_bytes=self._how.most_bytes,
            )
            self._how.network.guard(client)
            self._hosts[key] = _Host(client)
        return self._hosts[key]

    def _exchange(self, host: _Host, url: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Send one request once its pause is over."""
        delay = 0.0 if host.robots is None else host.robots.crawl_delay(ROBOT) or 0.0
        pause = max(self._how.pause, min(delay, _LONGEST_CRAWL_DELAY))
        if host.last is not None and (left := host.last + pause - self._how.clock()) > 0:
            self._how.sleep(left)
        host.last = self._how.clock()
        answer = host.client.exchange("GET", url, headers={**headers, "User-Agent": self._agent})
        self.received += len(answer.body)
        return answer

    def _learn_rules(self, host: _Host, url: str, *, insist: bool) -> None:
        """Read a host's robots.txt (RFC 9309). Raises NoAnswerError where it does not answer.

        A site without one (4xx) allows everything; one that could not answer (5xx) nothing.
        """
        if host.silent is not None and not insist:
            raise host.silent
        for left in reversed(range(1 if insist else _ROBOTS_ATTEMPTS)):
            try:
                answer = self._robots_txt(host, url)
            except NoAnswerError as error:
                host.silent = error
                if not left:
                    raise
            else:
                host.silent, text = None, ""
                if isinstance(answer, str):
                    host.problem = answer
                elif answer.status == HTTPStatus.OK:
                    # A byte order mark would hide the first line, which the others depend on.
                    text = answer.body[:_ROBOTS_BYTES].decode("utf-8-sig", "replace")
                elif answer.status not in _UNAVAILABLE:
                    host.problem = f"status {answer.status}"
                host.robots = Protego.parse(_FORBID_ALL if host.problem else text)
                return

    def _robots_txt(self, host: _Host, url: str) -> HttpAnswer | str:
        """Return the answer of a host's /robots.txt, or why there is none.

        Raises NoAnswerError where the host itself does not answer: it has no data either, which is
        not a rule of its own.
        """
        url = urljoin(url, "/robots.txt")
        whose = host
        try:
            for _ in range(MOST_REDIRECTS + 1):
                whose = self._host(usable_address(url, query=True))
                answer = self._exchange(whose, url, {})
                if answer.status not in _REDIRECTS:
                    break
                url = _target(url, answer)
        except NoAnswerError as error:
            if whose is host and error.seconds is None:
                raise
            return f"no answer ({error.cause})"
        except (UnusableAddressError, RedirectError) as error:
            return str(error)
        return answer


def _requested(url: str) -> str:
    """Return what a browser requests for an address as people write it: no fragment, no space."""
    return url.strip().partition("#")[0].replace(" ", "%20")


def _target(url: str, answer: HttpAnswer) -> str:
    """Return where a redirect leads: http or https alone. Raises RedirectError."""
    location = answer.headers.get("Location", "")
    try:
        there = urljoin(url, _requested(location))
    except ValueError:  # As http://[::1 is.
        raise RedirectError(location, "leads nowhere") from None
    if urlsplit(there).scheme not in ("http", "https") or there == url:
        raise RedirectError(there, "leads nowhere")
    return there


def _requested_pause(answer: HttpAnswer) -> float:
    """Return the seconds of the pause that an answer requests, also in Opendatasoft's header."""
    seconds = answer.retry_after()
    if seconds is not None:
        return seconds
    try:
        until = datetime.fromisoformat(answer.headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return 0.0
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
