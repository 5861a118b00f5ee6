"""The style sheet of the charts: colours that everybody can tell apart and read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from catalogue.progress import MilestoneStatus

ROOT = Path(__file__).parents[4]
SHEET = (ROOT / "report" / "static" / "charts.css").read_text(encoding="utf-8")

Colour = tuple[float, float, float]
"""Linear red, green and blue."""

#: How red and green weigh for who lacks one of the cones (Machado, Oliveira and Fernandes, 2009).
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
STATUSES = [*MilestoneStatus, "none"]


def colours(block: str) -> dict[str, Colour]:
    found = re.findall(r"--chart-([\w-]+): #([0-9a-f]{3,6});", block)
    return {name: linear(digits) for name, digits in found}


def linear(digits: str) -> Colour:
    full = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    red, green, blue = (int(full[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return expanded(red), expanded(green), expanded(blue)


def expanded(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def luminance(colour: Colour) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: Colour) -> Colour:
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    a, b, c = (root(part) for part in (x, luminance(colour), z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def root(part: float) -> float:
    return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116


def seen(colour: Colour, eyes: str) -> Colour:
    red, green, blue = (
        max(sum(weight * part for weight, part in zip(row, colour, strict=True)), 0.0)
        for row in EYES[eyes]
    )
    return red, green, blue


def block(start: str) -> dict[str, Colour]:
    return colours(re.findall(r"\.chart \{.*?\}", SHEET[SHEET.index(start) :], re.DOTALL)[0])


THEMES = {
    "light": block(".chart {"),
    "dark": block("@media (prefers-color-scheme: dark)"),
    "print": block("@media print"),
}


@pytest.mark.parametrize("theme", THEMES)
def test_everything_stands_out(theme: str) -> None:
    found = THEMES[theme]
    surface = found["surface"]

    assert contrast(found["text"], surface) >= 7
    assert contrast(found["muted"], surface) >= 4.5
    assert [
        name for name in ("axis", "line", *STATUSES) if contrast(found[name], surface) < 3
    ] == []


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_statuses_are_told_apart(theme: str, eyes: str) -> None:
    found = {name: lab(seen(THEMES[theme][name], eyes)) for name in STATUSES}
    near = [
        pair
        for pair in combinations(STATUSES, 2)
        if sum((a - b) ** 2 for a, b in zip(found[pair[0]], found[pair[1]], strict=True)) < 12**2
    ]

    assert near == []


def test_surfaces_are_the_page_s() -> None:
    assert THEMES["light"]["surface"] == linear("ffffff")
    assert THEMES["dark"]["surface"] == linear("14171c")


def test_every_status_has_its_colour() -> None:
    for status in STATUSES:
        assert f".chart .status-{status} {{" in SHEET


def test_nothing_is_loaded() -> None:
    assert not re.search(r"url\(|@import|@font-face|expression|javascript", SHEET)
