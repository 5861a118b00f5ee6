"""What a site lets robots read: robots.txt (RFC 9309)."""

from __future__ import annotations

from typing import Final

from protego import Protego

from boundary.http_client import HttpAnswer

ROBOT: Final = "smart-region-harvest"
"""The name that robots.txt may give rules for."""
_OK: Final = 200
_UNAVAILABLE: Final = range(400, 500)


class RobotRules:
    """The rules of one site; without a text all is allowed, or nothing where there is a problem."""

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
