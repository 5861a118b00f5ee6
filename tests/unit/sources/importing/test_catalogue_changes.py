"""Initial and target values, compared with a catalogue: the blocks to paste, and the refusals."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from boundary.diagnostic import Diagnostic
from catalogue.loader import load_catalogue, load_documents
from events.declaration import InvalidDeclarationError
from events.observation import Territory
from sources.importing.catalogue_changes import CHANGED, CORRECTED, LATER, UNKNOWN, CatalogueChanges
from sources.importing.event_building import Finding, LineOrigin, SkippedLine
from sources.importing.pilote import PiloteValue, ValueKind
from sources.importing.sender import REPEATED
from tests.support.barometer import observed_entry, pasted, programme
from tests.support.tables import RECORDED, write_file

ENTRY = observed_entry("IND-042", percent=True)
MILESTONES = """\
    milestones:
      - { id: early, target: 1, day: 2019-12-31, scope: ["77"], source: x }
      # Everywhere.
      - { id: all, target: 1, day: 2022-12-31, scope: [region, departments], source: x }
"""
LINE = "42;D75;2022-12-31;vc;80"


def changes_of(
    folder: Path, text: str, *lines: str, hours: tuple[int, ...] = ()
) -> tuple[CatalogueChanges, list[Finding]]:
    """Compare lines of a file with a programme; return what to paste, and what the lines are.

    A line is recorded RECORDED, or as many hours later as `hours` has in its place.
    """
    file = write_file(folder, text, name="programme.yaml")
    changes = CatalogueChanges(file)
    for number, line in enumerate(lines, 2):
        indicator, zone, day, kind, value = line.split(";")
        cells = {"zone_id": zone, "date_valeur": day, "valeur": value}
        changes.take(
            PiloteValue(
                f"IND-{indicator:0>3}",
                Territory(zone),
                date.fromisoformat(day),
                ValueKind(kind),
                Decimal(value) if value else None,
            ),
            LineOrigin("dossier/vc.csv", number, cells, {}),
            RECORDED + timedelta(hours=(*hours, *[0] * len(lines))[number - 2]),
        )
    findings = sorted(changes.rest(), key=lambda one: one.line)
    return changes, findings


def after_paste(folder: Path, text: str, *lines: str) -> dict[str, Any]:
    """Return the first indicator's plain data once what is printed has been pasted.

    No line is refused; the result is a catalogue, and comparing the lines again changes nothing.
    """
    changes, findings = changes_of(folder, text, *lines)
    assert [one for one in findings if not isinstance(one, SkippedLine)] == []
    text = pasted(text, "\n".join(changes.report))
    again, _ = changes_of(folder, text, *(line for line in lines if not line.endswith(";")))
    assert (again.has_changes, again.report) == (False, [])
    _, (document,) = load_documents(folder / "programme.yaml")
    assert isinstance(document.data, dict)
    entry = document.data["indicators"][0]
    assert isinstance(entry, dict)
    return entry


def whys(findings: list[Finding]) -> list[str]:
    return [one.why if isinstance(one, SkippedLine) else type(one).__name__ for one in findings]


def test_the_block_of_an_indicator_that_differs_is_printed(tmp_path: Path) -> None:
    lines = ("42;D75;2020-01-01;vi;71.55", LINE, "42;FRANCE;2022-12-31;vc;75")
    text = programme(observed_entry("IND-001"), ENTRY)
    changes, findings = changes_of(tmp_path, text, *lines)
    assert changes.report == [
        f"""\
# {tmp_path / "programme.yaml"}: ind_042 (IND-042): replace baselines, milestones, country
    baselines:
      '75': {{value: 0.7155, day: 2020-01-01, source: 'PILOTE, fichier vc.csv'}}
    milestones:
      - id: vc_20221231_75
        target: 0.8
        day: 2022-12-31
        source: PILOTE, fichier vc.csv
        scope: ['75']
    country:
      targets:
        - {{target: 0.75, day: 2022-12-31, source: 'PILOTE, fichier vc.csv'}}
