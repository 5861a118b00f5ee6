"""The generated files of a clone, and the pages among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo

from boundary.errors import SmartRegionError
from boundary.generated_files import GeneratedFiles
from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings
from broker.strimzi import StrimziSettings
from broker.strimzi import render as render_strimzi
from catalogue.loader import load_catalogue
from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
    Metric,
    label_meanings,
)
from dashboards.boards.render import board_files, boards_of
from dashboards.boards.render import render as render_boards
from dashboards.conventions import runbook_file
from dashboards.kubernetes import render_beside_boards
from dashboards.rules.alerts import AlertKind, Scope, alert_kinds
from dashboards.rules.render import checked, rule_files
from dashboards.rules.render import render as render_rules
from dashboards.rules.site import MonitorSite, duration
from events.contracts.json_schema import description_of, schema_file
from events.fact import Family
from events.registry import FACTS_BY_NAME, facts_of
from events.topics import declared_topics, topic_name
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from report.words import ENTITIES, FACTS
from streams.settings import Settings

_RUNBOOKS_HEAD = """\
<!-- Generated from dashboards/rules/ by `smart-region generate`. Do not edit. -->

# Runbooks

What an alert means, what its impact is, what to look at and what to do. [Alerting](../alerting.md)
says who is notified.
"""

_COLUMNS = "| alert | severity | after | meaning |\n|---|---|---|---|"

_SECTIONS = {
    Scope.FIGURES: (
        "About figures",
        "For the owner of the programme at once, and for the delegate once a day.",
    ),
    Scope.PRODUCERS: ("About producers", "For the owner of the programme and the operator."),
    Scope.PIPELINE: (
        "About the monitor itself",
        "For the operator. An alert marked ⏸ inhibits those about figures and producers.",
    ),
}


def runbooks_page() -> str:
    """Return the page: every alert with its severity, its pending period and its meaning."""
    parts = [_RUNBOOKS_HEAD]
    for scope, (title, readers) in _SECTIONS.items():
        rows = "\n".join(_row(kind) for kind in alert_kinds() if kind.scope is scope)
        parts.append(f"## {title}\n\n{readers}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join(parts)


def _row(kind: AlertKind) -> str:
    mark = " ⏸" if kind.silences_figures else ""
    link = f"[{kind.name}]({runbook_file(kind.name)}){mark}"
    return f"| {link} | {kind.severity} | {duration(kind.pending)} | {kind.meaning} |"


_SETTINGS_HEAD = """\
<!-- Generated from the settings' models by `smart-region generate`. Do not edit. -->

# Settings

`smart-region worker` and `smart-region assessor` read these environment variables. Times are in
seconds, waiting times at most 2 000 000. An unknown `SMART_REGION_…` variable is refused: it is
nearly always a misspelling. Commands that only reach Kafka (`emit`, `import`, `topics`,
`dead-letters list` and `show`) read only the broker's variables, `topics` also those of the topics;
the other commands read all.

"""
_GATEWAY_SETTINGS_HEAD = """
## The gateway

`smart-region gateway` reads these besides the broker's. An unknown `SMART_REGION_GATEWAY_…`
variable is refused. How to run it: [gateway.md](gateway.md).

"""
_PAGE_SETTINGS_HEAD = """
## The page

`smart-region page` reads these besides all of the above except the gateway's.

"""
_SETTINGS_COLUMNS = """\
| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """Return the page: every variable with its default and its meaning."""
    gateway = {
        name: field
        for name, field in GatewaySettings.model_fields.items()
        if name not in BrokerSettings.model_fields
    }
    page = {
        name: field
        for name, field in PageSettings.model_fields.items()
        if name not in Settings.model_fields
    }
    return (
        _SETTINGS_HEAD
        + _settings_table(Settings.model_fields)
        + _GATEWAY_SETTINGS_HEAD
        + _settings_table(gateway)
        + _PAGE_SETTINGS_HEAD
        + _settings_table(page)
    )


def _settings_table(fields: Mapping[str, FieldInfo]) -> str:
    rows = _SETTINGS_COLUMNS
    for name, field in fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        meaning = " ".join((field.description or "").split())
        rows += f"| `{ENV_PREFIX}{name.upper()}` | {default} | {meaning} |\n"
    return rows


_METRICS_HEAD = """\
<!-- Generated from catalogue/metrics.yaml by `smart-region generate`. Do not edit. -->

# Metrics

What a worker shows on `/metrics`. Figures are there once its events are read, and each worker
shows those of its own partitions: a figure of the Région is a sum over `partition`, and a ratio a
sum of numerators over a sum of denominators. What follows from a figure's whole history is
judged by the assessor.
"""

