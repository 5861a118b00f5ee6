"""The page docs/security-file.md: its text, with the tables that follow from the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Final

from boundary.errors import SmartRegionError
from broker.access_rights import Operation, Right, Role, rights_of
from events.fact import Family
from events.topics import TopicSpec, declared_topics, topic_name
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from streams.settings import Settings

__all__ = ["ThreatModelError", "security_page"]

_FAMILIES: Final[Mapping[Family, str]] = {
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
_PERSONS: Final[Mapping[Family, str]] = {
    Family.GRANTS: "SIRET, parfois d’un entrepreneur individuel",
}
_ROLES: Final[Mapping[Role, str]] = {
    Role.PRODUCER: "un producteur qui écrit directement dans Kafka, pour ses familles",
    Role.GATEWAY: "la passerelle",
    Role.WORKER: "tient l’état des entités, et met de côté ce qu’il refuse",
    Role.ASSESSOR: "juge les jalons",
    Role.PAGE: "montre les chiffres et leurs preuves",
    Role.READER: "audit, exports et rapports",
    Role.CLERK: "traite les évènements refusés",
    Role.DEPLOYER: "crée et vérifie les topics, sans lire d’enregistrement",
    Role.OBSERVER: "mesure le retard des workers, sans lire d’enregistrement",
}
_BOUNDARIES: Final = (
    "du réseau à la passerelle",
    "des programmes à Kafka",
    "des chiffres aux lecteurs",
    "fichiers et textes, commandes et terminaux",
    "les processus et leur machine",
    "les paquets des tiers",
)
#: Those of the threat model, in its order.
_RISKS: Final = (
    "Un producteur peut mentir sur ce dont il répond.",
    "Qui a le droit d’écrire un topic de Kafka peut y écrire au nom d’une autre source.",
    "Qui a le droit de lire Kafka lit des pseudonymes.",
    "Un effectif publié révèle l’intervalle où il se trouve, et le franchissement d’un seuil.",
    "Le nombre d’évènements reçus, par type et par source, est visible en direct.",
    "La détection de données de personnes vise les accidents : un nom dans un titre lui échappe.",
    "Par défaut, sur une seule machine, Kafka n’est pas chiffré et /metrics est ouvert en local.",
    "Dans un cluster, le jeton de /metrics circule en clair vers les workers lors d’un audit.",
    "Les images sont nommées par leur version, sans empreinte.",
    "Les extensions de Maven ne sont vérifiées que par les sommes de leur dépôt (tests seulement).",
    "Un exploitant, root et l’administrateur de Kafka peuvent tout.",
    "Quatre producteurs, toutes leurs connexions actives, n’en laissent aucune à un autre.",
    "Une saturation du réseau devant la passerelle : au mandataire et au réseau d’y résister.",
)
_DAY_MS: Final = 24 * 60 * 60 * 1000


class ThreatModelError(SmartRegionError):
    """The threat model has other sections or accepted risks than this page speaks of."""

    def __init__(self, kind: str, named: int, found: int) -> None:
        super().__init__(
            f"docs/threat-model.md: has {found} {kind}, and {named} are named in French: name all"
            " in operations/generation/security_page.py"
        )


def security_page(threat_model: str) -> str:
    """Return the page; `threat_model` is the text of docs/threat-model.md.

    Raises ThreatModelError where both no longer fit.
    """
    measures, _, accepted = threat_model.partition("\n## What is accepted\n")
    if (found := len(_rows(accepted))) != len(_RISKS):
        raise ThreatModelError("accepted risks", len(_RISKS), found)
    parts = {
        "ports": _ports(),
        "families": map(_family, Family),
        "topics": dict.fromkeys(map(_topic, _other_topics())),
        "roles": map(_role, Role),
        "measures": _measures(measures),
        "risks": (f"- {risk}" for risk in _RISKS),
    }
    page = files("operations.generation").joinpath("security-file.md").read_text(encoding="utf-8")
    for name, lines in parts.items():
        page = page.replace(f"{{{{{name}}}}}", "\n".join(lines))
    return page


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
    return _row(_FAMILIES[family], f"`{topic.name}`", f"`{topic.key}`", _kept(topic), persons)


def _other_topics() -> Iterator[TopicSpec]:
    events = {topic_name(family) for family in Family}
    return (one for one in declared_topics() if one.name not in events)


def _topic(topic: TopicSpec) -> str:
    """Return a topic's row, the same for the changelogs of all families."""
    name = re.sub(r"-[a-z]+-changelog$", "-FAMILLE-changelog", topic.name)
    return _row(f"`{name}`", _kept(topic))


def _kept(topic: TopicSpec) -> str:
    if topic.compacted:
        return "le dernier état de chaque clé"
    if topic.retention_ms is None:
        return "sans limite"
    return f"{topic.retention_ms // _DAY_MS} jours"


def _role(role: Role) -> str:
    rights = rights_of(role, families=tuple(Family) if role is Role.PRODUCER else ())
    read, written = (_kinds(rights, one) for one in (Operation.READ, Operation.WRITE))
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
    return "états" if name.endswith("-changelog") else "refus et leurs suites"


def _measures(measures: str) -> Iterator[str]:
    sections = re.split(r"^### (\d)\. (.+)$", measures, flags=re.MULTILINE)[1:]
    found = list(zip(sections[::3], sections[1::3], sections[2::3], strict=True))
    if len(found) != len(_BOUNDARIES):
        raise ThreatModelError("sections of measures", len(_BOUNDARIES), len(found))
    for (number, title, text), name in zip(found, _BOUNDARIES, strict=True):
        anchor = f"{number}-{re.sub(r'[^a-z ]', '', title.lower()).replace(' ', '-')}"
        tests = len(set(re.findall(r"`[a-z]+::test_\w+`", text)))
        yield _row(
            f"[{number}. {name}](threat-model.md#{anchor})", str(len(_rows(text))), str(tests)
        )


def _rows(text: str) -> list[str]:
    """Return the rows of a page's tables, without their heads."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.startswith(("| threat |", "| risk |"))]
