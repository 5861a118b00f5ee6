"""How long a Grafana that is busy, failing or silent is waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

__all__ = ["RetryPolicy", "asked_wait"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Times in seconds."""

    answer: float = 10
    """How long one answer may take."""
    total: float = 60
    """How long one request is tried again, while it is answered by 429 or 5xx."""
    rights: float = 90
    """How long 403 is waited for once a folder was made: Grafana keeps rights for a minute."""
    first: float = 0.5
    """The first wait; each one after is twice as long."""
    longest: float = 8

    def waits(self) -> Iterator[float]:
        """Give the waits between one try and the next, without end."""
        wait = self.first
        while True:
            yield wait
            wait = min(wait * 2, self.longest)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3), in seconds; None where it says nothing to go by.

    A date is taken relative to the answer's own Date: clocks of two machines differ.
    """
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(wait.total_seconds(), 0.0)
