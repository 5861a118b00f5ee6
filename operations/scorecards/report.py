"""The report on producers as text, JSON and CSV, to be sent to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from boundary.spreadsheets import plain_cell
from boundary.terminal import legible
from catalogue.formatting import NumberFormat
from catalogue.model import Unit
from events.dead_letters import GATEWAY
from events.errors import RefusalReason
from events.producers.model import Producers
from operations.scorecards.classification import ClassifiedRecord
from operations.scorecards.references import Dangling, Reconciliation, References, ReportModel
from operations.scorecards.scorecard import (
    Lateness,
    ProducerStatus,
    Scorecard,
    ScorecardBuilder,
    producer_of,
)

Format: TypeAlias = Literal["text", "json", "csv"]

_STANDINGS: Final = MappingProxyType(
    {
        ProducerStatus.ON_TIME: "on time",
        ProducerStatus.SILENT: "SILENT",
        ProducerStatus.NEVER_HEARD: "never heard",
        ProducerStatus.NOTHING_PROMISED: "no frequency promised",
    }
)


class Report(ReportModel):
    """The scorecards of a day and, where requested, the unknown references."""

    as_of: date
    scorecards: tuple[Scorecard, ...]
    references: Reconciliation | None = None


def report_on(
    records: Iterable[ClassifiedRecord],
    producers: Producers,
    as_of: date,
    *,
    only: str | None = None,
    references: bool = False,
    sirets: Collection[str] | None = None,
) -> Report:
    """Return the report of a day on classified records, in any order.

    With `only` it is about that producer. Raises SmartRegionError, before anything is read.
    """
    if only is not None and producers.get(only) is None:
        known = (one.id for one in producers)
        raise SmartRegionError(
            f"producer: is not declared, value {shown(only)}: name one of {', '.join(known)}, or"
            " declare it in SMART_REGION_PRODUCERS"
        )
    scorecards = ScorecardBuilder(producers)
    found = References()
    for record in records:
        producer = producer_of(record, producers)
        scorecards.add(producer, record)
        if references:
            found.add(producer, record)
    return Report(
        as_of=as_of,
        scorecards=tuple(
            card for card in scorecards.cards(as_of) if only is None or card.producer == only
        ),
        references=found.reconcile(sirets, only=only) if references else None,
    )


def report_text(report: Report, form: Format) -> str:
    """Return a report as text, JSON, or CSV.

    The CSV (RFC 4180, comma, a header line) has a line a producer; with references, a line an
    unknown reference instead.
    """
    return {"text": _text, "json": _json, "csv": _csv}[form](report)


def _json(report: Report) -> str:
    return report.model_dump_json(indent=1) + "\n"


def _csv(report: Report) -> str:
    if report.references is not None:
        lines = (line.model_dump(mode="json") for line in report.references.dangling)
        return _table(tuple(Dangling.model_fields), lines)
    rows = [_row(card) for card in report.scorecards]
    return _table(tuple(rows[0]) if rows else (), rows)


def _table(header: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(header))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: plain_cell(value) for name, value in row.items()})
    return out.getvalue()


def _row(card: Scorecard) -> dict[str, Any]:
    """Return a scorecard as one line: refusals by reason only, a column each."""
    row = card.model_dump(mode="json", exclude={"refusals", "lateness"})
    by_reason = dict.fromkeys(RefusalReason, 0)
    for refusals in card.refusals:
        if refusals.reason in by_reason:  # A later version may have other reasons.
            by_reason[RefusalReason(refusals.reason)] += refusals.count
    late = {name: getattr(card.lateness, name, None) for name in Lateness.model_fields}
    return {
        **row,
        **{f"lateness_{name}": days for name, days in late.items()},
        **{f"refused_{reason.value}": count for reason, count in by_reason.items()},
    }


def _text(report: Report) -> str:
    blocks = ["\n".join(map(legible, _card_lines(card))) for card in report.scorecards]
    if report.references is not None:
        blocks.append("\n".join(map(legible, _reference_lines(report.references))))
    return "\n\n".join(blocks) + "\n"


def _card_lines(card: Scorecard) -> Iterator[str]:
    contact = "" if card.contact is None else f", contact {card.contact}"
    yield f"{card.title} ({card.producer}){contact}"
    yield f"Scorecard of {card.as_of}"
    yield f"  accepted    {_counted(card.accepted, 'event')}{_repeated(card)}"
    share = "" if card.valid_share is None else f"; {_percent(card.valid_share)} valid"
    if card.reused_ids:
        yield (
            f"              {_number(card.reused_ids)} said something else under an id used before:"
            " a correction needs an id of its own"
        )
    if card.misplaced:
        yield (
            f"              {_number(card.misplaced)} not on the partition of their entity,"
            " forwarded by us: check key and partitioner"
        )
    yield f"  refused     {_number(card.refused)}{share}"
    for refusals in card.refusals:
        yield (
            f"              {_number(refusals.count)} {refusals.reason} at {refusals.field},"
            f" for example {_origin(refusals.example)}"
        )
    if card.attempts:
        yield (
            f"              {_number(card.attempts)} reported entities of another producer:"
            " it changed nothing"
        )
    if card.attempts_by_others:
        events = _counted(card.attempts_by_others, "event")
        yield f"  by others   {events} about what this producer owns, refused"
    yield f"  lateness    {_late(card.lateness)}"
    yield f"  last event  {_heard(card)}"
    yield f"  promised    {_promised(card)}: {_STANDINGS[card.standing]}"


def _repeated(card: Scorecard) -> str:
    parts = []
    if card.duplicates:
        repeats = "repeat, which changes" if card.duplicates == 1 else "repeats, which change"
        parts.append(f"{_number(card.duplicates)} {repeats} nothing")
    if card.replayed:
        parts.append(f"{_number(card.replayed)} of them sent again by us after a refusal")
    return "".join(f"; {part}" for part in parts)


def _origin(example: str) -> str:
    return "at the gateway" if example == str(GATEWAY) else example


def _late(lateness: Lateness | None) -> str:
    if lateness is None:
        return "–"
    return (
        f"half recorded within {_days(lateness.median)} of their day, 9 in 10 within"
        f" {_days(lateness.ninth_decile)}, all within {_days(lateness.most)}"
    )


def _heard(card: Scorecard) -> str:
    if card.last_event is None or card.silence_days is None:
        return "never"
    return f"{card.last_event:%Y-%m-%d %H:%M} UTC, {_days(card.silence_days)} before this report"


def _promised(card: Scorecard) -> str:
    if card.expected_every is None:
        return "nothing"
    allowed = card.allowed_silence_days
    silence = "" if allowed is None else f", at most {_days(allowed)} of silence"
    return f"{card.expected_every.value}{silence}"


def _reference_lines(found: Reconciliation) -> Iterator[str]:
    yield "References: facts that name one, and those of them that name an unknown one"
    for kind in found.checked:
        counts = f"{_number(kind.named)} named, {_number(kind.unknown)} unknown"
        yield f"  {kind.kind.value:<11} {counts}"
    for unchecked in found.unchecked:
        yield f"  {unchecked.value:<11} not checked: give --{unchecked.value}s FILE"
    for line in found.dangling:
        yield f"  {_dangling(line)}"


def _dangling(line: Dangling) -> str:
    value = "what is no identifier" if line.value is None else line.value
    what = f"unknown {line.kind.value}: {value} at {line.field}"
    if line.fact is None:
        count = f"{_counted(line.count, 'record')} refused"
    else:
        count = f"{_number(line.count)} {line.fact}"
    return f"{what}, {count} of {line.producer}, for example {_origin(line.example)}"


def _percent(share: float) -> str:
    """Return a share cut, not rounded: 100 % means that nothing was refused."""
    return f"{NumberFormat(Unit.RATIO, decimals=1).cut(share)} %"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _counted(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}" if count == 1 else f"{_number(count)} {noun}s"


def _days(count: int) -> str:
    return _counted(count, "day")
