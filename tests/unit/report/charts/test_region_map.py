"""The map of the eight départements, by status."""

from itertools import combinations

from hypothesis import example, given
from hypothesis import strategies as st

from catalogue.progress import MilestoneStatus
from events.identifiers import Department
from report.charts.labels import Box
from report.charts.region_map import Area, outline_maps, region_map
from tests.support.drawings import FORBIDDEN_TEXT, any_text, drawn

CODES = [code.value for code in Department]
INSET = {"75", "92", "93", "94"}
areas = st.builds(
    Area,
    status=st.none() | st.sampled_from(MilestoneStatus),
    text=any_text,
    href=st.none() | any_text,
)


LINKED = {
    code: Area(MilestoneStatus.MISSED, "62 %", f"/promesses?territory={code}") for code in CODES
}


@given(st.dictionaries(st.sampled_from(CODES), areas), any_text)
@example({"75": Area(None, FORBIDDEN_TEXT, FORBIDDEN_TEXT)}, FORBIDDEN_TEXT)
def test_any_areas_can_be_drawn(shown: dict[str, Area], text: str) -> None:
    drawn(region_map("m", text, text, shown)).check()


def test_every_departement_is_labelled_once() -> None:
    found = drawn(region_map("m", "", "", LINKED))
    corners = found.points("plate")
    plates = [Box.around(*pair) for pair in zip(corners[::2], corners[1::2], strict=True)]

    assert sorted(found.words) == CODES
    assert len(plates) == len(found.all("mark")) == 8
    assert not [pair for pair in combinations(plates, 2) if pair[0].meets(pair[1])]


def test_every_departement_is_reached_once() -> None:
    """By name; the small ones are links once more, for the pointer alone."""
    links = list(drawn(region_map("m", "", "", LINKED)).root.iter("a"))
    named = [name for one in links if (name := one.get("aria-label"))]
    copies = [one.get("href", "")[-2:] for one in links if one.get("aria-hidden")]

    assert min(named) == "Essonne (91)\u00a0: 62 %"
    assert len({*named}) == 8
    assert {*copies} == INSET
    assert len(links) == 12


def test_a_map_without_links_is_a_picture() -> None:
    found = drawn(region_map("m", "", "", {}))

    assert found.root.get("role") == "img"
    assert len(found.all("status-none")) == 12
    assert found.all("mark") == []


def test_the_inset_is_a_part_of_the_region() -> None:
    region, inset = outline_maps()["region"], outline_maps()["inset"]
    left, top, width, height = inset["enlarges"]

    assert {*inset["outlines"]} == INSET
    assert [*region["outlines"]] == CODES
    assert left + width < region["width"]
    assert top + height < region["height"]
    assert inset["width"] / width > 2
