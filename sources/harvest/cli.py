"""The commands `smart-region harvest dcat` and `harvest opendatasoft`."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from boundary.addresses import UnusableAddressError, usable_address
from boundary.extras import needs_extra
from boundary.terminal import echo
from broker.options import BROKER, Parsed, quiet_client
from events.options import SHARE, WAIT, file_option, seconds_option, stacked
from sources.emitting.options import GatewayChoice, gateway_options

if TYPE_CHECKING:
    from sources.harvest.polite_client import PoliteClient
    from sources.harvest.snapshot import PortalSnapshot


def _prefix(text: str) -> str:
    """Return what identifiers may begin with. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,20}", text):
        message = "is not 1 to 20 letters, digits or ._:-"
        raise ValueError(message)
    return text


#: Of every harvest, for `_carry_out`.
HARVEST_OPTIONS: Final = stacked(
    BROKER,
    click.option("--dry-run", is_flag=True, help="Read and check all of it, and send nothing."),
    file_option(
        "--state", help="What earlier runs have seen.  [default: a file in ~/.config/smart-region]"
    ),
    click.option(
        "--contact",
        metavar="WHO",
        help="A mail address or a page, for the portal's operator: needed for an address.",
    ),
    click.option(
        "--no-data",
        is_flag=True,
        help="Read the catalogue alone: the data are not requested, and whether they are available,"
        " empty or old stays unknown (dataset.probed is not sent).",
    ),
    click.option(
        "--ask-again",
        is_flag=True,
        help="Request data again that were requested today; the default is once a day.",
    ),
    click.option(
        "--publisher", default="", metavar="NAME", help="Who publishes datasets that name none."
    ),
    click.option(
        "--theme",
        "themes",
        multiple=True,
        metavar="WORD=CODE",
        help="What a word of the portal means, as 'Santé=territory'.",
    ),
    click.option(
        "--licence",
        "licences",
        multiple=True,
        metavar="WORD=CODE",
        help="Which licence a word of the portal means, as 'Libre=other_open'.",
    ),
    click.option(
        "--prefix",
        type=Parsed("text", _prefix),
        metavar="TEXT",
        help="Prefix of the datasets' identifiers, where another portal uses the same ones.",
    ),
    click.option(
        "--source", metavar="URI", help="Of the events.  [default: urn:iledefrance:open-data]"
    ),
    click.option(
        "--most-gone",
        type=SHARE,
        default=0.2,
        show_default=True,
        metavar="SHARE",
        help="Withdraw nothing if more than this share of the datasets is gone at once; one of"
        " several may always go.",
    ),
    seconds_option(
        "--pause",
        default=1.0,
        kind=WAIT,
        help="The least time between two requests to one host.",
    ),
    seconds_option(
        "--timeout",
        default=15.0,
        help="For each network step; a whole answer may take ten times as long.",
    ),
    seconds_option(
        "--longest-wait",
        default=300.0,
        kind=WAIT,
        help="The longest pause that a host may request (Retry-After).",
    ),
    click.option(
        "--private-addresses",
        is_flag=True,
        help="Also send requests to private networks and this machine, never to link-local ones.",
    ),
    gateway_options,
)


def _portal_address(text: str) -> str:
    """Return the address of a portal, as it is written. Raises ValueError."""
    try:
        # What people copy from a browser may have a fragment, which no server receives.
        usable_address(text.partition("#")[0], query=True)
    except UnusableAddressError as error:
        raise ValueError(str(error)) from error
    return text


@click.group()
def harvest() -> None:
    """Harvest dataset events from an open-data portal.

    What changed since the last harvest becomes events too.
    """


