"""The outlines of the départements: neighbours without gaps, and whose they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

COMMITTED = Path(__file__).parents[4] / "report" / "charts" / "outlines.json"

Corner = tuple[int, int]


def rings(name: str) -> dict[str, list[Corner]]:
    outlines = json.loads(COMMITTED.read_text(encoding="utf-8"))[name]["outlines"]
    return {code: corners(outline["path"]) for code, outline in outlines.items()}


def corners(path: str) -> list[Corner]:
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


@pytest.mark.parametrize("name", ["region", "inset"])
def test_neighbours_share_their_borders(name: str) -> None:
    """Each side belongs to one outline, or to two that run along it in opposite directions."""
    sides = Counter(side for ring in rings(name).values() for side in pairwise([*ring, ring[0]]))
    outer = [side for side in sides if side[::-1] not in sides]

    assert set(sides.values()) == {1}
    # What has no neighbour is one ring around all: as many sides begin as end at each corner.
    assert Counter(a for a, _ in outer) == Counter(b for _, b in outer)
    assert len(outer) < len(sides) / 2 or name == "inset"


def test_outlines_are_small() -> None:
    read = json.loads(COMMITTED.read_text(encoding="utf-8"))
    paths = [one["path"] for name in ("region", "inset") for one in read[name]["outlines"].values()]

    assert sum(map(len, paths)) <= 8_192
    assert "IGN" in " ".join(read["about"])
