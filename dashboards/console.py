"""The figures as a table in the terminal, as the delegate reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from catalogue.figure import Figure
from catalogue.formatting import BLANK, NO_BREAK, NumberFormat, day_text, percent_text
from catalogue.model import Catalogue, Indicator
from catalogue.progress import MilestoneStatus
from catalogue.statuses import STATUSES

BEHIND = (MilestoneStatus.MISSED, MilestoneStatus.AT_RISK)

ASSUMED = "*"


def figures_table(
    catalogue: Catalogue, figures: Iterable[Figure], as_of: date, *, compact: bool = False
) -> Table:
    """Lay out the region's figures by programme, each with the départements that are behind.

    A figure of an indicator that the catalogue does not have is left out; an indicator without a
    figure has a row of blanks. `compact` has one line for each, without the day and the
    départements: for terminals of 80 columns and 24 lines.
    """
    if compact:
        return _compact_table(catalogue, figures)
    by_territory = {(figure.indicator, figure.department): figure for figure in figures}
    table = Table(
        title=f"Smart Région au {day_text(as_of)}",
        caption=f"{ASSUMED} supposé : la promesse ne fixe pas la cible, l’échéance ou le départ",
        box=SIMPLE_HEAD,
        padding=0,
    )
    # Figures are never cut; in a narrow terminal the words wrap.
    table.add_column("Indicateur", min_width=12)
    for heading in ("Valeur", "Cible", "Avanc."):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("État", min_width=9)
    table.add_column("Projection", no_wrap=True)
    table.add_column("En retard", min_width=9)
    for programme in catalogue.programmes:
        table.add_row(Text(programme.title, style="bold"))
        for indicator in programme.indicators:
            figure = by_territory.get((indicator.id, None))
            local = [
                one
                for (name, department), one in by_territory.items()
                if name == indicator.id and department
            ]
            table.add_row(f"  {indicator.title}", *_cells(indicator, figure, local))
        table.add_section()
    return table


def _compact_table(catalogue: Catalogue, figures: Iterable[Figure]) -> Table:
    region = {figure.indicator: figure for figure in figures if figure.department is None}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="underline")
    # The first programme stands beside the headings: a terminal of 24 lines has none to spare.
    first, *_ = catalogue.programmes
    table.add_column(_cut_to_fit(first.title))
    for heading in ("Valeur", "Cible", "Avanc."):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("État", "Projection"):
        table.add_column(heading, no_wrap=True)
    for programme in catalogue.programmes:
        if programme is not first:
            table.add_row(_cut_to_fit(programme.title, style="bold"))
        for indicator in programme.indicators:
            *cells, _ = _cells(indicator, region.get(indicator.id), ())
            table.add_row(_cut_to_fit(f"  {indicator.title}"), *cells)
    return table


def _cut_to_fit(words: str, style: str = "") -> Text:
    # The column itself may shrink, which one that does not wrap would refuse.
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def _cells(
    indicator: Indicator, figure: Figure | None, local: Sequence[Figure]
) -> Sequence[str | Text]:
    if figure is None:
        return (BLANK,) * 6
    start = indicator.baseline_for(figure.department)
    assumed_start = start is not None and start.assumed and figure.progress_rate is not None
    style = None if figure.status is None else STATUSES[figure.status]
    written = NumberFormat.of(indicator).text
    return (
        written(figure.value),
        _marked(written(figure.target), assumed=figure.assumed),
        _marked(percent_text(figure.progress_rate), assumed=assumed_start),
        Text(BLANK) if style is None else Text(style.text, style=style.terminal),
        day_text(figure.projected_day),
        _behind(local),
    )


def _marked(text: str, *, assumed: bool) -> str:
    return f"{text}{NO_BREAK}{ASSUMED}" if assumed else text


def _behind(local: Sequence[Figure]) -> str:
    """Name the départements that are missed or at risk, and those that did not report."""
    judged = [figure for figure in local if figure.status is not None]
    if not judged:
        return BLANK
    behind = sorted(str(figure.department) for figure in judged if figure.status in BEHIND)
    silent = sorted(
        str(figure.department) for figure in judged if figure.status is MilestoneStatus.UNREPORTED
    )
    parts = [_listed(behind, len(judged))] if behind else []
    if silent:
        parts.append(f"non renseigné : {_listed(silent, len(judged))}")
    return " ; ".join(parts) or "aucun"


def _listed(departments: Sequence[str], judged: int) -> str:
    return "tous" if len(departments) == judged > 1 else ", ".join(departments)
