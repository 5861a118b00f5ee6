"""The generated files of a clone, and the pages among them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from boundary.errors import SmartRegionError
from boundary.generated_files import GeneratedFiles
from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings
from broker.strimzi import StrimziSettings
from broker.strimzi import render as render_strimzi
from catalogue import metrics
from catalogue.loader import load_catalogue
from dashboards.boards.render import board_files
from dashboards.boards.render import render as render_boards
from dashboards.conventions import runbook_file
from dashboards.kubernetes import render_beside_boards
from dashboards.rules.alerts import alert_kinds
from dashboards.rules.render import checked, rule_files
from dashboards.rules.render import render as render_rules
from dashboards.rules.site import MonitorSite, duration
from events.contracts.json_schema import description_of, schema_file
from events.fact import Fact, Family
from events.registry import FACTS_BY_NAME, facts_of
from events.topics import declared_topics, topic_name
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from report.words import french_words
from streams.settings import Settings

RELEASED: Final = "released"
"""The folder of the released schemas, beside the page."""

_NAMING_THE_IMAGE: Final = (
    "deploy/.env.example",
    "deploy/kubernetes/overlays/dev/kustomization.yaml",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
    "docs/catalogue.md",
    "docs/compose.md",
    "docs/kubernetes.md",
)
"""Files written by hand, but for the version of the image."""
_IMAGE_VERSION: Final = re.compile(
    r"(MONITOR_VERSION=|smart-region:|smart-region, newTag: )\d[\da-z.]*[\da-z]"
)


def _page(template: str, **values: object) -> str:
    """Return a page of Markdown from a template of this package."""
    environment = Environment(
        loader=PackageLoader("operations.generation"),
        autoescape=False,  # noqa: S701 - Markdown, of our own words alone
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "duration": duration,
        "meaning": _meaning,
        "runbook_file": runbook_file,
        "schema_file": schema_file,
    }
    return environment.get_template(template).render(**values)


def _meaning(fact: type[Fact]) -> str:
    return " ".join(description_of(fact).partition("\n\n")[0].split())


def settings_page() -> str:
    """Return the page: every variable with its default and its meaning."""
    return _page(
        "settings.md",
        prefix=ENV_PREFIX,
        settings=Settings.model_fields,
        gateway=_own_fields(GatewaySettings, beside=BrokerSettings),
        page=_own_fields(PageSettings, beside=Settings),
    )


def _own_fields(model: type[BaseModel], *, beside: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {
        name: field for name, field in model.model_fields.items() if name not in beside.model_fields
    }


def metrics_page() -> str:
    """Return the page: every metric with its labels, its meaning and what to do about it."""
    return _page(
        "metrics.md",
        worker=metrics.WORKER_METRICS,
        producers=metrics.PRODUCER_METRICS,
        assessor=metrics.ASSESSOR_METRICS,
        gateway=metrics.GATEWAY_METRICS,
        page=metrics.PAGE_METRICS,
        labels=metrics.label_meanings(),
    )


def contracts_page(released: Collection[str]) -> str:
    """Return the page; `released` are the types that have a released schema."""
    keys = {spec.name: spec.key for spec in declared_topics()}
    families = [
        {"topic": topic_name(one), "key": keys[topic_name(one)], "facts": facts_of(one)}
        for one in Family
    ]
    return _page("contracts.md", families=families, released=released)


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Yield all generated files, by folder.

    Raises InvalidDeclarationError, and SmartRegionError if what was added has no French word, or a
    tool that is installed refuses a file.
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
    yield board_files(render_boards(catalogue), boards)
    yield GeneratedFiles(boards, render_beside_boards(catalogue, MonitorSite()))
    runbooks = {"README.md": _page("runbooks.md", kinds=alert_kinds())}
    yield GeneratedFiles(root / "docs/runbooks", runbooks)
    yield GeneratedFiles(root, _with_version(root))


def _with_version(root: Path) -> dict[str, str]:
    """Return the files that name the image, with the version in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        name: _IMAGE_VERSION.sub(rf"\g<1>{project['version']}", file.read_text(encoding="utf-8"))
        for name in _NAMING_THE_IMAGE
        if (file := root / name).exists()
    }


def check_words(families: Iterable[str], facts: Iterable[str]) -> None:
    """Raise SmartRegionError if a family or a fact has no French word for pages."""
    words = french_words()
    missing = [f"{family} in entities" for family in families if family not in words.entities]
    missing += [f"{fact} in facts" for fact in facts if fact not in words.facts]
    if missing:
        raise SmartRegionError(
            f"French words: are missing, value {', '.join(missing)}: write each in"
            " report/words.yaml"
        )
