"""What follows from the facts, topics, roles, catalogue, metrics and settings, in a clone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from boundary.errors import SmartRegionError
from boundary.generated_files import GeneratedFiles
from broker.strimzi import StrimziSettings
from broker.strimzi import render as render_strimzi
from catalogue.loader import load_catalogue
from dashboards.boards.render import board_files, boards_of
from dashboards.boards.render import render as render_boards
from dashboards.kubernetes import render_beside_boards
from dashboards.rules.render import MonitorSite, checked, rule_files
from dashboards.rules.render import render as render_rules
from dashboards.rules.runbooks import runbooks_page
from events.fact import Family
from events.registry import FACTS_BY_NAME
from operations.generation.contracts_page import RELEASED, contracts_page
from operations.generation.metrics_page import metrics_page
from operations.generation.settings_page import settings_page
from report.words import ENTITIES, FACTS


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Yield all generated files, by folder.

    Raises InvalidCatalogueError, SmartRegionError where what was added has no French word, and
    RefusedError where a tool that is installed refuses a file.
    """
    check_words(Family, FACTS_BY_NAME)
    catalogue = load_catalogue()
    contracts = root / "docs/contracts"
    released = {file.stem for file in (contracts / RELEASED).glob("*.json")}
    yield GeneratedFiles(contracts, {"README.md": contracts_page(released)})
    yield GeneratedFiles(root / "deploy/kubernetes/kafka", render_strimzi(StrimziSettings()))
    pages = {"metrics.md": metrics_page(), "settings.md": settings_page()}
    yield GeneratedFiles(root / "docs", pages)
    rules = render_rules(catalogue, MonitorSite())
    checked(rules)
    yield rule_files(rules, root / "deploy")
    boards = root / "deploy/grafana/boards"
    yield board_files(render_boards(boards_of(catalogue)), boards)
    yield GeneratedFiles(boards, render_beside_boards(catalogue, MonitorSite()))
    yield GeneratedFiles(root / "docs/runbooks", {"README.md": runbooks_page()})


def check_words(families: Iterable[str], facts: Iterable[str]) -> None:
    """Raise SmartRegionError where a family or a fact has no French word for pages."""
    missing = [f"{family} in ENTITIES" for family in families if family not in ENTITIES]
    missing += [f"{fact} in FACTS" for fact in facts if fact not in FACTS]
    if missing:
        raise SmartRegionError(
            f"French words: are missing, value {', '.join(missing)}: write each in report/words.py"
        )
