"""What the workers have still to read, before a command takes their figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from broker.errors import (
    BrokerEntryError,
    BrokerRefusedError,
    BrokerUnreachableError,
    WorkersBehindError,
)
from broker.offsets import wait_for_group
from events.fact import Family
from events.topics import topic_name
from streams.overdue import OVERDUE_SECONDS
from streams.settings import Settings

COMMIT_SECONDS: Final = 5.0
"""How long the commits of running workers are waited for: they are some seconds apart."""


def wait_for_workers(
    settings: Settings, seconds: float | None, *, report: Callable[[str], None]
) -> bool:
    """Return once the workers have read all events that are there now, or after so many seconds.

    Then WorkersBehindError is raised. Without `seconds` a moment is waited, and what they have not
    read is only reported: a rebuild, or workers that are stopped, leave figures too small. Then
    nothing is looked up for a process that asks the workers and names no broker, and a broker that
    it cannot use is none of its: False is returned, and the workers' own word counts
    (`report_overdue`). Raises as `wait_for_group` else.
    """
    is_named = "broker" in settings.model_fields_set
    if seconds is None and settings.workers and not is_named:
        return False
    try:
        wait_for_group(
            settings.app_id,
            [topic_name(family) for family in Family],
            settings.broker,
            security=settings.security(),
            wait_seconds=COMMIT_SECONDS if seconds is None else seconds,
            outcome="nothing was written",
        )
    except WorkersBehindError as error:
        if seconds is not None:
            raise
        report(
            f"not in these figures: {error.behind} records that the workers of {settings.app_id}"
            " have not read; start them, and run this again with --wait SECONDS"
        )
    except BrokerRefusedError:
        # Who may not describe the workers' group reads their states all the same.
        if seconds is not None:
            raise
        return False
    except (BrokerUnreachableError, BrokerEntryError):
        if seconds is not None or not settings.workers:
            raise
        return False
    return True


def report_overdue(records: int, *, report: Callable[[str], None]) -> None:
    """Report what the workers say that they are late with."""
    report(
        f"not in these figures: {records} records that the workers have had for"
        f" {OVERDUE_SECONDS:.0f} s and more; run this again when they have read them"
    )
