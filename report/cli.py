"""The commands `page`, `note` and `mcp`: what the delegate reads, as pages, paper and answers."""

from __future__ import annotations

import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from boundary.terminal import echo
from broker.options import BROKER
from events.options import file_option

if TYPE_CHECKING:
    from datetime import date

    from catalogue.contacts import Contacts
    from catalogue.model import Catalogue, Programme
    from report.note.document import Note
    from report.note.month import Month
    from streams.clock import Clock

LAST_SECOND: Final = time(23, 59, 59)
"""The time from which a day counts as over; a fixed clock shows it."""


@click.command()
def page() -> None:
    """Serve the promises as web pages, in French.

    It follows the workers and the topics of events; everything is set by SMART_REGION_…
    variables. The exit status is 0 after a signal, 1 when something failed on the way (restart
    it), 2 when it cannot start.
    """
    from report.process import run_page
    from report.settings import load_page_settings

    sys.exit(run_page(load_page_settings()))


@click.command()
@click.option(
    "--month",
    "month_text",
    metavar="YYYY-MM",
    help="The month of the note; default the last one that is over.",
)
@click.option("--programme", metavar="ID", help="Of one programme alone.")
@click.option(
    "--known-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="With what was recorded up to this day; default the month's last.",
)
@file_option("--out", help="Where to write it: FILE.pdf, .html, .md or .json.")
@click.option(
    "--page",
    "page_url",
    metavar="URL",
    help="Where the delegate's page is, for links; without it they are relative to it.",
)
@click.option("--mail", is_flag=True, help="Send it to those whom --contacts names.")
@file_option(
    "--contacts",
    "contacts_file",
    help="Who is reached, and by which server; the file that `rules render` reads.",
)
@BROKER
def note(
    *,
    month_text: str | None,
    programme: str | None,
    known_on: datetime | None,
    out: Path | None,
    page_url: str | None,
    mail: bool,
    contacts_file: Path | None,
    bootstrap: str | None,
) -> None:
    """Write or mail the monthly note, in French.

    It has two to four pages to print. Figures are those of the month's last day, counted from
    the topics of events. The same month and the same knowledge give the same bytes; FILE.json
    is what the digest in the note is of.
    """
    from catalogue.contacts import load_contacts
    from catalogue.loader import load_catalogue
    from events.producers.model import load_producers
    from report.note.content import NoteRequest, note_of
    from report.note.output import FORMS, note_bytes, send_note
    from report.past import events_known_on
    from streams.settings import load_settings

    if out is None and not mail:
        raise click.UsageError("say where the note goes: --out FILE, or --mail")
    if out is not None and out.suffix not in FORMS:
        raise click.BadParameter(f"end it with one of {', '.join(FORMS)}", param_hint="--out")
    if mail and contacts_file is None:
        raise click.UsageError("--mail needs --contacts FILE, which names who receives it")
    settings = load_settings(broker=bootstrap)
    clock = settings.make_clock()
    month = _month(month_text, clock)
    known = _known_on(known_on, month, clock)
    catalogue = load_catalogue(settings.catalogue)
    chosen = _programme(catalogue, programme)
    contacts: Contacts | None = None
    if contacts_file is not None:
        contacts = load_contacts(
            contacts_file,
            [one.id for one in catalogue.programmes],
            [one.id for one in load_producers(settings.producers)],
        )
    root = "" if page_url is None else f"{page_url.rstrip('/')}/"
    with events_known_on(settings, catalogue, known) as (knowledge, ledger):
        made = note_of(knowledge, ledger, NoteRequest(month, known, chosen, contacts))
    if out is not None:
        _write(out, note_bytes(made, out.suffix, root), made)
    if mail and contacts is not None:
        recipients = send_note(made, contacts, chosen, f"note-{month}", root)
        echo(f"sent to {', '.join(recipients)}: {made.digest}")


@click.command()
@click.option(
    "--page",
    "page_url",
    metavar="URL",
    default="http://127.0.0.1:6072",
    show_default=True,
    help="Where the delegate's page is: it is asked for each answer.",
)
@click.option(
    "--links",
    metavar="URL",
    help="Where readers find the page, if elsewhere: answers link there.",
)
@click.option("--http", is_flag=True, help="Serve over streamable HTTP, at the path /mcp.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="With --http, the address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6073,
    show_default=True,
    help="With --http, the port to listen on; 0 picks a free one, which the log names.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="With --http, a name by which clients address it, such as a proxy's; others are refused.",
)
def mcp(
    *, page_url: str, links: str | None, http: bool, host: str, port: int, names: tuple[str, ...]
) -> None:
    """Answer AI assistants from the delegate's page, in French.

    A server of the Model Context Protocol, read-only, on standard input and output or over HTTP.
    It asks a running page, so its answers are the page's, each with its link.
    """
    from boundary.extras import needs_extra
    from report.page_client import PageClient

    with needs_extra("mcp", needed_by="mcp"):
        from report.mcp_server import mcp_server, run_http, run_stdio
    server = mcp_server(PageClient(page_url), links or page_url)
    if http:
        run_http(server, host, port, names)
    else:
        run_stdio(server)


def _month(text: str | None, clock: Clock) -> Month:
    from events.identifiers import FIRST_DAY
    from report.note.month import Month

    if text is None:
        return Month.before(clock.today())
    try:
        month = Month.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from error
    if month.until < FIRST_DAY:
        message = f"{month} is before all facts: name {FIRST_DAY:%Y-%m} or a later month"
        raise click.BadParameter(message, param_hint="--month")
    if month.until > _last_day_over(clock):
        message = (
            f"{month} is not over yet (the clock says {clock.today()}, UTC): name a month before"
        )
        raise click.BadParameter(message, param_hint="--month")
    return month


def _known_on(chosen: datetime | None, month: Month, clock: Clock) -> date:
    last = _last_day_over(clock)
    day = month.until if chosen is None else chosen.date()
    if not month.until <= day <= last:
        message = (
            f"{day}: name a day from {month.until}, the month's last, to {last}, the last that is"
            " over (UTC)"
        )
        raise click.BadParameter(message, param_hint="--known-on")
    return day


def _last_day_over(clock: Clock) -> date:
    """Return the last day that is over."""
    now = clock.now()
    return now.date() if now.time() >= LAST_SECOND else now.date() - timedelta(days=1)


def _programme(catalogue: Catalogue, identifier: str | None) -> Programme | None:
    if identifier is None:
        return None
    for one in catalogue.programmes:
        if one.id == identifier:
            return one
    known = ", ".join(one.id for one in catalogue.programmes)
    raise click.BadParameter(f"{identifier!r} is none of {known}", param_hint="--programme")


def _write(out: Path, content: bytes, made: Note) -> None:
    from boundary.whole_file import whole_file

    with whole_file(out) as stream:
        stream.write(content)
    echo(f"{out}: {made.digest}")


commands: list[click.Command] = [page, note, mcp]
"""The commands of this package."""
