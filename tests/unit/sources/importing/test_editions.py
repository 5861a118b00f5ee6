"""Editions of coverage by commune: Arcep's files, and others of their kind."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.diagnostic import Diagnostic
from events.broadband import BroadbandCoverageReported
from events.communes import MERGED_INTO
from sources.importing.editions import ELSEWHERE as OTHER_REGIONS
from sources.importing.editions import HAS_MERGED, OTHER_WAY, REFUSED, reader_of
from sources.importing.event_building import Finding, FoundEvent, SkippedLine
from sources.importing.mapped import LEFT_OUT
from sources.importing.mapping import CsvMapping, load_mapping
from sources.importing.table import open_table
from tests.support.arcep import ARRONDISSEMENTS, CLASSES, HEADING, WHOLE, edition, row
from tests.support.golden import check_golden
from tests.support.tables import RECORDED, write_file

NAME = "commune_debit_filaire.csv"
PREMISES = st.integers(1, 10**6)


def read(
    folder: Path, text: str, *, name: str = NAME, mapping: CsvMapping | None = None
) -> list[Finding]:
    reader = reader_of(mapping or load_mapping("arcep_debit_filaire"))
    return [*reader.read(open_table(write_file(folder, text, name=name), reader.layout), RECORDED)]


def coverages(found: list[Finding]) -> list[BroadbandCoverageReported]:
    facts = [one.event.fact for one in found if isinstance(one, FoundEvent)]
    assert not [one for one in found if isinstance(one, Diagnostic)]
    return [fact for fact in facts if isinstance(fact, BroadbandCoverageReported)]


def refused(found: list[Finding]) -> str:
    """Return the one refusal of a file of which nothing is sent."""
    assert not [one for one in found if isinstance(one, FoundEvent)]
    (refusal,) = [one for one in found if isinstance(one, Diagnostic)]
    return str(refusal).partition(".csv:")[2]


def lines(*rows: str) -> str:
    return "\n".join((HEADING, *rows, ""))


@given(
    premises=PREMISES,
    losses=st.lists(st.integers(0, 10**5), min_size=CLASSES, max_size=CLASSES),
    day=st.dates(date(2016, 1, 1), date(2024, 2, 29)),
)
def test_what_counts_is_30_mbit_s_of_all_premises(
    tmp_path_factory: pytest.TempPathFactory, premises: int, losses: list[int], day: date
) -> None:
    """Whatever the other classes have, on the edition's day."""
    classes: list[int] = []  # One may be complete: only all together are satellite.
    for loss in losses:
        classes.append(max(0, (classes[-1] if classes else premises) - loss))
    text = lines(
        row("77288", premises, classes, day=day.isoformat()),
        row("77001", 10, [9] * CLASSES, day=day.isoformat()),
    )
    found, _ = coverages(read(tmp_path_factory.mktemp("edition"), text))
    assert (found.premises, found.connectable_premises) == (premises, classes[3])
    assert found.as_of == day


REFUSED_FILES = (
    *((name, edition()) for name in ("commune_debit.csv", "commune_debit_terrestre.csv", "x.csv")),
    *(
        (NAME, edition(networks=networks))
        for networks in ("satellite", "toutes technologies", "terrestre", "", "pro")
    ),
    (NAME, edition(satellite=True, networks="filaire")),
    (
        NAME,  # Each day is judged by itself; a commune without premises says nothing.
        lines(
            row("77001", 100, [90] * CLASSES, day="2020-06-30"),
            row("77001", 100, [100] * CLASSES, day="2020-09-30"),
            row("77002", 0, [0] * CLASSES, day="2020-09-30"),
        ),
    ),
    (NAME, lines(row("77001", 100, [5, 5, 10, 20, 30, 30]))),
    (NAME, edition(communes=(*WHOLE, *ARRONDISSEMENTS))),
)


@pytest.mark.slow
def test_a_file_that_may_count_others_is_refused_as_a_whole(tmp_path: Path) -> None:
    """The golden file has the refusal of each of REFUSED_FILES."""
    found = [f"{name}:{refused(read(tmp_path, text, name=name))}\n" for name, text in REFUSED_FILES]
    check_golden(Path(__file__).with_name("editions.txt"), "".join(found))


def test_one_line_of_other_networks_refuses_the_file(tmp_path: Path) -> None:
    rows = [row(code, 100, [90] * CLASSES) for code in ("77001", "77002", "77003")]
    rows.insert(1, row("77004", 100, [100] * CLASSES, networks="satellite"))
    found = read(tmp_path, lines(*rows, row("01001", 1, [1] * CLASSES)))
    assert refused(found).startswith("3: type: ")
    assert Counter(one.why for one in found if isinstance(one, SkippedLine)) == {
        REFUSED: 3,
        OTHER_REGIONS: 1,
    }


