"""The commands `smart-region dead-letters list|show|replay|discard`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from boundary.showing import say, say_text
from broker.options import BROKER
from events.errors import RefusalReason

if TYPE_CHECKING:
    from broker.settings import BrokerSettings
    from broker.writing import RecordWriter
    from events.dead_letters import LetterPosition, RecordOrigin
    from operations.dead_letters.entry import Entry
    from operations.dead_letters.selection import Selection
    from streams.settings import Settings

__all__ = ["commands"]

STATES = ("waiting", "replayed", "discarded")
DEFAULT_MAX_ATTEMPTS = 3
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


class PlaceType(click.ParamType):
    """A letter's place, as lists show it."""

    name = "PLACE"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> LetterPosition:
        """Read a place; refuse what is none."""
        from events.dead_letters import LetterPosition

        try:
            return value if isinstance(value, LetterPosition) else LetterPosition.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


PLACES = click.argument("places", type=PlaceType(), nargs=-1, metavar="[PLACE]...")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
UNMASK = click.option(
    "--unmask", is_flag=True, help="Show what was refused as it is, persons' data included."
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
FILTERS = (
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        type=click.Choice([reason.value for reason in RefusalReason]),
        help="Only those refused for this reason; may be repeated.",
    ),
    click.option("--source", metavar="URI", help="Only those of this source, or of one below it."),
    click.option("--type", "kind", metavar="TYPE", help="Only events of this type or fact."),
    click.option("--since", type=MOMENT, metavar="TIME", help="Refused then or later (UTC)."),
    click.option("--until", type=MOMENT, metavar="TIME", help="Refused before then (UTC)."),
)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filters; it takes them as one `selection`."""

    @wraps(command)
    def selecting(
        *,
        reasons: tuple[str, ...],
        source: str | None,
        kind: str | None,
        since: datetime | None,
        until: datetime | None,
        places: tuple[LetterPosition, ...] = (),
        state: str | None = None,
        **options: Any,
    ) -> None:
        from operations.dead_letters.entry import EntryStatus
        from operations.dead_letters.selection import Selection

        selection = Selection(
            places=frozenset(places),
            states=() if state is None else (EntryStatus(state),),
            reasons=reasons,
            source=source,
            type=kind,
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
        )
        command(selection=selection, **options)

    for option in reversed(FILTERS):
        selecting = option(selecting)
    return selecting


def stated(default: str | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the filter by state."""
    return click.option(
        "--state",
        type=click.Choice(STATES),
        default=default,
        show_default=default is not None,
        help="Only those that stand so.",
    )


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at the records that were refused; send them again, or let them go."""


@dead_letters.command(name="list")
@filtered
@stated(None)
@UNMASK
@JSON_LINES
@BROKER
def list_dead_letters(
    *, selection: Selection, unmask: bool, as_json: bool, bootstrap: str | None
) -> None:
    """List the dead letters, oldest first: where each came from, why, and what was done about it.

    The number in brackets tells how often a letter was tried again.
    """
    from broker.settings import load_broker_settings
    from operations.dead_letters.entry import LetterCounts
    from operations.dead_letters.formatting import as_document, as_line

    def told() -> Iterator[Entry]:
        for case in _cases(load_broker_settings(bootstrap), selection):
            if as_json:
                say(json.dumps(as_document(case, unmask=unmask)))
            else:
                say(as_line(case, unmask=unmask))
            yield case

    say(LetterCounts.of(told()), err=True)


@dead_letters.command()
@click.argument("places", type=PlaceType(), nargs=-1, required=True, metavar="PLACE...")
@UNMASK
@JSON_LINES
@BROKER
def show(
    *, places: tuple[LetterPosition, ...], unmask: bool, as_json: bool, bootstrap: str | None
) -> None:
    """Show dead letters whole: headers and value as they were refused.

    A letter's PLACE is the first word of its line in the list, as 0/17. Values are masked, so that
    the structure is seen and no person's data. With --unmask a record that its letter does not
    keep is read from its topic.
    """
    from broker.settings import load_broker_settings
    from operations.dead_letters.formatting import as_text, as_whole_document
    from operations.dead_letters.selection import Selection

    selection = Selection(places=frozenset(places))
    settings = load_broker_settings(bootstrap)
    cases = list(_cases(settings, selection))
    if unmask:
        cases = _made_whole(cases, settings)
    for case in cases:
        if as_json:
            say(json.dumps(as_whole_document(case, unmask=unmask)))
        else:
            say_text(as_text(case, unmask=unmask) + "\n")
    _tell_missing(selection, cases)


@dead_letters.command()
@PLACES
@filtered
@stated("waiting")
@click.option(
    "--max-attempts",
    type=click.IntRange(1, 99_999),
    default=DEFAULT_MAX_ATTEMPTS,
    show_default=True,
    help="Leave those alone that were tried so often.",
)
@DRY_RUN
@BROKER
def replay(
    *, selection: Selection, max_attempts: int, dry_run: bool, bootstrap: str | None
) -> None:
    """Send waiting letters again, byte for byte: those that are valid by now.

    Each goes to the topic of its event, marked as a replay. A letter that does not keep its
    record is sent whole, where the record is still on its topic. What would be refused as before is
    not sent and waits on; the exit status is then 1. A letter may be sent twice, if this command is
    killed: an event counts once however often it comes.
    """
    from operations.dead_letters import replay as handling
    from operations.dead_letters.destination import ReplayDestinations
    from operations.dead_letters.full_record import FullRecords
    from operations.dead_letters.gateway_rules import gateway_rules
    from operations.dead_letters.ledger import verify_topics
    from operations.dead_letters.masking import masked_error
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    clock = settings.make_clock()
    rules = gateway_rules(settings, clock)
    verify_topics(settings)  # On a wrong number of partitions each copy would go astray.
    # All before the first is sent: one that is refused again comes back as a new letter.
    cases = list(_cases(settings, selection))
    with (
        FullRecords(settings.broker, security=settings.security()) as whole,
        _post(settings, dry_run=dry_run) as post,
    ):
        way_back = ReplayDestinations(settings.partitions, rules, whole, settings.record_rules())
        done = handling.replay(cases, post, way_back, clock=clock, max_attempts=max_attempts)
    for case, error in done.still_refused:
        say(f"{case.letter.place} still refused: {error.reason} {masked_error(error)}", err=True)
    for case in done.given_up:
        say(f"{case.letter.place} left alone: tried {case.attempts} times", err=True)
    say(
        f"{len(done.sent)} {_would(dry_run)}sent again, {len(done.still_refused)} still refused, "
        f"{len(done.given_up)} tried too often"
    )
    _tell_missing(selection, cases)
    if done.still_refused or done.given_up:
        sys.exit(1)


@dead_letters.command()
@PLACES
@filtered
@click.option("--all", "everything", is_flag=True, help="All that wait, where no filter is given.")
@click.option("--because", required=True, metavar="TEXT", help="Why; kept with the outcome.")
@DRY_RUN
@BROKER
def discard(
    *, selection: Selection, everything: bool, because: str, dry_run: bool, bootstrap: str | None
) -> None:
    """Let waiting letters go: no replay takes them up again, and the reason is kept.

    They stay on their topic as long as all letters do; `replay --state discarded` brings them back.
    """
    from operations.dead_letters import replay as handling
    from operations.dead_letters.entry import EntryStatus
    from operations.dead_letters.selection import Selection
    from streams.settings import load_settings

    if selection == Selection() and not everything:
        raise click.UsageError("say which: give places or a filter, or --all")
    settings = load_settings(broker=bootstrap)
    cases = list(_cases(settings, replace(selection, states=(EntryStatus.WAITING,))))
    with _post(settings, dry_run=dry_run) as post:
        count = handling.discard(cases, post, because=because, clock=settings.make_clock())
    say(f"{count} {_would(dry_run)}discarded")
    _tell_missing(selection, cases)


class OriginType(click.ParamType):
    """Where a record of an event topic lies, as a worker's log names it."""

    name = "ORIGIN"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> RecordOrigin:
        """Read where a record lies; refuse what does not say."""
        from streams.passed_over import parse_origin

        try:
            return parse_origin(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dead_letters.command(name="pass-over")
@click.argument("origins", type=OriginType(), nargs=-1, required=True, metavar="ORIGIN...")
@click.option("--because", required=True, metavar="TEXT", help="Why; kept with the decision.")
@DRY_RUN
@BROKER
def pass_over(
    *, origins: tuple[RecordOrigin, ...], because: str, dry_run: bool, bootstrap: str | None
) -> None:
    """Have workers pass over records at which they end, from their next start on.

    ORIGIN is TOPIC/PARTITION/OFFSET, as smartregion.schools/3/42. A record that is passed over is
    refused unread (passed_over), by every worker and every audit, and is kept as a dead letter. The
    decision is kept for ever.
    """
    from streams.passed_over import decision_record
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    now = settings.make_clock().now()
    with _post(settings, dry_run=dry_run) as post:
        post.send([decision_record(one, because=because, at=now) for one in origins])
    say(f"{len(origins)} {_would(dry_run)}passed over")


def _cases(settings: BrokerSettings, selection: Selection) -> Iterator[Entry]:
    from operations.dead_letters.ledger import read_cases

    return (
        case
        for case in read_cases(
            settings.broker,
            security=settings.security(),
            on_stranger=lambda error: say(error, err=True),
        )
        if case in selection
    )


def _made_whole(cases: Iterable[Entry], settings: BrokerSettings) -> list[Entry]:
    """Give letters that do not keep their record what lies on its topic, where it still does."""
    from events.errors import ContractError
    from operations.dead_letters.full_record import FullRecords

    made = []
    with FullRecords(settings.broker, security=settings.security()) as whole:
        for case in cases:
            try:
                made.append(replace(case, letter=whole(case.letter)))
            except ContractError as error:
                say(f"{case.letter.place} {error}", err=True)
                made.append(case)
    return made


@contextmanager
def _post(settings: Settings, *, dry_run: bool) -> Iterator[RecordWriter]:
    from broker.writing import KafkaWriter, NullWriter

    if dry_run:
        yield NullWriter()
        return
    with KafkaWriter(settings.broker, security=settings.security()) as post:
        yield post


def _would(dry_run: bool) -> str:  # noqa: FBT001 - one word
    return "would be " if dry_run else ""


def _tell_missing(selection: Selection, cases: Iterable[Entry]) -> None:
    """Tell of the letters that were named, and are not among those found; exit status 1."""
    missing = set(selection.places) - {case.letter.place for case in cases}
    for place in sorted(missing):
        say(f"{place}: no such letter, or not one of those asked for", err=True)
    if missing:
        sys.exit(1)


commands: list[click.Command] = [dead_letters]
