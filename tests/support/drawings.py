"""A chart read back: the position of everything in it, and what it must never contain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final
from xml.etree import ElementTree as ET

from hypothesis import strategies as st

from report.charts.labels import EM, Box, text_width

#: Text that would break out of its place, or could not be read as XML.
FORBIDDEN_TEXT: Final = (
    "<script>alert(1)</script> & \"'> ]]> --> \x00\x08\x1b\x7f\u202e\ud800\ufffe 😀"
)

#: With surrogates, which `st.text()` leaves out.
any_text = st.text(st.characters(codec=None) | st.sampled_from(FORBIDDEN_TEXT))

_COMMANDS: Final = re.compile(r"([MLHVmlhvazZ])([^MLHVmlhvazZ]*)")
_NUMBER: Final = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
_MOVE: Final = re.compile(r"translate\((\S+) (\S+)\)")
_ALLOWED: Final = {
    *("svg", "g", "a", "title", "desc", "defs", "pattern", "path", "rect", "circle", "text"),
}
_MARK: Final = 16


@dataclass(frozen=True)
class Drawn:
    """One chart, parsed."""

    svg: str
    root: ET.Element
    room: Box

    @property
    def texts(self) -> list[tuple[str, Box]]:
        return [
            (one.text or "", _text_box(one, x, y))
            for one, x, y in _placed(self.root, 0.0, 0.0)
            if one.tag == "text"
        ]

    @property
    def words(self) -> list[str]:
        return [text for text, _ in self.texts]

    def all(self, class_: str) -> list[ET.Element]:
        return [one for one in self.root.iter() if class_ in one.get("class", "").split()]

    def points(self, class_: str) -> list[tuple[float, float]]:
        return [
            point
            for one, x, y in _placed(self.root, 0.0, 0.0)
            if class_ in one.get("class", "").split()
            for point in _corners(one, x, y)
        ]

    def check(self) -> None:
        """Fail if the chart violates a rule for all charts."""
        self._check_names()
        self._check_safety()
        self._check_places()

    def _check_names(self) -> None:
        title, description = self.root[0], self.root[1]
        assert (title.tag, description.tag) == ("title", "desc")
        assert self.root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        ids = [one.get("id", "") for one in self.root.iter() if one.get("id") is not None]
        prefix = (title.get("id") or "").removesuffix("-title")
        assert prefix
        assert len(ids) == len(set(ids))
        assert [one for one in ids if not one.startswith(f"{prefix}-")] == []
        for used in re.findall(r"url\((.*?)\)", self.svg):
            assert used.removeprefix("#") in ids
        links = list(self.root.iter("a"))
        assert self.root.get("role") == ("group" if links else "img")
        for link in links:
            is_hidden = link.get("aria-hidden") == "true"
            assert is_hidden == (link.get("tabindex") == "-1")
            assert is_hidden or link.get("aria-label")

    def _check_safety(self) -> None:
        assert {one.tag for one in self.root.iter()} <= _ALLOWED
        for one in self.root.iter():
            for name, value in one.attrib.items():
                assert name != "style"
                assert not name.startswith("on")
                assert name != "href" or one.tag == "a"
                assert "url(" not in value or re.fullmatch(r"url\(#[\w-]+\)", value)

    def _check_places(self) -> None:
        room = Box(-0.06, -0.06, self.room.right + 0.06, self.room.bottom + 0.06)
        for one, x, y in _placed(self.root, 0.0, 0.0):
            for number in _NUMBER.findall(one.get("d", "")):
                assert len(number.partition(".")[2]) <= 1
            for corner in _corners(one, x, y):
                assert room.holds(Box.around(corner)), (one.tag, one.attrib, corner)
        for text, box in self.texts:
            assert room.holds(box), (text, box)
        for (text, box), (other, other_box) in combinations(self.texts, 2):
            assert not box.meets(other_box), (text, other)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - ours


def drawn(svg: str) -> Drawn:
    root = parsed(svg)
    left, top, width, height = map(float, root.get("viewBox", "").split())
    return Drawn(svg, root, Box(left, top, left + width, top + height))


def _placed(parent: ET.Element, x: float, y: float) -> Iterator[tuple[ET.Element, float, float]]:
    """Yield the drawn elements, each with the origin of its coordinates; skip patterns."""
    for one in parent:
        if one.tag == "defs":
            continue
        left, top = x, y
        moved = one.get("transform")
        if moved is not None:
            found = _MOVE.fullmatch(moved)
            assert found is not None
            left, top = x + float(found[1]), y + float(found[2])
        if one.tag == "svg":
            # A mark: its own units are sixteenths of the type.
            assert (one.get("width"), one.get("viewBox")) == ("1em", f"0 0 {_MARK} {_MARK}")
            left, top = x + _length(one.get("x")), y + _length(one.get("y"))
            for shape in one:
                yield _in_type(shape), left, top
            continue
        yield one, left, top
        yield from _placed(one, left, top)


def _in_type(shape: ET.Element) -> ET.Element:
    corners = _path_corners(shape.get("d", ""))
    path = " ".join(f"L{x * EM / _MARK:.1f} {y * EM / _MARK:.1f}" for x, y in corners)
    return ET.Element("path", {**shape.attrib, "d": path})


def _length(text: str | None) -> float:
    number = text or "0"
    length = float(number.removesuffix("em")) * (EM if number.endswith("em") else 1)
    assert abs(length) < float("inf")
    return length


def _corners(one: ET.Element, x: float, y: float) -> Iterator[tuple[float, float]]:
    if one.tag == "path":
        yield from ((x + a, y + b) for a, b in _path_corners(one.get("d", "")))
    elif one.tag == "rect":
        left, top = x + _length(one.get("x")), y + _length(one.get("y"))
        yield left, top
        yield left + _length(one.get("width")), top + _length(one.get("height"))
        assert _length(one.get("width")) >= 0
        assert _length(one.get("height")) >= 0
    elif one.tag == "circle":
        middle, level, radius = (_length(one.get(name)) for name in ("cx", "cy", "r"))
        yield x + middle - radius, y + level - radius
        yield x + middle + radius, y + level + radius


def _path_corners(path: str) -> Iterator[tuple[float, float]]:
    x = y = 0.0
    for command, written in _COMMANDS.findall(path):
        numbers = [float(number) for number in _NUMBER.findall(written)]
        base = (0.0, 0.0) if command.isupper() else None
        match command.lower():
            case "h":
                for number in numbers:
                    x = number if base else x + number
                    yield x, y
            case "v":
                for number in numbers:
                    y = number if base else y + number
                    yield x, y
            case "m" | "l":
                for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
                    x, y = (dx, dy) if base else (x + dx, y + dy)
                    yield x, y
            case "a" | "q":
                # Arcs occur only in marks: their ends are accurate enough.
                x, y = x + numbers[-2], y + numbers[-1]
                yield x, y


def _text_box(one: ET.Element, x: float, y: float) -> Box:
    left = x + _length(one.get("x"))
    baseline = y + _length(one.get("y")) + _length(one.get("dy"))
    width = text_width(one.text or "") * EM
    left -= {"start": 0.0, "middle": width / 2, "end": width}[one.get("text-anchor", "start")]
    return Box(left, baseline - 0.85 * EM, left + width, baseline + 0.25 * EM)
