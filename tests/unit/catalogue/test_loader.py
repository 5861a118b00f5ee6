"""From YAML files to a catalogue, or to every mistake in them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from catalogue.publication import PersonPart
from events.declaration import InvalidDeclarationError
from events.fact import Family
from events.registry import FACTS_BY_NAME, facts_of

BAD = Path(__file__).parents[2] / "corpus" / "catalogue" / "bad"
BAD_ONES = sorted(path for path in BAD.iterdir() if path.suffix != ".txt")
FACTS = {
    "<facts>": [name for name in FACTS_BY_NAME if name != "indicator.observed"],
    "<facts of schools>": [fact.NAME for fact in facts_of(Family.SCHOOLS)],
}
"""What stands in a message for facts that exist."""

ADDED = """
id: lycees
title: Lycées numériques
promise: Des tablettes pour tous.
owner: Responsable
indicators:
  - id: tablets_delivered
    title: Tablettes livrées
    definition: Tablettes livrées aux lycées.
    unit: count
    direction: rising
    grain: department
    measure: { sum: quantity, from: equipment.delivered, where: { kind: tablet } }
    periodicity: quarterly
    availability_delay_days: 15
    baseline: { value: 0, day: 2016-01-01, source: Programme }
    milestones:
      - { id: all, target: 1_000, day: 2017-12-31, source: Programme }
"""


@pytest.mark.parametrize("path", BAD_ONES, ids=lambda path: path.stem)
def test_a_bad_catalogue_is_refused_with_its_message(path: Path) -> None:
    with pytest.raises(InvalidDeclarationError) as refusal:
        load_catalogue(path)
    expected = (BAD / f"{path.stem}.txt").read_text(encoding="utf-8")
    for written, facts in FACTS.items():
        expected = expected.replace(written, ", ".join(facts))
    assert str(refusal.value).replace(f"{BAD}/", "") == expected.rstrip("\n")


def test_the_corpus_has_no_message_without_its_file() -> None:
    assert {text.stem for text in BAD.glob("*.txt")} == {path.stem for path in BAD_ONES}


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match="is not there"):
        load_catalogue(tmp_path / "programs")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lycees.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(InvalidDeclarationError, match="cannot be read"):
        load_catalogue(tmp_path)


def test_mistakes_of_all_files_are_reported_together() -> None:
    with pytest.raises(InvalidDeclarationError) as refusal:
        load_catalogue(BAD)
    assert len({error.file for error in refusal.value.diagnostics}) == len(list(BAD.glob("*.yaml")))


def test_the_regions_own_catalogue_keeps_its_indicators() -> None:
    """Boards, rules and other systems use these ids: none may change; others may come."""
    declared = {
        programme.id: [indicator.id for indicator in programme.indicators]
        for programme in load_catalogue().programmes
    }
    kept = {
        "lycees": ["schools_connected_ratio", "schools_equipped_ratio", "schools_workspace_ratio"],
        "tres_haut_debit": ["premises_connectable_ratio"],
        "tiers_lieux": [
            "coworking_sites_supported",
            "workstations_created",
            "workstations_occupancy_ratio",
        ],
        "formation": [
            "trainees_enrolled",
            "trainees_completed",
            "priority_audience_ratio",
            "grants_committed_euros",
            "grants_paid_euros",
        ],
        "open_data": ["datasets_released", "datasets_fresh_ratio", "datasets_usable_ratio"],
    }
    gone = {id_ for name, ids in kept.items() for id_ in ids if id_ not in declared[name]}
    assert gone == set()


def test_the_programmes_are_in_their_declared_order() -> None:
    orders = [programme.order for programme in load_catalogue().programmes]
    assert orders == sorted(orders)


@pytest.mark.parametrize(
    ("indicator", "target", "assumed"),
    [
        ("schools_connected_ratio", 1, False),
        ("premises_connectable_ratio", 1, False),
        ("coworking_sites_supported", 41, True),
        ("workstations_created", 1145, True),
        ("grants_committed_euros", 6_500_000, True),
    ],
)
def test_the_promised_targets_are_declared(*, indicator: str, target: int, assumed: bool) -> None:
    """Targets are the promise's; where it gives no date, the date is marked as assumed.

    Other milestones may be declared beside them.
    """
    declared = {
        (milestone.target, milestone.day, milestone.assumed)
        for milestone in load_catalogue().indicator(indicator).milestones
    }
    assert (Decimal(target), date(2020, 12, 31), assumed) in declared


@pytest.mark.parametrize(
    "indicator",
    [
        "trainees_enrolled",
        "priority_audience_ratio",
        "datasets_released",
        "grants_paid_euros",
        "premises_in_fibre",
    ],
)
def test_what_was_not_promised_has_no_milestone(indicator: str) -> None:
    assert load_catalogue().indicator(indicator).milestones == ()


def test_every_family_of_facts_is_followed() -> None:
    families = {term.family for term in load_catalogue().terms}
    assert families == {*Family} - {Family.EXPLANATIONS}


COUNTED = """
  - id: counted
    title: Inscriptions
    definition: Inscriptions aux formations.
    unit: count
    direction: rising
    grain: department
    measure: { count: training.enrolled }
    breakdown: audience
    periodicity: monthly
    availability_delay_days: 15
    min_cell: 7
    published: monthly