_ASSESSOR_HEAD = """\
# Metrics of the assessor

It reads the states of all partitions, so its figures are those of the whole region or of a
département as they are: nothing is to be summed. They are there once it has read everything. It
also shows `smartregion_as_of_timestamp_seconds`.
"""

_PRODUCERS_HEAD = """\
# Metrics of producers

Each worker also shows what became of what each declared producer sent, since the worker began:
sums over workers are those of the producer. `smart-region producers report` counts from the topics,
and does not depend on restarts.
"""

_GATEWAY_METRICS_HEAD = """\
# Metrics of the gateway

What `smart-region gateway` shows on its own `/metrics`.
"""

_PAGE_METRICS_HEAD = """\
# Metrics of the page

What `smart-region page` shows on its own `/metrics`.
"""


def metrics_page() -> str:
    """Return the page: every metric with its labels, its meaning and what to do about it."""
    sections = [_METRICS_HEAD, *map(_metric_section, WORKER_METRICS)]
    sections += [_PRODUCERS_HEAD, *map(_metric_section, PRODUCER_METRICS)]
    sections += [_ASSESSOR_HEAD, *map(_metric_section, ASSESSOR_METRICS)]
    sections += [_GATEWAY_METRICS_HEAD, *map(_metric_section, GATEWAY_METRICS)]
    sections += [_PAGE_METRICS_HEAD, *map(_metric_section, PAGE_METRICS)]
    labels = (f"| `{label}` | {meaning} |" for label, meaning in label_meanings().items())
    sections += ["# Labels\n\n| label | what it says |\n|---|---|", *labels]
    return "\n".join(sections) + "\n"


def _metric_section(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "no labels"
    paragraphs = [f"## `{metric.name}`", f"{metric.kind}, {labels}", metric.meaning]
    if metric.remedy:
        paragraphs.append(f"**What to do**: {metric.remedy}")
    return "\n\n".join(paragraphs) + "\n"


RELEASED: Final = "released"
"""The folder of the released schemas, beside the page."""

_CONTRACTS_HEAD: Final = """\
<!-- Generated from events/ by `smart-region generate`. Do not edit. -->

# Contracts

The events that the Région's systems may send, as machine-readable contracts. Each event is a
CloudEvent 1.0 in JSON. The [producers' guide](../producers.md) ([en français](../producteurs.md))
shows how to send one.

- [released/](released): a JSON Schema (draft 2020-12) of each event, envelope and data, with an
  example. Rules that a schema cannot express are in its descriptions. What a released schema
  accepts is accepted for ever: `make check` compares the schemas with the code. Whole numbers are
  written as `617`: `617.0`, which a schema takes for one too, is refused
- `asyncapi.json`: topics and messages (AsyncAPI 3.0), in both content modes
- `openapi.json`: the gateway over HTTP (OpenAPI 3.1), for generators of clients:
  [how](../producers.md#a-generated-client)

The gateway serves all of them: `/asyncapi.json`, `/openapi.json`, `/schemas/{type}.json`. Each
document is complete in itself. Without a gateway, `smart-region contracts render` writes them to
`build/contracts`.

Each fact of each entity has one owner, a declared producer. An event of another source is refused
(`not_owner`), also a correction or a retraction: [who owns a fact](../gateway.md#who-owns-a-fact).
"""


def contracts_page(released: Collection[str]) -> str:
    """Return the page; `released` are the types that have a released schema."""
    return "\n".join(_contract_lines(released))


def _contract_lines(released: Collection[str]) -> Iterator[str]:
    yield _CONTRACTS_HEAD
    keys = {spec.name: spec.key for spec in declared_topics()}
    for family in Family:
        topic = topic_name(family)
        yield f"## `{topic}`\n\nKey: `{keys[topic]}`\n"
        yield "| type | what it says | schema |\n|---|---|---|"
        for fact in facts_of(family):
            meaning = " ".join(description_of(fact).partition("\n\n")[0].split())
            link = f"[{fact.NAME}]({RELEASED}/{schema_file(fact)})"
            schema = link if fact.TYPE in released else "not released yet"
            yield f"| `{fact.TYPE}` | {meaning} | {schema} |"
        yield ""


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Yield all generated files, by folder.

    Raises InvalidDeclarationError, SmartRegionError where what was added has no French word, and
    SmartRegionError where a tool that is installed refuses a file.
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
