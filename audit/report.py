"""The report of an audit: a table for people, a document for programs."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console
from rich.table import Table

from audit.comparison import AuditComparison
from audit.ledger import RecordCounts
from audit.recount import Audit
from broker.reading import Extent
from catalogue.figure import Figure, figures_of
from catalogue.formatting import NumberFormat
from catalogue.judgement import judge_all
from catalogue.model import Indicator


def audit_document(
    audit: Audit, comparison: AuditComparison | None = None, extent: Extent | None = None
) -> dict[str, Any]:
    """Return an audit as plain JSON.

    `as_of`, `known_on` (null: with all records), `account` (see `RecordCounts`), `figures` (see
    `catalogue.figure.Figure`: each indicator for the region, `department` null, and where its
    grain allows for each département; of persons no amounts), `categories` (the parts of the
    numerators that have a breakdown, in whole amounts: cents where the indicator is in euros; none
    of persons), `comparison` (null without workers; else `compared`, `different` and a line for
    each of the `differences`) and
    `topics` (by partition, `starts`: the first offset that is left, where that is not 0; `gaps`:
    the first and the last offset of each run of deleted records in the middle; `held`: the records
    behind an open transaction).
    """
    figures = audited_figures(audit)
    return {
        "as_of": audit.as_of.isoformat(),
        "known_on": None if audit.known_on is None else audit.known_on.isoformat(),
        "account": audit.account.model_dump(mode="json"),
        "figures": [figure.model_dump(mode="json") for figure in figures],
        "categories": [
            {
                "indicator": indicator,
                "category": category,
                "department": department,
                "amount": amount,
            }
            for (indicator, category, department), amount in audit.categories.items()
            if audit.catalogue.indicator(indicator).publication is None
        ],
        "comparison": None
        if comparison is None
        else {
            "compared": comparison.compared,
            "different": len(comparison.differences),
            "differences": list(comparison.differences),
        },
        "topics": dataclasses.asdict(extent or Extent()),
    }


def print_audit(
    audit: Audit,
    console: Console,
    comparison: AuditComparison | None = None,
    extent: Extent | None = None,
) -> None:
    """Print the account, what could not be read, the region's figures and the differences."""
    known = "" if audit.known_on is None else f", as known on {audit.known_on}"
    console.out(f"Audit of {audit.as_of}{known}", highlight=False)
    console.out(_counts(audit.account), highlight=False)
    for line in (extent or Extent()).lines():
        console.out(line, highlight=False)
    console.print(_table(audit))
    if comparison is not None:
        for line in comparison.differences:
            console.out(line, highlight=False)
        console.out(_outcome(comparison), highlight=False)


def _outcome(comparison: AuditComparison) -> str:
    different = len(comparison.differences)
    if different and not comparison.compared:
        return "no figure could be compared: the lines before this one say why"
    return f"{comparison.compared} compared, {different} different"


def _counts(account: RecordCounts) -> str:
    counts = (
        f"{account.produced} produced = {account.accepted} accepted + {account.refused} refused"
        f" + {account.duplicates} duplicates; {account.misrouted} misrouted,"
        f" {account.forwarded} forwarded by workers"
    )
    reasons = ", ".join(f"{count} {reason.value}" for reason, count in account.refusals.items())
    return f"{counts}\nrefused: {reasons}" if reasons else counts


def _table(audit: Audit) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("indicator", no_wrap=True)
    for heading in ("value", "counted", "last report"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in audited_figures(audit):
        if figure.department is None:
            indicator = audit.catalogue.indicator(figure.indicator)
            table.add_row(
                figure.indicator,
                NumberFormat.of(indicator).text(figure.value),
                _counted(figure, indicator),
                str(figure.last_reported or "never"),
            )
    return table


def audited_figures(audit: Audit) -> tuple[Figure, ...]:
    """Judge what was counted; of persons, whose exact numbers are not shown, only the region's day.

    The assessor and the export show what is published of them.
    """
    judged = judge_all(audit.catalogue, audit.histories, audit.as_of)
    return tuple(
        figure
        if audit.catalogue.indicator(figure.indicator).publication is None
        else figure.model_copy(
            update={
                "status": None,
                "numerator": None,
                "denominator": None,
                "last_reported": audit.readings[figure.indicator, None].last_reported,
            }
        )
        for figure in figures_of(audit.catalogue, judged, audit.as_of)
    )


def _counted(figure: Figure, indicator: Indicator) -> str:
    if indicator.publication is not None:
        return "persons"
    if not indicator.measure.additive:
        return "observed"
    over = "" if figure.denominator is None else f"/{figure.denominator}"
    return f"{figure.numerator}{over}"
