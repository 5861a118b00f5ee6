"""Labels that fit: the room that a text takes, and places where none covers another.

A chart is laid out for the largest type that `charts.css` shows on a narrow screen. Smaller type
takes a part of the same room: it grows from the same point in the same direction.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Self, TypeAlias

from report.charts.svg import plain

EM: Final = 20
"""The largest size of type, in units of a chart: that of `charts.css` on a narrow screen."""

Anchor: TypeAlias = Literal["start", "middle", "end"]

#: Widths in em, those of a wide face in bold (DejaVu Sans), so that others fit too.
_NARROW: Final = frozenset(" .,:;!|/'’()[]ijlIft\u00a0\u202f")
_NARROW_EM: Final = 0.42
_USUAL_EM: Final = 0.7
_CAPITAL_EM: Final = 0.8
_WIDEST_EM: Final = 1.05
_IDEOGRAPH_EM: Final = 1.4
_ELLIPSIS: Final = "…"

#: Every size of face has the same ascent and descent, within this.
_ASCENT: Final = 0.85
_DESCENT: Final = 0.25


class Side(Enum):
    """Where a text is from the point that it belongs to: its baseline's distance, in em."""

    ABOVE = -0.4
    LEVEL = 0.35
    BELOW = 1.1


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a chart."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, *points: tuple[float, float]) -> Self:
        """Return the smallest box with all points."""
        xs, ys = zip(*points, strict=True)
        return cls(min(xs), min(ys), max(xs), max(ys))

    def meets(self, other: Box) -> bool:
        """Return True where both have an inner point in common, or one lies in the other."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Return True where the other is inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for a text: a point, and in which direction it grows from there."""

    x: float
    y: float
    anchor: Anchor = "start"
    side: Side = Side.LEVEL

    def box(self, text: str) -> Box:
        """Return the room that a text takes there."""
        width = text_width(text) * EM
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        baseline = self.y + self.side.value * EM
        return Box(left, baseline - _ASCENT * EM, left + width, baseline + _DESCENT * EM)


def text_width(text: str) -> float:
    """Return the width of a text in em, in a wide face."""
    return sum(map(_character_width, plain(text)))


def _character_width(character: str) -> float:
    if character in _NARROW:
        return _NARROW_EM
    if "0" <= character <= "9" or "a" <= character <= "z":
        return _WIDEST_EM if character in "mw" else _USUAL_EM
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return _IDEOGRAPH_EM
    if character in "MW@%" or not character.isalnum():
        return _WIDEST_EM
    return _CAPITAL_EM if character.isupper() else _USUAL_EM


def shortened(text: str, width: float) -> str:
    """Return a text that is at most so many units wide; what is left out is an ellipsis."""
    if text_width(text) * EM <= width:
        return text
    room = width / EM - text_width(_ELLIPSIS)
    kept = 0
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept += 1
    return f"{text[:kept].rstrip()}{_ELLIPSIS}"


class Labels:
    """The texts of one chart, placed one after another: the most important first."""

    def __init__(self, room: Box, lines: Iterable[Box] = ()) -> None:
        """Create it; `lines` are better not covered."""
        self._room = room
        self._lines = tuple(lines)
        self.taken: list[Box] = []
        """The room of each text, in the order in which they were placed."""
        self.written: list[tuple[str, Spot, str]] = []
        """Each text with its place and its class."""

    def place(
        self, text: str, spots: Sequence[Spot], class_: str, *, optional: bool = False
    ) -> bool:
        """Write a text on the spot where it covers the fewest lines, the first of equal ones.

        Returns False where each would cover another text or leave the chart. An optional text
        covers no line either.
        """
        free = [
            (sum(box.meets(line) for line in self._lines), index)
            for index, spot in enumerate(spots)
            for box in [spot.box(text)]
            if self._room.holds(box) and not any(box.meets(other) for other in self.taken)
        ]
        covered, index = min(free, default=(0, -1))
        if index < 0 or (optional and covered):
            return False
        self.taken.append(spots[index].box(text))
        self.written.append((text, spots[index], class_))
        return True