@harvest.command()
@click.argument("portal", metavar="URL|FILE")
@HARVEST_OPTIONS
def dcat(portal: str, **how: Any) -> None:
    """Harvest a catalogue in DCAT-AP, all its pages.

    They are RDF/XML, Turtle or JSON-LD. Each dataset that cannot be an event is reported with
    what to do, and stops nothing; the exit status is then 1, or 2 if the harvest could not
    continue. Run it again to continue.
    """
    with needs_extra("harvest", needed_by="harvest dcat"):
        from sources.harvest.dcat import read_dcat, read_dcat_file

    def read(client: PoliteClient) -> PortalSnapshot:
        if "://" in portal:
            return read_dcat(client, portal)
        return read_dcat_file(Path(portal))

    name = portal
    if "://" not in portal:
        # Two files of one name are two portals: what is missing in one is not gone from the other.
        # Bytes of a path that are not UTF-8 are escaped, because the state's file is UTF-8.
        name = os.fsencode(Path(portal).resolve()).decode(errors="backslashreplace")
    _carry_out(name, read, **how)


@harvest.command()
@click.argument("portal", type=Parsed("URL", _portal_address), metavar="URL")
@HARVEST_OPTIONS
def opendatasoft(portal: str, **how: Any) -> None:
    """Harvest an Opendatasoft portal, all its pages.

    They are those of its Explore API v2.1. Each dataset that cannot be an event is reported
    with what to do, and stops nothing; the exit status is then 1, or 2 if the harvest could
    not continue. Run it again to continue.
    """
    with needs_extra("harvest", needed_by="harvest opendatasoft"):
        from sources.harvest.opendatasoft import portal_of, read_opendatasoft

    _carry_out(portal_of(portal), partial(read_opendatasoft, url=portal), **how)


def _carry_out(
    portal: str,
    read: Callable[[PoliteClient], PortalSnapshot],
    *,
    bootstrap: str | None,
    gateway: GatewayChoice | None,
    contact: str | None,
    no_data: bool,
    state: Path | None,
    publisher: str,
    themes: tuple[str, ...],
    licences: tuple[str, ...],
    prefix: str | None,
    source: str | None,
    pause: float,
    timeout: float,
    longest_wait: float,
    private_addresses: bool,
    dry_run: bool,
    **how: Any,
) -> None:
    """Harvest a portal, print the tally, and exit with status 1 if something is wrong."""
    from boundary.public_network import CheckedNetwork
    from events.dataset import Licence, Theme
    from sources.emitting.options import destination_of, open_publisher
    from sources.harvest.memory import held_memory
    from sources.harvest.polite_client import PoliteClient, Politeness
    from sources.harvest.reading import ReadingRules
    from sources.harvest.run import SOURCE, Harvest, HarvestTally, run_harvest
    from sources.harvest.screen import default_state, own_words, print_tally, probe

    if "://" in portal and not contact:
        raise click.UsageError("--contact is missing: say whom the portal's operator may write to")
    quiet_client()
    # It logs each date that it cannot convert; what is wrong is reported by dataset.
    logging.getLogger("rdflib").addHandler(logging.NullHandler())
    destination = destination_of(bootstrap, gateway)
    plan = Harvest(
        portal,
        destination,
        state or default_state(portal, destination, dry_run=dry_run),
        ReadingRules(
            publisher,
            own_words(themes, Theme, "--theme"),
            own_words(licences, Licence, "--licence"),
            prefix or "",
        ),
        source or SOURCE,
        dry_run=dry_run,
        **how,
    )
    network = CheckedNetwork(private=private_addresses)
    politeness = Politeness(contact or "", pause, timeout, longest_wait, network)
    tally = HarvestTally()
    done = False
    held = nullcontext() if dry_run else held_memory(plan.state)
    try:
        with held, PoliteClient(politeness) as client:
            run_harvest(
                plan,
                partial(read, client),
                partial(open_publisher, bootstrap, gateway),
                now=datetime.now(UTC),
                tally=tally,
                # Data are requested only with a contact in each request.
                probe=partial(probe, client) if contact and not no_data else None,
            )
        done = True
    finally:
        if done or tally.datasets or tally.sent:
            print_tally(tally, plan)
    if not (contact or no_data):
        echo(
            "no data are requested without --contact WHO: a mail address or a page, for the"
            " operators of their hosts; give it, or --no-data"
        )
    if not tally.is_good:
        sys.exit(1)
