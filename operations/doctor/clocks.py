"""The check of this machine's clock against those of the servers: events carry times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from operations.doctor.check import NothingToCheckError

__all__ = ["MOST_SECONDS", "ClockSkewError", "check_clocks", "clock_at"]

MOST_SECONDS: Final = 30.0
"""A tenth of how far the gateway lets an event be ahead of its own clock."""
ANSWER_SECONDS: Final = 5.0


class ClockSkewError(SmartRegionError):
    """This machine's clock and another's do not agree."""

    def __init__(self, url: str, *, seconds: float, most: float) -> None:
        way = "ahead of" if seconds > 0 else "behind"
        super().__init__(
            f"{shown_address(url)}: this machine's clock is {abs(seconds):.0f} s {way} its clock,"
            f" more than {most:.0f}: let both follow a time server; the gateway refuses what seems"
            " to come from the future"
        )


def check_clocks(
    urls: Iterable[str],
    *,
    now: Callable[[], datetime],
    read_clock: Callable[[str], datetime | None] | None = None,
) -> str:
    """Compare our clock with those of HTTP servers, by the Date header of their responses.

    Raises ClockSkewError on the first that differs by more than MOST_SECONDS, and
    NothingToCheckError where no response has a date.
    """
    read_clock = clock_at if read_clock is None else read_clock
    compared = []
    for url in urls:
        theirs = read_clock(url)
        if theirs is None:
            continue
        seconds = (now() - theirs).total_seconds()
        if abs(seconds) > MOST_SECONDS:
            raise ClockSkewError(url, seconds=seconds, most=MOST_SECONDS)
        compared.append(url)
    if not compared:
        raise NothingToCheckError("no other clock to compare with: --prometheus, --grafana")
    return f"agrees with {', '.join(compared)}"


def clock_at(url: str) -> datetime | None:
    """Return the time of an HTTP server, to the second; None where it is not known."""
    try:
        return http_get(url, seconds=ANSWER_SECONDS, most_bytes=0).date("Date")
    except (UnusableAddressError, NoAnswerError):
        return None  # Reported by the check of that server.
