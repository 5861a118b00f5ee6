"""The map of communes: its outlines, and what it shows."""

from __future__ import annotations

import csv
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.communes import COMMUNES
from report.charts.commune_map import (
    MapSpot,
    centre_of,
    codes_of,
    commune_map,
    commune_of,
    communes,
    point_at,
    position_at,
    share_class,
)
from tests.support.drawings import drawn
from tests.support.tables import shared_file

Point = tuple[int, int]


def edges_of(path: str) -> list[frozenset[Point]]:
    edges = []
    for ring in path.removeprefix("M").split("M"):
        numbers = [int(one) for one in re.findall(r"-?\d+", ring)]
        steps = list(zip(numbers[::2], numbers[1::2], strict=True))
        points = [steps[0]]
        for right, down in steps[1:]:
            points.append((points[-1][0] + right, points[-1][1] + down))
        edges += [frozenset(pair) for pair in zip(points, points[1:] + points[:1], strict=True)]
    return edges


def test_neighbours_share_their_borders() -> None:
    """Each edge is one commune's, at the Région's border, or that of two: there are no slits."""
    used = Counter(edge for one in communes().values() for edge in edges_of(one.path))
    outer = sum(number == 1 for number in used.values())

    assert max(used.values()) == 2
    assert outer < len(used) / 10


def test_every_commune_has_its_outline_and_the_name_that_insee_gives_it() -> None:
    """But for the few of another year's list."""
    path = shared_file("cog_communes_idf.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["TYPECOM"] == "COM"]
    names = {row["COM"]: row["LIBELLE"].replace("'", "’") for row in rows}
    known = {code: one.name for code, one in communes().items()}

    assert len(known) == 1276
    assert len(names.keys() ^ known.keys()) < 30
    both = names.keys() & known.keys()
    assert {code: names[code] for code in both} == {code: known[code] for code in both}


def test_the_arrondissements_of_paris_are_paris() -> None:
    codes = codes_of("75056")

    assert len(codes) == 21
    assert {commune_of(one) for one in codes} == {"75056"}
    assert (commune_of("77288"), codes_of("77288")) == ("77288", ["77288"])


@pytest.mark.parametrize(
    ("share", "found"),
    [(None, "none"), (0, "1"), (0.1999, "1"), (0.2, "2"), (0.99, "5"), (1, "5")],
)
def test_a_share_has_one_of_five_classes(share: float | None, found: str) -> None:
    assert share_class(share) == found


def test_a_department_has_a_link_for_each_commune() -> None:
    within = [code for code in communes() if code.startswith("95")]
    made = drawn(
        commune_map(
            "c",
            "t",
            "d",
            {within[0]: 0.5},
            within=within,
            chosen=within[1],
            label=lambda code: (f"communes/{code}", communes()[code].name),
        )
    )
    links = [one.get("aria-label") for one in made.root.iter("a")]

    assert links == [communes()[code].name for code in within]
    assert len(made.all("share-3")) == 1
    assert len(made.all("share-none")) == len(within) - 1
    assert len(made.all("chosen")) == 1


def test_the_whole_region_has_one_path_for_each_class() -> None:
    shares = {code: place / 1276 for place, code in enumerate(communes())}
    made = commune_map("c", "t", "d", shares)

    assert made.count("<path") == 5
    assert len(made) < 110_000


def test_spots_differ_in_shape_and_stand_on_the_ground() -> None:
    spots = [
        MapSpot((500, 500), counts, href, "Lycée") for counts in (True, False) for href in ("x", "")
    ]
    made = drawn(commune_map("c", "t", "d", spots=spots))
    (ground,), counted, missing = (
        made.all(one) for one in ("ground", "spot-counted", "spot-missing")
    )

    assert (len(counted), len(missing)) == (2, 2)
    assert [one.get("aria-label") for one in made.root.iter("a")] == ["Lycée", "Lycée"]
    assert {"a" in str(one.get("d")) for one in counted} == {True}
    assert {"a" in str(one.get("d")) for one in missing} == {False}
    assert ground is not None


def test_lycees_are_in_their_communes() -> None:
    """Those whose exact position the ministry's directory has; the outlines are simplified."""
    path = shared_file("lycees_idf_uai.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if "exacte" in row["source_coordonnees"]]
    inside = [
        communes()[commune_of(row["code_insee_commune"])].contains(
            point_at(f"{row['lat']},{row['lon']}")
        )
        for row in rows
    ]

    assert len(inside) > 100
    assert sum(inside) >= 0.98 * len(inside)


@given(st.integers(48_000_000, 49_999_999), st.integers(1_000_000, 3_999_999))
def test_a_point_is_where_its_position_says(latitude: int, longitude: int) -> None:
    position = f"{latitude / 1e6:.6f},{longitude / 1e6:.6f}"

    assert position_at(point_at(position)) == position


def test_a_centre_is_within_its_commune_s_bounds() -> None:
    for code, one in communes().items():
        centre = centre_of(code)
        assert centre is not None
        assert one.left < centre[0] < one.right
        assert one.top < centre[1] < one.bottom
    assert communes()["77288"].contains(centre_of("77288") or (0, 0))


def test_every_code_that_events_may_have_leads_to_a_centre() -> None:
    """An arrondissement has that of Paris, a former commune that of its successor."""
    assert all(centre_of(code) for codes in COMMUNES.values() for code in codes)
    assert centre_of("75104") == centre_of("75056")
    assert centre_of("77999") is None
