"""An import on the screen: its refusals, and its tally in the end."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from boundary.diagnostic import Diagnostic
from boundary.settings import read_settings, variable
from boundary.settings_folder import settings_folder
from boundary.terminal import counted, echo
from broker.options import quiet_client
from events.producers.loader import ProducersSettings, load_producers
from events.producers.ownership import Ownership
from sources.emitting.options import GatewayChoice, destination_of, open_publisher
from sources.importing.findings import FileReader
from sources.importing.run import Import, run_import
from sources.importing.sender import Tally

MOST_SHOWN: Final = 20
"""Refusals on the screen; the file of --refusals has all of them, and the tally counts them."""
JOURNAL: Final = "imports.sqlite3"


def carry_out(
    reader: FileReader,
    *,
    files: tuple[Path, ...],
    bootstrap: str | None,
    gateway: GatewayChoice | None,
    recorded_at: datetime | None,
    journal: Path | None,
    **how: Any,
) -> Tally:
    """Import files; the tally is printed in any case.

    The caller ends with the tally's status.
    """
    quiet_client()
    plan = Import(
        files=files,
        destination=destination_of(bootstrap, gateway),
        journal=journal or settings_folder() / JOURNAL,
        recorded_at=recorded_at and recorded_at.replace(tzinfo=UTC),
        ownership=_ownership(),
        **how,
    )
    tally = Tally()
    shown = 0

    def report(refusal: Diagnostic) -> None:
        nonlocal shown
        shown += 1
        if shown <= MOST_SHOWN:
            echo(refusal, err=True)

    try:
        opened = partial(open_publisher, bootstrap, gateway)
        run_import(plan, reader, opened, now=datetime.now(UTC), report=report, tally=tally)
    finally:
        if tally.lines or tally.empty:  # Not where the files could not even be opened.
            _print_tally(tally, plan)
    return tally


def _ownership() -> Ownership:
    declared = read_settings(ProducersSettings, own=variable("producers"))
    return load_producers(declared.producers).ownership


def _print_tally(tally: Tally, plan: Import) -> None:
    if tally.problems.total() > MOST_SHOWN:
        found = tally.problems.total()
        where = f"see {plan.refusals}" if plan.refusals else "see all of them with --refusals FILE"
        echo(f"… {counted(found - MOST_SHOWN, 'fault')} more: {where}", err=True)
    sent = "would be sent" if plan.dry_run else "sent"
    echo(
        f"{tally.sent} {sent} to {plan.destination}, {tally.known} there already,"
        f" {tally.aside.total()} left aside, {tally.refused} refused"
    )
    for file in tally.empty:
        echo(f"  0 lines below the heading: {file}")
    for why, count in tally.aside.most_common():
        echo(f"  {count} left aside: {why}")
    for what, count in tally.sent_which.most_common():
        echo(f"  {count} of the {tally.sent} events {sent}: {what}")
    for what, count in tally.known_which.most_common():
        echo(f"  {count} of the {tally.known} events there already: {what}")
    if tally.refused:
        faults = counted(tally.problems.total(), "fault")
        echo(f"  {counted(tally.refused, 'line')} refused, for {faults}:")
    for (column, problem), count in tally.problems.most_common():
        echo(f"    {counted(count, 'fault')}: {column or 'line'} {problem}")
