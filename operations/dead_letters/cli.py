"""The commands `smart-region dead-letters list|show|replay|discard`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from boundary.terminal import counted, echo, echo_lines
from broker.options import BROKER, Parsed
from events.errors import RefusalReason
from events.options import KEPT_REASON, stacked

if TYPE_CHECKING:
    from broker.settings import BrokerSettings
    from broker.writing import RecordWriter
    from events.dead_letters import LetterPosition, RecordOrigin
    from events.errors import ContractError
    from operations.dead_letters.entry import Entry, Selection
    from streams.settings import Settings

STATES = ("waiting", "replayed", "discarded")
DEFAULT_MAX_ATTEMPTS = 3
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


def _position(text: str) -> LetterPosition:
    """Read the position of a dead letter, as lists show it."""
    from events.dead_letters import LetterPosition

    return LetterPosition.parse(text)


def _origin(text: str) -> RecordOrigin:
    """Read the origin of a record on an event topic, as a worker's log writes it."""
    from streams.decisions import parse_origin

    return parse_origin(text)


POSITION = Parsed("POSITION", _position)
POSITIONS = click.argument("positions", type=POSITION, nargs=-1, metavar="[POSITION]...")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
UNMASK = click.option(
    "--unmask", is_flag=True, help="Show refused records as they are, persons' data included."
)


