"""A client that asks portals politely: in turn, with pauses, within their rules, and bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
_OK: Final = 200
_UNAVAILABLE: Final = range(400, 500)
MOST_REDIRECTS: Final = 5
_ROBOTS_BYTES: Final = 512 * 1024
_LONGEST_CRAWL_DELAY: Final = 60.0
_ATTEMPT_SECONDS: Final = 30.0
"""How long a catalogue that does not answer is asked again."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 503})
_FAILED: Final = 500
_ROBOTS_ATTEMPTS: Final = 3
"""How often a host without an answer is asked for robots.txt before it is called silent."""


class RobotRules:
    """The robots.txt (RFC 9309) of one site.

    Without a text all is allowed, or nothing where there is a problem.
    """

    def __init__(self, text: str | None, *, problem: str = "") -> None:
        self._rules = None if text is None else Protego.parse(text)
        self.problem = problem
        """Why the site could not say its rules."""

    def allow(self, url: str) -> bool:
        """Return whether an address may be read."""
        return not self.problem if self._rules is None else self._rules.can_fetch(url, ROBOT)

    @property
    def delay(self) -> float:
        """The seconds between two requests that the site asks for."""
        return 0.0 if self._rules is None else self._rules.crawl_delay(ROBOT) or 0.0


def rules_of(answer: HttpAnswer) -> RobotRules:
    """Return the rules that a site answered with.

    A site that has none (4xx) allows all; one that could not say (5xx) allows nothing.
    """
    if answer.status == _OK:
        # A byte order mark would hide the first line, without which the others are for nobody.
        return RobotRules(answer.body.decode("utf-8-sig", "replace"))
    if answer.status in _UNAVAILABLE:
        return RobotRules(None)
    return RobotRules(None, problem=f"status {answer.status}")


@dataclass(frozen=True, slots=True)
class Politeness:
    """How requests are made. Tests replace the last two fields."""

    contact: str
    """Whom a portal's operator may write to: a mail address or a page."""
    pause: float = 1.0
    """Seconds between two requests to one host, at least."""
    seconds: float = 15.0
    """How long each step of the network may take; a whole answer ten times as long."""
    longest_wait: float = 300.0
    """How long a host that asks to wait is waited for."""
    network: CheckedNetwork = field(default_factory=CheckedNetwork)
    """Which addresses may be connected to."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class PoliteAnswer:
    """The answer at the end of all redirects."""

    url: str
    answer: HttpAnswer
    is_cut: bool
    """True where the body is longer than what was read of it."""


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
    """The host asks to wait, longer than it is waited for."""

    def __init__(self, url: str, status: int, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"{shown_address(url)}: answers {status}, value Retry-After {retry_after:g} s:"
            " run again later, or with a longer --longest-wait or --pause"
        )


class PortalSilentError(RetryableError):
    """No answer came, or that of a server that failed."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"{shown_address(url)}: no answer ({cause}): check the address, or run it again later"
        )


