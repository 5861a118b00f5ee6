"""The page docs/security-file.md: its text, with the tables that follow from the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final

from boundary.errors import SmartRegionError
from broker.access_rights import Operation, Right, Role, rights_of
from events.fact import Family
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEAD_LETTERS,
    TopicSpec,
    declared_topics,
    topic_name,
)
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from streams.settings import Settings

FAMILIES: Final[Mapping[Family, str]] = {
    Family.SCHOOLS: "lycées",
    Family.EQUIPMENT: "équipements livrés",
    Family.BROADBAND: "couverture à très haut débit",
    Family.COWORKING: "tiers-lieux",
    Family.WORKSTATIONS: "usage des postes de travail",
    Family.TRAININGS: "formations",
    Family.GRANTS: "subventions",
    Family.DATASETS: "jeux de données",
    Family.OBSERVATIONS: "indicateurs calculés ailleurs",
    Family.EXPLANATIONS: "explications des responsables",
}
"""What is kept of each family."""
_PERSONS: Final[Mapping[Family, str]] = {
    Family.GRANTS: "SIRET, parfois d’un entrepreneur individuel",
    Family.EXPLANATIONS: "fonction de l’auteur ; un texte, qui ne doit nommer personne",
}
#: Of the topics beside events: what is written to them, and what of persons is there.
_OTHERS: Final[Mapping[str, tuple[str, str]]] = {
    DEAD_LETTERS: ("refus", "pseudonymes d’évènements refusés"),
    DEAD_LETTER_OUTCOMES: (
        "suites des refus",
        "aucune, sauf dans un motif écrit à la main (`--because`)",
    ),
}
_ROLES: Final[Mapping[Role, str]] = {
    Role.PRODUCER: "un producteur qui écrit directement dans Kafka, pour ses familles",
    Role.GATEWAY: "la passerelle",
    Role.WORKER: "tient l’état des entités, et met de côté ce qu’il refuse",
    Role.PAGE: "montre les chiffres et leurs preuves",
    Role.READER: "audit, exports et rapports",
    Role.CLERK: "traite les évènements refusés",
    Role.DEPLOYER: "crée et vérifie les topics, sans lire d’enregistrement",
    Role.OBSERVER: "mesure le retard des workers, sans lire d’enregistrement",
}
#: By the title that the threat model gives them.
_BOUNDARIES: Final[Mapping[str, str]] = {
    "Network to gateway": "du réseau à la passerelle",
    "Programs to Kafka": "des programmes à Kafka",
    "Figures to readers": "des chiffres aux lecteurs",
    "Files and text, commands and terminals": "fichiers et textes, commandes et terminaux",
    "Processes and their machine": "les processus et leur machine",
    "Packages of others": "les paquets des tiers",
}
_OF_PERSONS: Final = tuple(topic_name(family) for family in Family if family.about_persons)
_DAY_MS: Final = 24 * 60 * 60 * 1000


class ThreatModelError(SmartRegionError):
    """The threat model has other sections or accepted risks than this page speaks of."""

    def __init__(self, kind: str, found: Sequence[str], named: Sequence[str]) -> None:
        wrong = {
            "without French": [one for one in found if one not in named],
            "in French alone": [one for one in named if one not in found],
            "there twice": [one for one in {*found} if found.count(one) > 1],
            "twice in French": [one for one in {*named} if named.count(one) > 1],
        }
        said = "; ".join(f"{how}: {', '.join(sorted(ones))}" for how, ones in wrong.items() if ones)
        super().__init__(
            f"docs/threat-model.md: {kind}: {said}: name each once there, and once in French in"
            " operations/generation/security-file.md or security_page.py"
        )


def security_page(threat_model: str) -> str:
    """Return the page; `threat_model` is the text of docs/threat-model.md.

    Raises ThreatModelError where both no longer fit.
    """
    measures, _, accepted = threat_model.partition("\n## What is accepted\n")
    page = files("operations.generation").joinpath("security-file.md").read_text(encoding="utf-8")
    risks = [row.split(" | ")[0].strip("| `") for row in _rows(accepted)]
    in_french = [
        line.split(" : ")[0].strip("- `") for line in page.splitlines() if line[:2] == "- "
    ]
    _check_named("accepted risks", risks, in_french)
    parts = {
        "ports": _ports(),
        "families": map(_family, Family),
        "topics": dict.fromkeys(map(_topic, _other_topics())),
        "roles": map(_role, Role),
        "measures": _measures(measures),
    }
    for name, lines in parts.items():
        page = page.replace(f"{{{{{name}}}}}", "\n".join(lines))
    return page


def _check_named(kind: str, found: Sequence[str], named: Sequence[str]) -> None:
    """Check that each is there once and has French words, and nothing else has."""
    if sorted(found) != sorted(named):
        raise ThreatModelError(kind, found, named)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ports() -> Iterator[str]:
    def port(settings: type[Settings | GatewaySettings | PageSettings], name: str) -> str:
        return str(settings.model_fields[name].default)

    yield _row("passerelle", port(GatewaySettings, "gateway_port"), "les producteurs")
    yield _row("passerelle, sondes", port(GatewaySettings, "gateway_probe_port"), "la supervision")
    yield _row("worker", port(Settings, "http_port"), "la supervision, l’assesseur, la page")
    yield _row("assesseur", port(Settings, "assessor_port"), "la supervision")
    yield _row("page", port(PageSettings, "page_port"), "les lecteurs, la supervision")


def _family(family: Family) -> str:
    [topic] = [one for one in declared_topics() if one.name == topic_name(family)]
    persons = "pseudonymes" if family.about_persons else _PERSONS.get(family, "aucune")
    return _row(FAMILIES[family], f"`{topic.name}`", f"`{topic.key}`", _kept(topic), persons)


def _other_topics() -> Iterator[TopicSpec]:
    events = {topic_name(family) for family in Family}
    return (one for one in declared_topics() if one.name not in events)


def _topic(topic: TopicSpec) -> str:
    """Return a topic's row."""
    return _row(f"`{topic.name}`", _kept(topic), _OTHERS[topic.name][1])


