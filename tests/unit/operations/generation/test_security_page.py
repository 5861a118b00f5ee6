"""The security file: what follows from the code, and what has to be named in French."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.access_rights import Role
from events.fact import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, topic_name
from operations.generation.security_page import ThreatModelError, security_page

DOCS = Path(__file__).parents[4] / "docs"
THREATS = (DOCS / "threat-model.md").read_text(encoding="utf-8")


def test_it_has_all_data_and_all_roles() -> None:
    """Each family's topic, the other topics, each role; nothing is left to be filled in by us."""
    page = security_page(THREATS)

    named = {*map(topic_name, Family), DEAD_LETTERS, DEAD_LETTER_OUTCOMES, *Role}
    assert {one for one in named if f"`{one}`" not in page} == set()
    assert "{{" not in page


def test_only_trainings_are_about_persons() -> None:
    """As the contracts have it."""
    rows = [row for row in security_page(THREATS).splitlines() if "| pseudonymes |" in row]

    assert len(rows) == 1
    assert topic_name(Family.TRAININGS) in rows[0]


@pytest.mark.parametrize(
    ("role", "read", "written"),
    [
        ("gateway", "rien", "évènements, refus"),
        ("observer", "rien", "rien"),
        ("page", "évènements (sauf sur des personnes), suites des refus", "rien"),
        ("worker", "évènements, suites des refus", "évènements, refus"),
        ("clerk", "évènements, refus, suites des refus", "évènements, suites des refus"),
    ],
)
def test_a_role_reads_and_writes_what_its_rights_allow(role: str, read: str, written: str) -> None:
    """By kind of topic."""
    [row] = [row for row in security_page(THREATS).splitlines() if row.startswith(f"| `{role}`")]

    assert row.endswith(f"| {read} | {written} |")


def test_every_place_that_it_points_to_is_there() -> None:
    """Pages, and the headings of the threat model."""
    headings = re.findall(r"^#+ (.+)$", THREATS, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 ]", "", one.lower()).replace(" ", "-") for one in headings}

    for page, anchor in re.findall(r"\]\(([\w/-]+\.md)(?:#([\w-]+))?\)", security_page(THREATS)):
        assert (DOCS / page).exists()
        assert not anchor or anchor in anchors


RISK = re.compile(r"^\| `operators` \|.*\n", re.MULTILINE)


@pytest.mark.parametrize(
    ("found", "written", "said"),
    [
        (RISK, r"| `new-risk` | A risk. | Why. |\n", "without French: new-risk; in French alone"),
        (RISK, "| No id. | Why. |\n", "without French: No id.; in French alone: operators:"),
        (RISK, "", "in French alone: operators:"),
        (RISK, r"\g<0>\g<0>", "there twice: operators:"),
        (r"### 6\. .*", "### 6. Elsewhere", "without French: Elsewhere; in French alone: Packages"),
    ],
)
def test_each_risk_and_each_section_has_its_own_french_words(
    found: str | re.Pattern[str], written: str, said: str
) -> None:
    """By id and by title: as many of them are not enough."""
    with pytest.raises(ThreatModelError, match=said):
        security_page(re.sub(found, written, THREATS))
