"""The check of this machine's clock, the servers' and the workers': events carry times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from operations.doctor.check import NothingToCheckError

MOST_SECONDS: Final = 30.0
"""A tenth of how far the gateway lets an event be ahead of its own clock."""
ANSWER_SECONDS: Final = 5.0


def check_clocks(
    urls: Iterable[str],
    *,
    now: Callable[[], datetime],
    read_clock: Callable[[str], datetime | None] | None = None,
) -> str:
    """Compare our clock with those of HTTP servers, by the Date header of their responses.

    Raises as `assert_agreement`, and NothingToCheckError where no response has a date.
    """
    read_clock = clock_at if read_clock is None else read_clock
    ahead = {
        url: (theirs - now()).total_seconds()
        for url in urls
        if (theirs := read_clock(url)) is not None
    }
    if not ahead:
        raise NothingToCheckError("no server's clock to compare with: --prometheus, --grafana")
    assert_agreement(ahead)
    return f"agrees with {', '.join(ahead)}"


def assert_agreement(ahead: Mapping[str, float]) -> None:
    """Check that other clocks agree with each other and with ours.

    `ahead` has by address, at least one, the seconds by which a clock is ahead of ours. Raises
    SmartRegionError with two clocks that differ by more than MOST_SECONDS.
    """
    ours = 0.0, "this machine"
    slowest, *_ = ordered = sorted((seconds, shown_address(url)) for url, seconds in ahead.items())
    for slow, fast in ((slowest, ordered[-1]), (slowest, ours), (ours, ordered[-1])):
        if (seconds := fast[0] - slow[0]) > MOST_SECONDS:
            raise SmartRegionError(
                f"{slow[1]}: the clock is {seconds:.0f} s behind the clock of {fast[1]}, more than"
                f" {MOST_SECONDS:.0f}: let both follow a time server, and set the same"
                " SMART_REGION_CLOCK; figures count up to the clock's day, and the gateway refuses"
                " events from the future"
            )


def clock_at(url: str) -> datetime | None:
    """Return the time of an HTTP server, to the second; None where it is not known."""
    try:
        return http_get(url, seconds=ANSWER_SECONDS, most_bytes=0).date("Date")
    except (UnusableAddressError, NoAnswerError):
        return None  # Reported by the check of that server.
