"""The report on producers as text, JSON and CSV, to be sent to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from datetime import date
from typing import Any, Literal, TypeAlias

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from boundary.spreadsheets import csv_text
from boundary.text_templates import filled
from catalogue.formatting import NumberFormat
from catalogue.model import Unit
from events.dead_letters import GATEWAY
from events.errors import RefusalReason
from events.producers.model import Producers
from operations.scorecards.classification import ClassifiedRecord
from operations.scorecards.records import table_of
from operations.scorecards.references import Dangling, Reconciliation, ReportModel, reconcile
from operations.scorecards.scorecard import Lateness, Scorecard, scorecards

Format: TypeAlias = Literal["text", "json", "csv"]


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
    with closing(table_of(records, producers)) as table:
        return Report(
            as_of=as_of,
            scorecards=tuple(
                card
                for card in scorecards(table, producers, as_of)
                if only in (None, card.producer)
            ),
            references=reconcile(table, sirets, only=only) if references else None,
        )


def report_text(report: Report, form: Format) -> str:
    """Return a report as text, JSON, or CSV.

    The CSV (RFC 4180, comma, a header line) has a line a producer; with references, a line an
    unknown reference instead.
    """
    if form == "json":
        return report.model_dump_json(indent=1) + "\n"
    if form == "csv":
        return _csv(report)
    filters = {"amount": _counted, "number": _number, "percent": _percent, "place": _place}
    return filled("operations.scorecards", "report.txt", report=report, **filters)


def _csv(report: Report) -> str:
    if report.references is not None:
        lines = (line.model_dump(mode="json") for line in report.references.dangling)
        return csv_text([*Dangling.model_fields], lines)
    rows = [_row(card) for card in report.scorecards]
    return csv_text([*rows[0]] if rows else [], rows)


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


def _place(example: str) -> str:
    return "at the gateway" if example == str(GATEWAY) else example


def _percent(share: float) -> str:
    """Return a share cut, not rounded: 100 % means that nothing was refused."""
    return f"{NumberFormat(Unit.RATIO, decimals=1).cut(share)} %"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _counted(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}" if count == 1 else f"{_number(count)} {noun}s"