def _kept(topic: TopicSpec) -> str:
    if topic.compacted:
        return "le dernier état de chaque clé"
    if topic.retention_ms is None:
        return "sans limite"
    # A broker deletes whole files, of seven days by default.
    days = topic.retention_ms // _DAY_MS
    return f"{days} jours, {days + 7} au plus"


def _role(role: Role) -> str:
    rights = rights_of(role, families=tuple(Family) if role is Role.PRODUCER else ())
    read, written = (_kinds(rights, one) for one in (Operation.READ, Operation.WRITE))
    if {one.name for one in rights}.isdisjoint(_OF_PERSONS):
        read = read.replace("évènements", "évènements (sauf sur des personnes)")
    return _row(f"`{role}`", _ROLES[role], read, written)


def _kinds(rights: Iterable[Right], operation: Operation) -> str:
    """Name the kinds of topics that an operation is allowed on."""
    found = {_kind(one.name): None for one in rights if operation in one.operations}
    return ", ".join(kind for kind in found if kind) or "rien"


def _kind(name: str) -> str | None:
    if name in {topic_name(family) for family in Family}:
        return "évènements"
    topics = {one.name for one in declared_topics()}
    if name not in topics:
        return None  # The workers' group: offsets, no data.
    return _OTHERS[name][0]


def _measures(measures: str) -> Iterator[str]:
    sections = re.split(r"^### (\d)\. (.+)$", measures, flags=re.MULTILINE)[1:]
    found = list(zip(sections[::3], sections[1::3], sections[2::3], strict=True))
    _check_named("sections of measures", [title for _, title, _ in found], [*_BOUNDARIES])
    for number, title, text in found:
        anchor = f"{number}-{re.sub(r'[^a-z ]', '', title.lower()).replace(' ', '-')}"
        tests = len(set(re.findall(r"`[a-z]+::test_\w+`", text)))
        yield _row(
            f"[{number}. {_BOUNDARIES[title]}](threat-model.md#{anchor})",
            str(len(_rows(text))),
            str(tests),
        )


def _rows(text: str) -> list[str]:
    """Return the rows of a page's tables, without their heads."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.startswith(("| threat |", "| id |"))]
