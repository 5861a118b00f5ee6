"""The outlines of the départements: neighbours without gaps, and where they come from."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.outlines import COMMITTED, outlines_text

ROOT = Path(__file__).parents[4]
SOURCE = ROOT.parent / "shared" / "data" / "departements-ile-de-france.geojson"

Corner = tuple[int, int]


def rings(name: str) -> dict[str, list[Corner]]:
    """Return the outlines of one map, in tenths of a unit."""
    outlines = json.loads(COMMITTED.read_text(encoding="utf-8"))[name]["outlines"]
    return {code: corners(outline["path"]) for code, outline in outlines.items()}


def corners(path: str) -> list[Corner]:
    """Follow a path."""
    found = re.fullmatch(r"M([^l]+)l([^z]+)z", path)
    assert found is not None
    x, y, *more = [
        round(float(number) * 10)
        for part in found.groups()
        for number in re.findall(r"-?(?:\d+(?:\.\d+)?|\.\d+)", part)
    ]
    ring = [(x, y)]
    for dx, dy in zip(more[::2], more[1::2], strict=True):
        x, y = x + dx, y + dy
        ring.append((x, y))
    return ring


def area(ring: list[Corner]) -> float:
    """Return the area that a ring encloses, positive on one side."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*ring, ring[0]])) / 2


@pytest.mark.parametrize("name", ["region", "inset"])
def test_neighbours_share_their_borders(name: str) -> None:
    """Each side belongs to one outline, or to two that run along it in opposite directions."""
    sides = Counter(side for ring in rings(name).values() for side in pairwise([*ring, ring[0]]))
    outer = [side for side in sides if side[::-1] not in sides]

    assert set(sides.values()) == {1}
    # What has no neighbour is one ring around all: as many sides begin as end at each corner.
    assert Counter(a for a, _ in outer) == Counter(b for _, b in outer)
    assert len(outer) < len(sides) / 2 or name == "inset"


def test_the_largest_is_seine_et_marne() -> None:
    """Half of the Région, as on the ground: 5 915 of 12 011 km²; Paris is 105."""
    areas = {code: abs(area(ring)) for code, ring in rings("region").items()}
    whole = sum(areas.values())

    assert areas["77"] / whole == pytest.approx(5915 / 12_011, rel=0.02)
    assert areas["75"] / whole == pytest.approx(105 / 12_011, rel=0.1)


def test_outlines_are_small() -> None:
    """Both maps together are at most 8 kB of paths, and say where they come from."""
    read = json.loads(COMMITTED.read_text(encoding="utf-8"))
    paths = [one["path"] for name in ("region", "inset") for one in read[name]["outlines"].values()]

    assert sum(map(len, paths)) <= 8_192
    assert "IGN" in " ".join(read["about"])


@pytest.mark.skipif(not SOURCE.is_file(), reason=f"the source is not there: {SOURCE}")
def test_outlines_are_those_of_their_source() -> None:
    """`python -m tests.outlines` would write the same file."""
    assert COMMITTED.read_text(encoding="utf-8") == outlines_text(
        SOURCE.read_text(encoding="utf-8")
    )