DRY_RUN = click.option("--dry-run", is_flag=True, help="Only print what would be done.")
FILTERS = stacked(
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


def _selection(
    *,
    reasons: tuple[str, ...],
    source: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    positions: tuple[LetterPosition, ...] = (),
    state: str | None = None,
) -> Selection:
    """Return what the filters, the positions and the status of a command select."""
    from operations.dead_letters.entry import EntryStatus, Selection

    if since is not None and until is not None and until <= since:
        raise click.BadParameter(
            f"{until} is not after --since {since}: give two times in order", param_hint="--until"
        )
    return Selection(
        positions=frozenset(positions),
        statuses=() if state is None else (EntryStatus(state),),
        reasons=reasons,
        source=source,
        type=kind,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
    )


@click.group(name="dead-letters")
def dead_letters() -> None:
    """List, show, replay or discard refused records."""


@dead_letters.command(name="list")
@FILTERS
@click.option("--state", type=click.Choice(STATES), help="Only those with this status.")
@UNMASK
@JSON_LINES
@BROKER
def list_dead_letters(
    *, unmask: bool, as_json: bool, bootstrap: str | None, **filters: Any
) -> None:
    """List the dead letters, oldest first.

    Each has its position, status, origin and reason. The number in brackets counts the attempts
    to replay it.
    """
    from broker.settings import load_broker_settings
    from operations.dead_letters.entry import LetterCounts
    from operations.dead_letters.formatting import as_document, as_line

    def print_entries() -> Iterator[Entry]:
        for entry in _selected(load_broker_settings(bootstrap), _selection(**filters)):
            if as_json:
                echo(json.dumps(as_document(entry, unmask=unmask)))
            else:
                echo(as_line(entry, unmask=unmask))
            yield entry

    echo(LetterCounts.of(print_entries()), err=True)


@dead_letters.command()
@click.argument("positions", type=POSITION, nargs=-1, required=True, metavar="POSITION...")
@UNMASK
@JSON_LINES
@BROKER
def show(
    *, positions: tuple[LetterPosition, ...], unmask: bool, as_json: bool, bootstrap: str | None
) -> None:
    """Show dead letters with their records.

    Headers and value are as they were refused. The POSITION of a dead letter is the first word of
    its line in the list, such as 0/17. Values are masked: only their structure is shown, and no
    person's data. With --unmask a record that its dead letter does not keep is read from its topic;
    a dead letter of many records is followed by each of them.
    """
    from broker.settings import load_broker_settings
    from operations.dead_letters.entry import Selection
    from operations.dead_letters.formatting import as_full_document, as_text

    selection = Selection(positions=frozenset(positions))
    settings = load_broker_settings(bootstrap)
    missing = {*selection.positions}
    entries = _noting(_selected(settings, selection), missing)
    for entry in _with_full_records(entries, settings) if unmask else entries:
        if as_json:
            echo(json.dumps(as_full_document(entry, unmask=unmask)))
        else:
            echo_lines(as_text(entry, unmask=unmask))
    _report_missing(missing)


@dead_letters.command()
@POSITIONS
@FILTERS
@click.option(
    "--state",
    type=click.Choice(STATES),
    default="waiting",
    show_default=True,
    help="Only those with this status.",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(1, 99_999),
    default=DEFAULT_MAX_ATTEMPTS,
    show_default=True,
    help="Skip dead letters with that many attempts.",
)
@DRY_RUN
@BROKER
def replay(*, max_attempts: int, dry_run: bool, bootstrap: str | None, **filters: Any) -> None:
    """Send the records of dead letters that are now valid again.

    Each is sent byte for byte to the topic of its event, with the headers of a replay. A record
    that its dead letter does not keep is read from its topic. A record that would be refused as
    before is not sent, its dead letter waits, and the exit status is 1. If this command is killed,
    a record may be sent twice: an event counts once.
    """
    from operations.dead_letters.full_record import full_records
    from operations.dead_letters.ledger import verify_topics
    from operations.dead_letters.masking import masked_error
    from operations.dead_letters.replay import Replay, ReplayDestinations, gateway_rules
    from streams.settings import load_settings

    selection = _selection(**filters)
    settings = load_settings(broker=bootstrap)
    clock = settings.make_clock()
    rules = gateway_rules(settings, clock)
    verify_topics(settings)  # With another number of partitions each record would be misrouted.
    missing = {*selection.positions}

    def report(entry: Entry, error: ContractError | None, records: int) -> None:
        times = "once" if entry.attempts == 1 else f"{entry.attempts} times"
        why = f"left alone: tried {times}; --max-attempts {entry.attempts + 1} tries it again"
        if error is not None:
            why = f"still refused: {error.reason} {masked_error(error)}"
        many = "" if entry.letter.summary is None else f"{counted(records, 'record')} "
        echo(f"{entry.letter.position} {many}{why}", err=True)

    with _open_writer(settings, dry_run=dry_run) as writer:
        counts = Replay(
            writer=writer,
            destinations=ReplayDestinations(settings.partitions, rules, settings.record_rules()),
            records_of=partial(
                full_records, bootstrap=settings.broker, security=settings.security()
            ),
            clock=clock,
            max_attempts=max_attempts,
            report=report,
        ).run(_noting(_selected(settings, selection), missing))
    echo(
        f"{counts.sent} {_would(dry_run)}sent again,"
        f" {counts.still_refused} still refused, {counts.given_up} tried too often"
    )
    if counts.came_back:
        came_back = counted(counts.came_back, "record")
        echo(f"{came_back} refused again already: update the workers first", err=True)
    _report_missing(missing)
    if counts.still_refused or counts.given_up or counts.came_back:
        sys.exit(1)


@dead_letters.command()
@POSITIONS
@FILTERS
@click.option(
    "--all", "everything", is_flag=True, help="All waiting dead letters, if no filter is given."
)
@KEPT_REASON
@DRY_RUN
@BROKER
def discard(
    *, everything: bool, because: str, dry_run: bool, bootstrap: str | None, **filters: Any
) -> None:
    """Discard waiting dead letters, with a reason that is kept.

    Later replays skip them. They stay on their topic as long as all dead letters do; `replay
    --state discarded` sends them again. One that you name by its position may be discarded
    already: it gets the new reason.
    """
    from operations.dead_letters import replay as replaying
    from operations.dead_letters.entry import EntryStatus, Selection
    from streams.settings import load_settings

    selection = _selection(**filters)
    if selection == Selection() and not everything:
        raise click.UsageError("say which: give positions or a filter, or --all")
    settings = load_settings(broker=bootstrap)
    missing = {*selection.positions}
    statuses = [EntryStatus.WAITING]
    if selection.positions:
        statuses.append(EntryStatus.DISCARDED)
    selected = _selected(settings, replace(selection, statuses=statuses))
    # Another reason would let a replay send what names an erased person.
    entries = (entry for entry in selected if not entry.is_erased)
    with _open_writer(settings, dry_run=dry_run) as writer:
        count = replaying.discard(
            _noting(entries, missing), writer, because=because, clock=settings.make_clock()
        )
    echo(f"{count} {_would(dry_run)}discarded")
    _report_missing(missing)


@dead_letters.command(name="pass-over")
@click.argument(
    "origins", type=Parsed("ORIGIN", _origin), nargs=-1, required=True, metavar="ORIGIN..."
)
@KEPT_REASON
@DRY_RUN
@BROKER
def skip(
    *, origins: tuple[RecordOrigin, ...], because: str, dry_run: bool, bootstrap: str | None
) -> None:
    """Skip records that crash workers.

    Each worker does so from its next start on. ORIGIN is TOPIC/PARTITION/OFFSET, such as
    smartregion.schools/3/42. A record that is skipped is refused unread (passed_over) by every
    worker and every audit, and has a dead letter. The decision is permanent.
    """
    from operations.dead_letters.ledger import verify_written
    from streams.decisions import skip_record
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    verify_written(settings, origins)
    now = settings.make_clock().now()
    with _open_writer(settings, dry_run=dry_run) as writer:
        writer.send([skip_record(one, because=because, at=now) for one in origins])
    echo(f"{len(origins)} {_would(dry_run)}skipped")


def _selected(settings: BrokerSettings, selection: Selection) -> Iterator[Entry]:
    from operations.dead_letters.ledger import read_entries

    return selection.selected(
        read_entries(
            settings.broker,
            security=settings.security(),
            on_foreign_record=lambda error: echo(error, err=True),
        )
    )


def _with_full_records(entries: Iterable[Entry], settings: BrokerSettings) -> Iterator[Entry]:
    """Yield entries with the records that their letters do not keep, read from their topics."""
    from events.errors import ContractError
    from operations.dead_letters.full_record import full_records

    read = partial(full_records, bootstrap=settings.broker, security=settings.security())
    for entry in entries:
        if entry.letter.summary is not None:
            yield entry
        for _, record in read(entry.letter, entry.letter.runs):
            if not isinstance(record, ContractError):
                yield replace(entry, letter=record)
                continue
            echo(f"{entry.letter.position} {record}", err=True)
            if entry.letter.summary is None:
                yield entry


@contextmanager
def _open_writer(settings: Settings, *, dry_run: bool) -> Iterator[RecordWriter]:
    from broker.writing import KafkaWriter, NullWriter

    if dry_run:
        yield NullWriter()
        return
    with KafkaWriter(settings.broker, security=settings.security()) as writer:
        yield writer


def _would(dry_run: bool) -> str:  # noqa: FBT001 - one word
    return "would be " if dry_run else ""


def _noting(entries: Iterable[Entry], missing: set[LetterPosition]) -> Iterator[Entry]:
    """Yield the entries, of which there may be millions, as they come; none of them is missing."""
    for entry in entries:
        missing.discard(entry.letter.position)
        yield entry


def _report_missing(missing: set[LetterPosition]) -> None:
    """Report named positions without an entry, and exit with status 1."""
    for position in sorted(missing):
        echo(
            f"{position}: no such dead letter, a later one of its record, or not selected:"
            " `dead-letters list` shows all, each with its state",
            err=True,
        )
    if missing:
        sys.exit(1)
