"""The figures as a table in the terminal, as the delegate reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from catalogue.assessment import Figure
from catalogue.model import Catalogue, Direction, Indicator, Unit
from catalogue.progress import MilestoneStatus
from dashboards.statuses import STATUSES

__all__ = ["figures_table", "format_value", "value_of"]

BEHIND = (MilestoneStatus.MISSED, MilestoneStatus.AT_RISK)

BLANK = "–"
THOUSANDS = "\u202f"
BEFORE_SIGN = "\u00a0"
ASSUMED = "*"
DAY = "%d/%m/%Y"


def figures_table(
    catalogue: Catalogue, figures: Iterable[Figure], as_of: date, *, compact: bool = False
) -> Table:
    """Lay out the region's figures by programme, each with the départements that are behind.

    A figure of an indicator that the catalogue does not have is left out; an indicator without a
    figure has a row of blanks. `compact` has one line for each, and no word on the day or the
    départements: for terminals of 80 columns and 24 lines.
    """
    if compact:
        return _compact_table(catalogue, figures)
    by_place = {(figure.indicator, figure.department): figure for figure in figures}
    table = Table(
        title=f"Smart Région au {as_of.strftime(DAY)}",
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
            figure = by_place.get((indicator.id, None))
            local = [
                one for (name, place), one in by_place.items() if name == indicator.id and place
            ]
            table.add_row(f"  {indicator.title}", *_cells(indicator, figure, local))
        table.add_section()
    return table


def _compact_table(catalogue: Catalogue, figures: Iterable[Figure]) -> Table:
    region = {figure.indicator: figure for figure in figures if figure.department is None}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="underline")
    table.add_column("Indicateur")
    for heading in ("Valeur", "Cible", "Avanc."):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("État", "Projection"):
        table.add_column(heading, no_wrap=True)
    for programme in catalogue.programmes:
        table.add_row(_cut_to_fit(programme.title, style="bold"))
        for indicator in programme.indicators:
            *cells, _ = _cells(indicator, region.get(indicator.id), ())
            table.add_row(_cut_to_fit(f"  {indicator.title}"), *cells)
    return table


def _cut_to_fit(words: str, style: str = "") -> Text:
    # The column itself may shrink, which one that does not wrap would refuse.
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def format_value(
    value: float | None,
    unit: Unit,
    direction: Direction = Direction.RISING,
    *,
    decimals: int = 0,
) -> str:
    """Write a value in French: a ratio as percent, thousands apart, euros with their sign.

    What is beyond the last digit shown is cut on the side away from the target, so that `100,0 %`
    is never read where 100 % is not attained. `decimals` are those of what is no ratio.
    """
    if value is None:
        return BLANK
    if unit is Unit.RATIO:
        return f"{_cut(value, 3, direction) * 100:.1f}{BEFORE_SIGN}%".replace(".", ",")
    digits = f"{_cut(value, decimals, direction):,}".replace(",", THOUSANDS).replace(".", ",")
    return f"{digits}{BEFORE_SIGN}€" if unit is Unit.EUROS else digits


def _cut(value: float, digits: int, direction: Direction) -> Decimal:
    # The shortest text of a float is the decimal that was meant: 0.29, not 0.28999…
    rounding = ROUND_FLOOR if direction is Direction.RISING else ROUND_CEILING
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), rounding)


def _cells(
    indicator: Indicator, figure: Figure | None, local: Sequence[Figure]
) -> Sequence[str | Text]:
    if figure is None:
        return (BLANK,) * 6
    rate = figure.progress_rate
    start = indicator.baseline_for(figure.department)
    assumed_start = start is not None and start.assumed
    look = None if figure.status is None else STATUSES[figure.status]
    return (
        value_of(indicator, figure.value),
        _marked(value_of(indicator, figure.target), assumed=figure.assumed),
        BLANK if rate is None else _marked(f"{int(rate)}{BEFORE_SIGN}%", assumed=assumed_start),
        Text(BLANK) if look is None else Text(look.text, style=look.style),
        BLANK if figure.projected_day is None else figure.projected_day.strftime(DAY),
        _behind(local),
    )


def value_of(indicator: Indicator, value: float | None) -> str:
    """Write a value of an indicator, with the decimals that it is shown with."""
    decimals = 0 if indicator.unit is Unit.RATIO else indicator.decimals
    return format_value(value, indicator.unit, indicator.direction, decimals=decimals)


def _marked(text: str, *, assumed: bool) -> str:
    return f"{text}{BEFORE_SIGN}{ASSUMED}" if assumed else text


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