"""
    ]
    assert whys(findings) == [CHANGED] * 3
    assert (tmp_path / "programme.yaml").read_text() == text


def test_an_unknown_indicator_has_one_line(tmp_path: Path) -> None:
    """A catalogue chooses its indicators: there is nothing to paste."""
    changes, findings = changes_of(
        tmp_path, programme(ENTRY), "7;R11;2020-01-01;vi;1", "7" + LINE[2:]
    )
    assert changes.report == ["# IND-007: no indicator of the catalogue observes it"]
    assert (changes.has_changes, whys(findings)) == (False, [UNKNOWN] * 2)


def test_a_wrong_file_is_refused_with_its_mistakes(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match="title: is missing"):
        changes_of(tmp_path, "id: pilote\n")


def test_the_first_initial_value_counts(tmp_path: Path) -> None:
    lines = ("42;D75;2020-01-01;vi;30", "42;D75;2021-01-01;vi;40")
    for given_lines in (lines, lines[::-1]):
        starts = after_paste(tmp_path, programme(ENTRY), *given_lines)["baselines"]
        assert starts["75"]["day"] == date(2020, 1, 1)
    _, findings = changes_of(tmp_path, programme(ENTRY), *lines)
    assert whys(findings) == [CHANGED, LATER]


def test_a_retracted_initial_value_makes_room_for_another(tmp_path: Path) -> None:
    for key, zone in (("baselines", "D75"), ("baseline", "R11"), ("country", "FRANCE")):
        start = "{ value: 0.5, day: 2020-01-01, source: x }"
        own = {"baselines": f'{{ "75": {start} }}', "country": f"{{ baseline: {start} }}"}
        text = programme(ENTRY + f"    {key}: {own.get(key, start)}\n")
        back, other = f"42;{zone};2020-01-01;vi;", f"42;{zone};2021-01-01;vi;40"
        entry = after_paste(tmp_path, text, back)
        assert entry[key] == {"baselines": {}, "baseline": None, "country": {}}[key]
        for lines in ((back, other), (other, back)):
            after_paste(tmp_path, text, *lines)
            (value,) = (
                one.country.baseline if one.country else one.all_baselines[0]
                for one in load_catalogue(tmp_path / "programme.yaml").indicators
            )
            assert value is not None
            assert (value.value, value.day) == (Decimal("0.4"), date(2021, 1, 1))


def test_a_target_changes_its_own_milestone_and_leaves_the_others(tmp_path: Path) -> None:
    text = programme(ENTRY + MILESTONES)
    early, everywhere, own = after_paste(tmp_path, text, "42;D77;2019-12-31;vc;90", LINE)[
        "milestones"
    ]
    assert (early["id"], early["target"]) == ("early", Decimal("0.9"))
    assert everywhere["scope"] == ["region", "77", "78", "91", "92", "93", "94", "95"]
    assert (own["scope"], own["target"]) == (["75"], Decimal("0.8"))
    back = after_paste(tmp_path, text, "42;D77;2019-12-31;vc;", "42;D75;2022-12-31;vc;")
    assert [one["scope"] for one in back["milestones"]] == [everywhere["scope"]]


def test_an_id_that_is_taken_is_not_taken_again(tmp_path: Path) -> None:
    """Another milestone may have it."""
    own = "    milestones: [{ id: vc_20221231_75, day: 2022-01-01, source: x }]\n"
    entry = after_paste(tmp_path, programme(ENTRY + own), LINE)
    assert entry["milestones"][1]["id"] == "vc_20221231_75_bis"


@pytest.mark.parametrize(
    ("entry", "line", "expected"),
    [
        (ENTRY, LINE.replace("80", "120"), "valeur: does not fit the catalogue, where"),
        (ENTRY, "42;D75;2005-12-31;vi;1", "date_valeur: does not fit the catalogue, where"),
        (
            observed_entry("IND-042", grain="region"),
            LINE,
            (
                "zone_id: does not fit the catalogue, where milestones.0.scope is finer than the"
                " grain, value 'D75': correct the line, or the indicator in the catalogue"
            ),
        ),
        (
            ENTRY + MILESTONES,
            "42;D77;2020-01-01;vi;1",
            (
                "date_valeur: does not fit the catalogue, where milestones.0.day is not after the"
                " baseline's, value '2020-01-01'"
            ),
        ),
    ],
)
def test_what_would_be_a_mistake_of_the_catalogue_is_refused_by_line(
    tmp_path: Path, entry: str, line: str, expected: str
) -> None:
    right = "42;R11;2021-12-31;vc;50"
    changes, findings = changes_of(tmp_path, programme(entry), line, right)
    refusal, _ = findings
    assert isinstance(refusal, Diagnostic)
    assert str(refusal).startswith(f"dossier/vc.csv:2: {expected}")
    assert whys(findings)[1] == CHANGED
    load_catalogue(write_file(tmp_path, pasted(programme(entry), changes.report[0]), name="p.yaml"))


@pytest.mark.parametrize(
    ("direction", "against"), [("rising", "in 75\n"), ("falling", "in region\n")]
)
def test_targets_against_the_direction_are_named(
    tmp_path: Path, direction: str, against: str
) -> None:
    """PILOTE's tendance is not in its files: a person decides, before pasting."""
    text = programme(observed_entry("IND-042", direction=direction))
    lines = ("R11;2020-01-01;vi;10", "R11;2022-12-31;vc;100", "D75;2020-01-01;vi;50")
    changes, _ = changes_of(
        tmp_path, text, *(f"42;{one}" for one in lines), LINE.replace("80", "40")
    )
    (block,) = changes.report
    line = f"# IND-042: the last target leads against direction: {direction}, {against}"
    assert line in block


def test_one_value_counts_for_each_key(tmp_path: Path) -> None:
    other = LINE.replace("80", "90")
    text = programme(ENTRY)
    assert whys(changes_of(tmp_path, text, LINE, LINE)[1]) == [CHANGED, REPEATED]
    for hours, expected in (((0, 1), [CORRECTED, CHANGED]), ((1, 0), [CHANGED, CORRECTED])):
        changes, findings = changes_of(tmp_path, text, LINE, other, hours=hours)
        assert whys(findings) == expected
        assert f"target: {'0.8' if hours[0] else '0.9'}" in changes.report[0]
    _, (_, refusal) = changes_of(tmp_path, text, LINE, other)
    assert str(refusal) == (
        "dossier/vc.csv:3: valeur: contradicts line 2, about the same on the same day, value '90':"
        " keep one of the two"
    )
