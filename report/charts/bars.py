"""Horizontal bars: one figure of each territory, or of each category."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from catalogue.formatting import NO_BREAK
from catalogue.progress import MilestoneStatus
from report.charts.axes import Scale, is_drawable
from report.charts.labels import EM, Side, Spot, shortened, text_width
from report.charts.marks import filled, mark, patterns
from report.charts.svg import Drawing, element, link, number, words

WIDTH: Final = 560
ROW: Final = 48
HEADER: Final = 26
#: Within a row: the middle of its text, the bar, and the middle of what is said in its place.
TEXT: Final = 12
BAR: Final = 27
BAR_HEIGHT: Final = 13
REASON: Final = 35

_APART: Final = 16
#: How far the target's line goes beyond a bar.
_BEYOND: Final = 3
_LEAST: Final = 2
_BESIDE_THE_MARK_EM: Final = 1.35


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: its value, and the same as French text."""

    label: str
    value: float | None
    """None: there is no bar, and `text` says why."""
    text: str
    status: MilestoneStatus | None = None
    href: str | None = None


def bars(
    prefix: str,
    title: str,
    description: str,
    rows: Sequence[BarRow],
    *,
    target: float | None = None,
    target_text: str = "",
) -> str:
    """Return the bars, in the order given; `target` is a line on each, `target_text` its value.

    A text that does not fit is shortened: a row's link has it whole, and so should a table.
    """
    drawing = Drawing(prefix, title, description)
    level = target if is_drawable(target) else None
    values = [row.value for row in rows if row.value is not None and is_drawable(row.value)]
    if level is not None:
        values.append(level)
    # Without any length a row is half as wide as 1.
    low, high = min([0.0, *values]), max([0.0, *values])
    x = Scale(low, high if high > low else low + 1, 0, WIDTH)
    top = HEADER if level is not None else 0
    height = top + max(len(rows), 1) * ROW
    tops = [top + index * ROW + BAR for index, row in enumerate(rows) if is_drawable(row.value)]
    is_marked = any(row.status is not None for row in rows)
    written = [
        _row(drawing, row, top + index * ROW, x, is_marked=is_marked)
        for index, row in enumerate(rows)
    ]
    return drawing.write(
        patterns(drawing, (row.status for row in rows)),
        *written,
        *_target(level, target_text, x, tops),
        width=WIDTH,
        height=height,
        kind="bars",
        has_links=any(row.href for row in rows),
    )


def _row(drawing: Drawing, row: BarRow, top: float, x: Scale, *, is_marked: bool) -> str:
    value = row.value if is_drawable(row.value) else None
    parts = [element("rect", class_="hit", x=0, y=top, width=WIDTH, height=ROW)]
    indent = _BESIDE_THE_MARK_EM if is_marked else 0
    room = WIDTH - indent * EM
    middle = top + TEXT
    parts.append(mark(row.status, 0, middle))
    if value is None:
        parts.append(_text(shortened(row.label, room), indent, middle, "label"))
        reason = shortened(row.text, room)
        parts.append(_text(reason, indent, top + REASON, "reason"))
    else:
        written = shortened(row.text, WIDTH / 2)
        room -= text_width(written) * EM + _APART
        parts.append(_text(shortened(row.label, room), indent, middle, "label"))
        parts.append(Spot(WIDTH, middle, "end").write(written, "value"))
        parts.extend(_bar(drawing, value, row.status, top + BAR, x))
    # With spaces: label and value are not read as one word.
    whole = " ".join(parts)
    if not row.href:
        return whole
    return link(row.href, f"{row.label}\u00a0: {row.text}", whole, is_written=True)


def _text(text: str, indent: float, y: float, class_: str) -> str:
    """Return a text that begins as many em from the left edge."""
    x = f"{number(indent)}em" if indent else "0"
    return element("text", words(text), class_=class_, x=x, y=y, dy=f"{Side.LEVEL.value}em")


def _bar(
    drawing: Drawing, value: float, status: MilestoneStatus | None, top: float, x: Scale
) -> Iterator[str]:
    yield element("rect", class_="track", x=0, y=top, width=WIDTH, height=BAR_HEIGHT)
    zero, end = x.at(0), x.at(value)
    left, right = min(zero, end), max(zero, end)
    # A small amount is not shown as none.
    if value and right - left < _LEAST:
        left = min(left, WIDTH - _LEAST)
        right = left + _LEAST
    if value:
        yield element(
            "rect",
            **filled(drawing, status, "bar"),
            x=left,
            y=top,
            width=right - left,
            height=BAR_HEIGHT,
        )


def _target(level: float | None, text: str, x: Scale, tops: Sequence[float]) -> Iterator[str]:
    if level is None:
        return
    at = x.at(level)
    line = "".join(
        f"M{number(at)} {number(bar - _BEYOND)}V{number(bar + BAR_HEIGHT + _BEYOND)}"
        for bar in tops
    )
    if tops:
        yield element("path", class_="target", d=line)
    written = shortened(f"Cible{NO_BREAK}: {text}", WIDTH) if text else ""
    width = text_width(written) * EM
    spot = Spot(at, TEXT, "start") if at + width <= WIDTH else Spot(at, TEXT, "end")
    if at < width < WIDTH and spot.anchor == "end":
        spot = Spot(min(max(at, width / 2), WIDTH - width / 2), TEXT, "middle")
    if written:
        yield spot.write(written, "label target-label")