def test_a_commune_of_the_region_may_be_left_out_too(tmp_path: Path) -> None:
    shipped = load_mapping("arcep_debit_filaire")
    mapping = shipped.model_copy(update={"only": {"code_insee": ("75*",)}})
    text = lines(row("77001", 10, [9] * CLASSES), row("01001", 10, [9] * CLASSES))
    found = read(tmp_path, text, mapping=mapping)
    assert found == [SkippedLine(2, LEFT_OUT), SkippedLine(3, OTHER_REGIONS)]


def test_a_wrong_number_is_reported_with_the_file_s_columns(tmp_path: Path) -> None:
    """In the problem and in the remedy: the file has no `premises`."""
    found = read(tmp_path, lines(row("77001", 10, [11] * CLASSES)))
    reported = [str(one).partition(": ")[2] for one in found if isinstance(one, Diagnostic)]
    problem, remedy = "is more than the commune's `nbr`", "write at most 10, or correct `nbr`"
    assert f"elig_thd30: {problem}, value '11': {remedy}" in reported


def last_of_each(found: list[BroadbandCoverageReported]) -> Mapping[str, int]:
    """Add up by département what each commune last had, as the indicators do."""
    newest = {one.insee: one for one in sorted(found, key=lambda one: one.as_of)}
    totals: Counter[str] = Counter()
    for insee, coverage in newest.items():
        totals[insee[:2]] += coverage.premises
    return totals


@pytest.mark.parametrize("whole_first", [True, False])
def test_paris_counts_once_where_editions_differ(tmp_path: Path, *, whole_first: bool) -> None:
    by_arrondissement = tuple(set(WHOLE) - {"75056"}) + ARRONDISSEMENTS
    order = (WHOLE, by_arrondissement) if whole_first else (by_arrondissement, WHOLE)
    first, second = (
        coverages(
            # A column that says wired needs no name.
            read(
                tmp_path,
                edition(seed, sorted(codes), day=f"202{seed}-06-30", networks="Filaire"),
                name="t3.csv",
            )
        )
        for seed, codes in enumerate(order)
    )
    assert {one.insee for one in first if one.premises} == {*order[0]}
    assert last_of_each(first + second) == last_of_each(second)


def test_communes_that_merge_count_once(tmp_path: Path) -> None:
    """What the successor counts is no longer added as its former commune's own."""
    before = coverages(read(tmp_path, edition(1, sorted({*WHOLE, *MERGED_INTO}), day="2018-03-31")))
    found = read(tmp_path, edition(2, sorted({*WHOLE} - {*MERGED_INTO}), day="2020-03-31"))
    after = coverages(found)
    assert {one.insee for one in before} >= {*MERGED_INTO}
    assert {one.insee for one in after if not one.premises} == {*MERGED_INTO, *ARRONDISSEMENTS}
    added = Counter(one.added for one in found if isinstance(one, FoundEvent) and one.added)
    assert added == {HAS_MERGED: len(MERGED_INTO), OTHER_WAY: len(ARRONDISSEMENTS)}
    assert last_of_each(before + after) == last_of_each(after)


def test_a_part_of_the_communes_takes_none_away(tmp_path: Path) -> None:
    assert len(coverages(read(tmp_path, edition(communes=["77001", "95500"])))) == 2


OTHER_SOURCE: dict[str, Any] = {
    "title": "Couverture du département",
    "fact": "broadband.coverage_reported",
    "source": "urn:iledefrance:tres-haut-debit:sdtan",
    "edition": {"networks": "réseau", "wired": ["FttH et câble"]},
    "fields": {
        "insee": "commune",
        "as_of": "relevé",
        "premises": "locaux",
        "connectable_premises": "thd",
    },
}


def test_another_source_has_a_mapping_of_its_own(tmp_path: Path) -> None:
    mapping = CsvMapping.model_validate(OTHER_SOURCE)
    heading = "commune;relevé;locaux;thd;réseau\n77288;30/09/2020;100;"
    (found,) = coverages(read(tmp_path, f"{heading}60;ftth et câble\n", mapping=mapping))
    assert (found.premises, found.connectable_premises) == (100, 60)
    assert "2: thd: is all prem" in refused(
        read(tmp_path, f"{heading}100;FttH et câble\n", mapping=mapping)
    )
    assert "2: réseau: does not say that wired" in refused(
        read(tmp_path, f"{heading}60;satellite\n", mapping=mapping)
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fact": "equipment.delivered"}, "is not for this fact"),
        (
            {"edition": {"networks": "r", "wired": ["x"], "unsaid": ["y"]}},
            "is missing where a word leaves it open",
        ),
        ({"edition": {"networks": "r", "wired": []}}, "at least 1"),
    ],
)
def test_a_mapping_whose_edition_says_too_little_is_wrong(
    change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        CsvMapping.model_validate({**OTHER_SOURCE, **change})
