"""The sums of the present day: those of the workers, or folded from the event topics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import click

from boundary.settings import variable
from broker.errors import (
    BrokerEntryError,
    BrokerRefusedError,
    BrokerUnreachableError,
    WorkersBehindError,
)
from broker.offsets import wait_for_group
from catalogue.model import Catalogue
from events.fact import Family
from events.topics import topic_name
from streams.dated_sums import DatedSums
from streams.overdue import OVERDUE_SECONDS
from streams.queries.opening import read_histories
from streams.settings import Settings
from streams.topic_fold import fold_topics

COMMIT_SECONDS: Final = 5.0
"""How long the commits of running workers are waited for: they are some seconds apart."""


def present_sums(
    settings: Settings,
    catalogue: Catalogue,
    seconds: float | None,
    *,
    report: Callable[[str], None],
) -> DatedSums:
    """Return the workers' histories where the settings name workers, else the folded event topics.

    Workers are waited for as in `wait_for_workers`; without them, `seconds` is a BadParameter.
    `report` receives a line for what is not in the sums. Raises as `wait_for_workers`,
    `read_histories` and `fold_topics`.
    """
    if settings.workers:
        is_reported = wait_for_workers(settings, seconds, report=report)
        on_overdue = None if is_reported else partial(report_overdue, report=report)
        return read_histories(settings, catalogue, on_overdue=on_overdue)
    if seconds is not None:
        message = f"is for workers: set {variable('workers')}, or leave it out to read the events"
        raise click.BadParameter(message, param_hint="--wait")
    return fold_topics(settings, catalogue, report=report)


def wait_for_workers(
    settings: Settings, seconds: float | None, *, report: Callable[[str], None]
) -> bool:
    """Return once the workers have read all events that are there now, or after so many seconds.

    Then WorkersBehindError is raised. Without `seconds` it waits a moment and only reports what
    they have not read: stopped workers leave figures too small. It returns False where it cannot
    look that up, because the settings name no broker or a broker that it cannot use: then the
    workers' own report counts (`report_overdue`). Raises as `wait_for_group` else.
    """
    if seconds is None and "broker" not in settings.model_fields_set:
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
    except (BrokerRefusedError, BrokerUnreachableError, BrokerEntryError):
        # The workers answer all the same.
        if seconds is not None:
            raise
        return False
    return True


def report_overdue(records: int, *, report: Callable[[str], None]) -> None:
    """Report how many records the workers say they are late with."""
    report(
        f"not in these figures: {records} records that the workers have had for"
        f" {OVERDUE_SECONDS:.0f} s and more; run this again when they have read them"
    )
