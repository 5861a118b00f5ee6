"""Whether this machine's clock agrees with those around it: events carry times, figures days."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from operations.doctor.check import NothingToLookAtError

__all__ = ["MOST_SECONDS", "ClockSkewError", "look_at_clocks", "now_at"]

MOST_SECONDS: Final = 30.0
"""A tenth of what the gateway lets an event be ahead of its own clock."""
ANSWER_SECONDS: Final = 5.0


class ClockSkewError(SmartRegionError):
    """This machine's clock and another's do not agree."""

    def __init__(self, url: str, *, seconds: float, most: float) -> None:
        self.url = url
        self.seconds = seconds
        way = "ahead of" if seconds > 0 else "behind"
        super().__init__(
            f"{shown_address(url)}: this machine's clock is {abs(seconds):.0f} s {way} its clock,"
            f" more than {most:.0f}: let both follow a time server; the gateway refuses what seems"
            " to come from the future"
        )


def look_at_clocks(
    urls: Iterable[str],
    *,
    now: Callable[[], datetime],
    ask: Callable[[str], datetime | None] | None = None,
) -> str:
    """Compare our clock with those of servers of HTTP, which tell theirs with each answer.

    Raises ClockSkewError on the first that differs by more than MOST_SECONDS, and
    NothingToLookAtError where none tells the time.
    """
    ask = now_at if ask is None else ask
    compared = []
    for url in urls:
        theirs = ask(url)
        if theirs is None:
            continue
        seconds = (now() - theirs).total_seconds()
        if abs(seconds) > MOST_SECONDS:
            raise ClockSkewError(url, seconds=seconds, most=MOST_SECONDS)
        compared.append(url)
    if not compared:
        raise NothingToLookAtError(told="no other clock to compare with: --prometheus, --grafana")
    return f"agrees with {', '.join(compared)}"


def now_at(url: str) -> datetime | None:
    """Ask a server of HTTP for its time, to the second; None where it does not tell."""
    try:
        answer = http_get(url, seconds=ANSWER_SECONDS, most_bytes=0)
    except (UnusableAddressError, NoAnswerError):
        return None  # That it does not answer is for the check of that server to say.
    told = answer.headers.get("Date")
    try:
        return parsedate_to_datetime(told).astimezone(UTC) if told else None
    except ValueError:
        return None
