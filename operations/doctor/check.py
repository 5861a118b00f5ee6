"""A check, and what it found; a failed check does not keep the others from running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from boundary.errors import SmartRegionError


class NothingToCheckError(SmartRegionError):
    """A check has no subject here, such as an address that was not given."""


class CheckStatus(StrEnum):
    """How a check came out."""

    OK = "ok"
    WRONG = "wrong"
    SKIPPED = "-"
    """There is nothing to check, or another check has to pass first."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to check."""

    name: str
    run: Callable[[], str]
    """Returns a description of what is there; raises a SmartRegionError where that is wrong."""
    needs: tuple[str, ...] = ()
    """Names of the checks that have to pass before this one can run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check, in one line."""

    check: str
    verdict: CheckStatus
    message: str


def run_checks(checks: Iterable[Check]) -> Iterator[Finding]:
    """Run the checks in order; yield each finding as soon as it is known."""
    unknown: set[str] = set()
    for check in checks:
        finding = _finding(check, unknown)
        if finding.verdict is not CheckStatus.OK:
            unknown.add(check.name)
        yield finding


def _finding(check: Check, unknown: set[str]) -> Finding:
    first = next((name for name in check.needs if name in unknown), None)
    if first is not None:
        return Finding(check.name, CheckStatus.SKIPPED, f"put right first: {first}")
    try:
        return Finding(check.name, CheckStatus.OK, check.run())
    except NothingToCheckError as error:
        return Finding(check.name, CheckStatus.SKIPPED, str(error))
    except SmartRegionError as error:
        return Finding(check.name, CheckStatus.WRONG, " ".join(str(error).split()))