"""


def test_a_share_of_published_cells_is_no_mistake(tmp_path: Path) -> None:
    alone = (BAD / "min_cell_of_a_ratio.yaml").read_text(encoding="utf-8")
    (tmp_path / "formation.yaml").write_text(alone + COUNTED, encoding="utf-8")
    parts = load_catalogue(tmp_path).person_parts["job_seekers_ratio"]
    assert parts == (
        PersonPart("counted", frozenset({"job_seeker"})),
        PersonPart("counted"),
    )


@pytest.mark.parametrize(
    ("declared", "other"),
    [
        ("published: monthly", "published: annual"),
        ("min_cell: 7", "min_cell: 8"),
        ("availability_delay_days: 15", "availability_delay_days: 14"),
        ("grain: department", "grain: region"),
        ("breakdown: audience", "breakdown: programme"),
        ("training.enrolled", "training.completed"),
    ],
)
def test_a_share_of_other_cells_is_refused(tmp_path: Path, declared: str, other: str) -> None:
    """Of another day, another number or another division they would disclose each other."""
    alone = (BAD / "min_cell_of_a_ratio.yaml").read_text(encoding="utf-8")
    counted = COUNTED.replace(declared, other)
    (tmp_path / "formation.yaml").write_text(alone + counted, encoding="utf-8")
    with pytest.raises(InvalidDeclarationError, match="no sum of published cells"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize("other", ["published: annual", "availability_delay_days: 14"])
def test_persons_of_one_family_have_one_calendar_of_publication(tmp_path: Path, other: str) -> None:
    undone = (BAD / "min_cell_undone.yaml").read_text(encoding="utf-8")
    completed = COUNTED.replace("id: counted", "id: completed").replace("enrolled }", "completed }")
    declared = f"{other.partition(':')[0]}: {'monthly' if 'published' in other else 15}"
    first = undone[: undone.index("indicators:")] + f"indicators:{COUNTED}"
    (tmp_path / "one.yaml").write_text(first + completed, encoding="utf-8")
    assert load_catalogue(tmp_path).indicator("completed").publication is not None

    (tmp_path / "one.yaml").write_text(first + completed.replace(declared, other), encoding="utf-8")
    with pytest.raises(
        InvalidDeclarationError, match="another calendar of publication than counted"
    ):
        load_catalogue(tmp_path)


def test_persons_of_different_facts_are_counted_beside_each_other(tmp_path: Path) -> None:
    undone = (BAD / "min_cell_undone.yaml").read_text(encoding="utf-8")
    apart = undone.replace("training.enrolled, where", "training.completed, where")
    (tmp_path / "formation.yaml").write_text(apart, encoding="utf-8")
    assert load_catalogue(tmp_path).indicator("enrolled").min_cell == 11


@pytest.mark.parametrize("name", ["tablets.yml", "TABLETS.YAML", "tablets.Yml"])
def test_yaml_comes_with_either_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(ADDED, encoding="utf-8")
    assert len(load_catalogue(tmp_path).programmes) == 1


def test_what_an_editor_puts_beside_a_file_is_no_programme(tmp_path: Path) -> None:
    (tmp_path / "tablets.yaml").write_text(ADDED, encoding="utf-8")
    (tmp_path / ".#tablets.yaml").symlink_to("somebody@somewhere.1234")
    (tmp_path / "._tablets.yaml").write_bytes(b"\x00\x05\x16\x07")
    assert len(load_catalogue(tmp_path).programmes) == 1


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "tablets.yaml").write_text(ADDED, encoding="utf-8-sig")
    assert load_catalogue(tmp_path).programmes[0].id == "lycees"
