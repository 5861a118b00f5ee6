"""The demo's output while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Final, Self, TextIO, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from boundary.terminal import legible
from catalogue.figure import Figure
from catalogue.formatting import (
    BLANK,
    NO_BREAK,
    STATUSES,
    NumberFormat,
    count_text,
    day_text,
    progress_text,
)
from catalogue.model import Catalogue, Indicator
from catalogue.progress import MilestoneStatus

BEHIND = (MilestoneStatus.MISSED, MilestoneStatus.AT_RISK)

ASSUMED = "*"
ASSUMED_MEANS = "supposé : la promesse ne fixe pas la cible, l’échéance ou le départ"


def figures_table(
    catalogue: Catalogue, figures: Iterable[Figure], as_of: date, *, compact: bool = False
) -> Table:
    """Lay out the region's figures by programme, each with the départements that are behind.

    A figure of an indicator that the catalogue does not have is left out; an indicator without a
    figure has a row of blanks. `compact` has one line for each, without the day and the
    départements: for terminals of 80 columns and 24 lines.
    """
    by_territory = {(figure.indicator, figure.department): figure for figure in figures}
    first, *_ = catalogue.programmes
    if compact:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="underline")
        # The first programme stands beside the headings: a terminal of 24 lines has none to spare.
        table.add_column(_cut_to_fit(first.title))
    else:
        table = Table(
            title=f"Smart Région au {day_text(as_of)}",
            caption=f"{ASSUMED} {ASSUMED_MEANS}",
            box=SIMPLE_HEAD,
            padding=0,
        )
        table.add_column("Indicateur", min_width=12)
    # Figures are never cut; in a narrow terminal the words wrap.
    for heading in ("Valeur", "Cible", "Avanc."):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("État", min_width=9, no_wrap=compact)
    table.add_column("Projection", no_wrap=True)
    if not compact:
        table.add_column("En retard", min_width=9)
    words = _cut_to_fit if compact else Text
    for programme in catalogue.programmes:
        if not compact or programme is not first:
            table.add_row(words(programme.title, style="bold"))
        for indicator in programme.indicators:
            local = [
                one
                for (name, department), one in by_territory.items()
                if name == indicator.id and department
            ]
            *cells, behind = _cells(indicator, by_territory.get((indicator.id, None)), local)
            table.add_row(words(f"  {indicator.title}"), *cells, *([] if compact else [behind]))
        if not compact:
            table.add_section()
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
        _marked(progress_text(figure.progress_rate, indicator), assumed=assumed_start),
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


WIDE: Final = 100
"""Columns from which on the words of the whole table do not wrap much."""
START_STEPS: Final = 6
"""How many steps are shown before the first frame."""
PAGE_FRAMES: Final = 5
"""How many frames, about a second each, show the same page of a table that is too long."""
TENTH: Final = 10


FiguresLayout: TypeAlias = Callable[..., RenderableType]
"""Lays out the figures of a day, as `figures_table` does once it has a catalogue."""


@dataclass(frozen=True, slots=True)
class ScreenFrame:
    """The demo at one moment; no figures while the worker shows none."""

    day: date
    sent: int
    figures: tuple[Figure, ...]
    address: str
    """Where the worker serves /metrics, HOST:PORT."""


class LiveScreen:
    """A bar, and under it the table of the figures, redrawn in place; a context manager.

    A table that is longer than the terminal is shown page by page, and whole when the block ends.
    Notes stay above, written once: 24 lines have no room for them, and a command among them is
    pasted as it is only where the terminal itself breaks its line.
    """

    def __init__(self, console: Console, layout: FiguresLayout, first: date, last: date) -> None:
        self._console = console
        self._layout = layout
        self._first = first
        self._days = (last - first).days + 1
        self._live = Live(console=console, auto_refresh=False)
        self._step = Text(style="bold")
        self._bar = Progress(BarColumn(bar_width=None), TaskProgressColumn(), expand=True)
        self._task = self._bar.add_task("", total=START_STEPS)
        self._frame: ScreenFrame | None = None
        self._frames = 0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw(whole=True)
        self._live.stop()

    def step(self, text: str) -> None:
        """Write the step over the bar, which moves on while the demo starts."""
        self._step.plain = text
        if self._frame is None:
            self._bar.advance(self._task)
        self._draw()

    def note(self, text: str) -> None:
        """Write the note above the step."""
        self._live.console.print(Text(text, style="dim"), soft_wrap=True)

    def show(self, frame: ScreenFrame) -> None:
        """Draw the bar at the frame's day, where the metrics are, and the table."""
        passed = (frame.day - self._first).days + 1
        self._bar.update(self._task, total=self._days, completed=passed)
        self._frame = frame
        self._draw()
        self._frames += 1

    def _draw(self, *, whole: bool = False) -> None:
        parts: list[RenderableType] = [self._step, self._bar]
        if self._frame is not None:
            parts += [self._status(self._frame), self._table(self._frame, whole=whole)]
        self._live.update(Group(*parts), refresh=not whole)

    def _status(self, frame: ScreenFrame) -> Text:
        sent = f"{count_text(frame.sent)} évènements envoyés"
        metrics = f"http://{frame.address}/metrics"
        return Text(f"{frame.day:%d/%m/%Y} · {sent} · {metrics}", style="dim")

    def _table(self, frame: ScreenFrame, *, whole: bool) -> RenderableType:
        above = self._console.render_lines(Group(self._step, self._bar, self._status(frame)))
        room = self._console.height - len(above)
        for compact in (True,) if self._console.width < WIDE else (False, True):
            table = self._layout(frame.figures, frame.day, compact=compact)
            lines = self._console.render_lines(table)
            if len(lines) <= room:
                return table
        return table if whole else self._page(lines, room)

    def _page(self, lines: list[list[Segment]], room: int) -> RenderableType:
        headings, *rows = lines
        size = max(1, room - 2)  # The headings stand above them; below, which rows they are.
        first = range(0, len(rows), size)[self._frames // PAGE_FRAMES % ceil(len(rows) / size)]
        shown = rows[first : first + size]
        where = f"lignes {first + 1} à {first + len(shown)} sur {len(rows)}"
        segments = [part for line in (headings, *shown) for part in (*line, Segment.line())]
        return Group(Segments(segments), Text(where, style="dim"))


@dataclass(slots=True)
class PlainScreen:
    """A line for each step and each tenth of the days, without a single escape code."""

    stream: TextIO
    first: date
    last: date
    frame: ScreenFrame | None = None
    """The last one that was shown."""
    _tenths: int = 0

    def step(self, text: str) -> None:
        """Write the step."""
        self.stream.write(f"{legible(text)}\n")
        self.stream.flush()

    note = step

    def show(self, frame: ScreenFrame) -> None:
        """Write the day where a tenth more of them has passed."""
        self.frame = frame
        days = (self.last - self.first).days + 1
        tenths = ((frame.day - self.first).days + 1) * TENTH // days
        if tenths > self._tenths:
            self._tenths = tenths
            percent = tenths * 100 // TENTH
            self.step(
                f"{day_text(frame.day)} : {count_text(frame.sent)} évènements envoyés ({percent} %)"
            )


Screen: TypeAlias = LiveScreen | PlainScreen
"""Shows what the demo does; all in French, for the delegate."""