@dataclass(slots=True)
class _Host:
    """What is remembered of one host."""

    rules: RobotRules | None = None
    last: float | None = None
    given_up: PortalBusyError | PrivateAddressError | None = None
    silent: NoAnswerError | None = None
    clients: dict[int, HttpClient] = field(default_factory=dict)


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
            for client in host.clients.values():
                client.close()

    def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] | None = None,
        insist: bool = False,
    ) -> PoliteAnswer:
        """Return what is at an address, whatever the status; at most so many bytes of it.

        A host that asks to wait is waited for, and given up for good when it asks for too long.
        One without an answer to robots.txt is not asked again either, unless with `insist`: then an
        answer is asked for again where none came, or one of a failed server.

        Raises ForbiddenByRobotsError, NoAnswerError (PortalSilentError with `insist`),
        PortalBusyError, PrivateAddressError, RedirectError, UnusableAddressError.
        """
        url = _requested(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._once(url, most_bytes, headers or {}, insist=insist)
            if answer.status not in _REDIRECTS:
                return PoliteAnswer(url, answer, is_cut=len(answer.body) >= most_bytes)
            url = _target(url, answer)
        raise RedirectError(url, f"more than {MOST_REDIRECTS} in a row")

    def _once(
        self, url: str, most_bytes: int, headers: Mapping[str, str], *, insist: bool
    ) -> HttpAnswer:
        parts = usable_address(url, query=True)
        host = self._host(parts)
        if host.given_up is not None:
            raise host.given_up
        policy = RetryPolicy(
            total=self._how.longest_wait, clock=self._how.clock, sleep=self._how.sleep
        )

        def ask() -> HttpAnswer:
            rules = self._rules(host, parts, insist=insist)
            if not rules.allow(url):
                raise ForbiddenByRobotsError(url, rules.problem)
            answer = self._exchange(host, parts, url, most_bytes, headers)
            if answer.status in _BUSY and (answer.status == 429 or "Retry-After" in answer.headers):  # noqa: PLR2004
                raise PortalBusyError(url, answer.status, _asked_pause(answer))
            return answer

        def ask_again() -> HttpAnswer:
            try:
                answer = policy.call(ask, retry_on=PortalBusyError)
            except NoAnswerError as error:
                raise PortalSilentError(url, error.cause) from error
            if answer.status >= _FAILED:
                raise PortalSilentError(url, f"status {answer.status}")
            return answer

        try:
            if not insist:
                return policy.call(ask, retry_on=PortalBusyError)
            again = RetryPolicy(
                total=_ATTEMPT_SECONDS, clock=self._how.clock, sleep=self._how.sleep
            )
            return again.call(ask_again, retry_on=PortalSilentError)
        except (PortalBusyError, PrivateAddressError) as error:
            host.given_up = error
            raise

    def _host(self, parts: SplitResult) -> _Host:
        return self._hosts.setdefault((parts.scheme, parts.netloc.lower()), _Host())

    def _exchange(
        self,
        host: _Host,
        parts: SplitResult,
        url: str,
        most_bytes: int,
        headers: Mapping[str, str],
    ) -> HttpAnswer:
        """Send one request when its turn has come."""
        self._await_turn(host)
        client = host.clients.get(most_bytes)
        if client is None:
            origin = f"{parts.scheme}://{parts.netloc}"
            client = HttpClient(origin, seconds=self._how.seconds, most_bytes=most_bytes)
            self._how.network.guard(client)
            host.clients[most_bytes] = client
        answer = client.exchange("GET", url, headers={**headers, "User-Agent": self._agent})
        self.received += len(answer.body)
        return answer

    def _await_turn(self, host: _Host) -> None:
        asked = 0.0 if host.rules is None else min(host.rules.delay, _LONGEST_CRAWL_DELAY)
        if host.last is not None:
            left = host.last + max(self._how.pause, asked) - self._how.clock()
            if left > 0:
                self._how.sleep(left)
        host.last = self._how.clock()

    def _rules(self, host: _Host, parts: SplitResult, *, insist: bool) -> RobotRules:
        """Return a host's rules, asked for once. Raises NoAnswerError where it is silent."""
        if host.silent is not None and not insist:
            raise host.silent
        attempts = 1 if insist or host.rules is not None else _ROBOTS_ATTEMPTS
        while host.rules is None:
            attempts -= 1
            try:
                host.rules = self._asked_rules(host, parts)
            except NoAnswerError as error:
                host.silent = error
                if attempts <= 0:
                    raise
        host.silent = None
        return host.rules

    def _asked_rules(self, host: _Host, parts: SplitResult) -> RobotRules:
        """Ask a host for its rules. Raises NoAnswerError where nothing comes from it."""
        url = f"{parts.scheme}://{parts.netloc}/robots.txt"
        whose = host
        try:
            for _ in range(MOST_REDIRECTS + 1):
                there = usable_address(url, query=True)
                whose = host if there.netloc == parts.netloc else self._host(there)
                answer = self._exchange(whose, there, url, _ROBOTS_BYTES, {})
                if answer.status not in _REDIRECTS:
                    break
                url = _target(url, answer)
        except NoAnswerError as error:
            # A host that does not answer at all has no data either: that is no rule of its own.
            if whose is host and error.seconds is None:
                raise
            return RobotRules(None, problem=f"no answer ({error.cause})")
        except (UnusableAddressError, RedirectError) as error:
            return RobotRules(None, problem=str(error))
        return rules_of(answer)


def _requested(url: str) -> str:
    """Return what a browser asks for at an address as people write it: no fragment, no space."""
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


def _asked_pause(answer: HttpAnswer) -> float:
    """Return the seconds that an answer asks to wait, also as Opendatasoft says it."""
    asked = answer.retry_after()
    if asked is not None:
        return asked
    try:
        until = datetime.fromisoformat(answer.headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return 0.0
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
