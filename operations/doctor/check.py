"""A check, and what it found: the doctor goes on where another program would stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from boundary.errors import SmartRegionError

__all__ = ["Check", "CheckStatus", "Finding", "NothingToLookAtError", "examine"]


class NothingToLookAtError(SmartRegionError):
    """What a check is about was not given; no reason to worry."""

    def __init__(self, *, told: str) -> None:
        super().__init__(told)


class CheckStatus(StrEnum):
    """How a check came out."""

    WELL = "ok"
    WRONG = "wrong"
    NOT_LOOKED_AT = "-"
    """There is nothing to look at, or something else has to be put right first."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at."""

    name: str
    look: Callable[[], str]
    """Tells what is there; raises one of our readable errors where that is wrong."""
    needs: tuple[str, ...] = ()
    """Checks without which this one says nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in one line."""

    check: str
    verdict: CheckStatus
    told: str


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """Make one check after the other; each gives its finding as soon as it is known."""
    unknown: set[str] = set()
    for check in checks:
        finding = _finding(check, unknown)
        if finding.verdict is not CheckStatus.WELL:
            unknown.add(check.name)
        yield finding


def _finding(check: Check, unknown: set[str]) -> Finding:
    first = next((name for name in check.needs if name in unknown), None)
    if first is not None:
        return Finding(check.name, CheckStatus.NOT_LOOKED_AT, f"put right first: {first}")
    try:
        return Finding(check.name, CheckStatus.WELL, check.look())
    except NothingToLookAtError as error:
        return Finding(check.name, CheckStatus.NOT_LOOKED_AT, str(error))
    except SmartRegionError as error:
        return Finding(check.name, CheckStatus.WRONG, " ".join(str(error).split()))
