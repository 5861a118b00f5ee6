"""A harvest on the screen: what is wrong, and its tally in the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

import click

from boundary.settings_folder import settings_folder
from boundary.terminal import counted, echo
from broker.options import quiet_client
from events.code import Code
from operations.client import Publisher
from operations.harvest.changes import ChangeKind
from operations.harvest.memory import held_memory
from operations.harvest.polite_client import PoliteClient, Politeness
from operations.harvest.probing import probe
from operations.harvest.run import Harvest, HarvestTally, run_harvest
from operations.harvest.snapshot import PortalSnapshot
from operations.harvest.validators import Validators
from operations.harvest.vocabularies import plain
from operations.next_step import figures_line

MOST_SHOWN: Final = 20
"""Problems on the screen; the tally counts all."""
_DIGITS: Final = 12

Word = TypeVar("Word", bound=Code)


def carry_out(
    plan: Harvest,
    politeness: Politeness,
    read: Callable[[PoliteClient, Validators], PortalSnapshot],
    opened: Callable[[], Publisher],
    *,
    with_data: bool,
    bootstrap: str | None,
) -> HarvestTally:
    """Harvest a portal, with its data or without; the tally is printed in any case.

    `bootstrap` is the broker that the user named.
    """
    quiet_client()
    # It logs each date that it cannot convert; what is wrong is reported by dataset.
    logging.getLogger("rdflib").addHandler(logging.NullHandler())
    tally, now = HarvestTally(), datetime.now(UTC)
    done = False
    held = nullcontext() if plan.dry_run else held_memory(plan.state)
    try:
        with held, PoliteClient(politeness) as client:
            run_harvest(
                plan,
                partial(read, client),
                opened,
                now=now,
                tally=tally,
                probe=partial(probe, client) if with_data else None,
            )
        done = True
    finally:
        if done or tally.datasets or tally.sent:
            _print(tally, plan)
            if tally.sent and not plan.dry_run:
                echo(figures_line(now.date(), bootstrap))
    return tally


def own_words(pairs: Iterable[str], codes: type[Word], option: str) -> Mapping[str, Word]:
    """Return what words mean, by their plain form. Raises BadParameter."""
    found: dict[str, Word] = {}
    for pair in pairs:
        word, _, code = pair.rpartition("=")
        try:
            found[plain(word)] = codes(code)
        except ValueError:
            message = f"{pair!r} is no WORD=CODE with one of {', '.join(codes)}"
            raise click.BadParameter(message, param_hint=option) from None
    return found


def default_state(portal: str, destination: str, *, dry_run: bool) -> Path:
    """Return the file of what was seen of a portal, for a destination.

    Its folder is made, unless this is a dry run.
    """
    name = sha256(f"{portal} {destination}".encode()).hexdigest()[:_DIGITS]
    folder = settings_folder()
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f"harvest-{name}.json"


def _print(tally: HarvestTally, plan: Harvest) -> None:
    for problem in tally.problems[:MOST_SHOWN]:
        echo(problem, err=True)
    if len(tally.problems) > MOST_SHOWN:
        echo(f"… {counted(len(tally.problems) - MOST_SHOWN, 'problem')} more", err=True)
    for line in tally.complaints:
        echo(line, err=True)
    for lines, what in ((tally.away, "without data"), (tally.unasked, "left alone")):
        for line in lines[:MOST_SHOWN]:
            echo(line)
        if len(lines) > MOST_SHOWN:
            echo(f"… {_addresses(len(lines) - MOST_SHOWN)} more {what}")
    if tally.probed or tally.unasked or tally.private:
        private = f", {tally.private} on a private network and not asked" if tally.private else ""
        echo(
            f"{_addresses(tally.probed)} asked for data, {len(tally.away) - tally.private} without,"
            f" {len(tally.unasked)} to be left alone{private}"
        )
    if tally.asked_before:
        echo(
            f"{_addresses(tally.asked_before)} asked for data earlier today (UTC), and not again:"
            " run it tomorrow, or now with --ask-again"
        )
    if changes := _changes(tally):
        echo(changes)
    sent = "would be sent" if plan.dry_run else "sent"
    unchanged = ", the catalogue is unchanged" if tally.is_unchanged else ""
    echo(
        f"{counted(tally.datasets, 'dataset')}, {tally.refused} refused,"
        f" {counted(len(tally.problems), 'problem')}, {counted(tally.sent, 'event')} {sent} to"
        f" {plan.destination}{unchanged}"
    )


def _changes(tally: HarvestTally) -> str:
    """Return what is new, in a line that names what was withdrawn; "" for nothing."""
    parts = [f"{tally.found[kind]} {kind}" for kind in ChangeKind if tally.found[kind]]
    names = ", ".join(tally.withdrawn[:MOST_SHOWN])
    more = f" and {len(tally.withdrawn) - MOST_SHOWN} more"
    shown = f": {names}{more if len(tally.withdrawn) > MOST_SHOWN else ''}" if names else ""
    return f"{', '.join(parts)}{shown}"


def _addresses(number: int) -> str:
    return counted(number, "address", "addresses")
