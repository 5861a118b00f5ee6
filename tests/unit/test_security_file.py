"""The security file: what it says of data, rights, ports, measures and risks is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.access_rights import Operation, Role, rights_of
from events.fact import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from streams.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "security-file.md").read_text(encoding="utf-8")
THREATS = (DOCS / "threat-model.md").read_text(encoding="utf-8")
EVENTS = [topic_name(family) for family in Family]
KINDS = {
    **dict.fromkeys(EVENTS, "évènements"),
    DEAD_LETTERS: "refus",
    DEAD_LETTER_OUTCOMES: "suites des refus",
}


def rows(head: str) -> list[list[str]]:
    table = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip("` ") for cell in row.strip("|").split("|")] for row in table]


def test_it_has_each_family_with_its_key() -> None:
    """Only trainings are about persons, and no event is ever deleted by age."""
    keys = {spec.name: spec.key for spec in declared_topics()}
    listed = [(topic, key, kept) for _, topic, key, kept, _ in rows("famille")]

    assert listed == [(topic, keys[topic], "sans limite") for topic in EVENTS]
    about_persons = [topic for _, topic, *_, persons in rows("famille") if persons == "pseudonymes"]
    assert about_persons == [topic_name(one) for one in Family if one.about_persons]


def test_it_has_the_topics_beside_events() -> None:
    listed = {topic: kept for topic, kept, _ in rows("autre topic")}
    [letters] = [one for one in declared_topics() if one.name == DEAD_LETTERS]
    assert letters.retention_ms is not None
    days = letters.retention_ms // (24 * 60 * 60 * 1000)

    assert listed.keys() == {one.name for one in declared_topics()} - {*EVENTS}
    assert listed[DEAD_LETTERS] == f"{days} jours, {days + 7} au plus"


def test_it_has_the_ports_of_the_settings() -> None:
    fields = {**Settings.model_fields, **GatewaySettings.model_fields, **PageSettings.model_fields}
    names = ("gateway_port", "gateway_probe_port", "http_port", "assessor_port", "page_port")

    assert [port for _, port, _ in rows("processus")] == [str(fields[one].default) for one in names]


@pytest.mark.parametrize("role", Role)
def test_it_has_what_a_role_may_read_and_write(role: Role) -> None:
    rights = rights_of(role, families=tuple(Family) if role is Role.PRODUCER else ())
    [(_, _, *said)] = [row for row in rows("rôle") if row[0] == role]
    for operation, text in zip((Operation.READ, Operation.WRITE), said, strict=True):
        topics = [right.name for right in rights if operation in right.operations]
        kinds = list(dict.fromkeys(KINDS[topic] for topic in topics if topic in KINDS))
        if "évènements" in kinds and topic_name(Family.TRAININGS) not in topics:
            kinds[kinds.index("évènements")] = "évènements (sauf sur des personnes)"
        assert text == (", ".join(kinds) or "rien")


def test_it_has_each_boundary_and_each_accepted_risk_of_the_threat_model() -> None:
    measures, _, accepted = THREATS.partition("\n## What is accepted\n")
    numbers = re.findall(r"^### (\d)\. ", measures, re.MULTILINE)
    risks = re.findall(r"^\| `([\w-]+)` \|", accepted, re.MULTILINE)

    assert re.findall(r"^- \[(\d)\. ", PAGE, re.MULTILINE) == numbers
    assert sorted(re.findall(r"^- `([\w-]+)` : ", PAGE, re.MULTILINE)) == sorted(risks)
