"""From the catalogue to the files of Prometheus and Alertmanager, all of them or none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from boundary.errors import SmartRegionError
from boundary.generated_files import GeneratedFiles
from catalogue import metrics
from catalogue.model import Catalogue
from dashboards.conventions import GENERATED, MONITOR
from dashboards.rules.alerts import figure_alerts, monitor_alerts
from dashboards.rules.site import MonitorSite
from dashboards.rules.templates import FOLDER, filled_document

_WIDTH: Final = 100
_LONG: Final = 72

CHECK_SECONDS: Final = 60.0
"""Far more than a check of some hundred kilobytes takes."""

_CHECKS: Final = (
    # The files that it names are where Prometheus runs; the rules are checked by the next.
    ("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yaml"),
    ("promtool", "check", "rules", "--lint-fatal"),
    ("amtool", "check-config", "alertmanager/alertmanager.yaml"),
)
_RULES: Final = "prometheus/rules/*.yaml"


def check_files(folder: Path) -> tuple[str, ...]:
    """Check the files in a folder; returns the names of the tools that are not installed.

    Raises SmartRegionError with what a tool printed.
    """
    missing: dict[str, None] = {}
    for tool, *arguments in _CHECKS:
        program = shutil.which(tool)
        if program is None:
            missing[tool] = None
            continue
        files = sorted(folder.glob(_RULES)) if arguments[1] == "rules" else []
        try:
            done = subprocess.run(  # noqa: S603 - the tool, on files of our own
                [program, *arguments, *map(str, files)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise SmartRegionError(
                f"rules: {tool} did not end within {CHECK_SECONDS:g} s, and nothing was written:"
                " run the command again when this machine has less to do"
            ) from error
        if done.returncode != 0:
            raise SmartRegionError(
                f"rules: {tool} refuses them, and nothing was written:"
                f" {(done.stdout + done.stderr).strip()}: correct the catalogue or the contacts, or"
                " report it"
            )
    return tuple(missing)


#: The series that are carried on from before a worker's start: level, metric and labels.
_CARRIED_ON: Final = (
    ("source", metrics.LAST_EVENT, "source, type"),
    ("producer", metrics.PRODUCER_LAST_EVENT, "producer"),
)


def rule_documents(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, Mapping[str, Any]]:
    """Return the content of each rule file, by its name: one group, evaluated in order."""
    recorded = filled_document(
        "recording.yaml.jinja",
        {
            "observed": "|".join(
                one.id for one in catalogue.indicators if not one.measure.additive
            ),
            "persons": "|".join(
                one.id for one in catalogue.indicators if one.publication is not None
            ),
            "carried_on": _CARRIED_ON,
        },
    )
    # One group of judgements and alerts: an alert is evaluated on what was recorded with it.
    rules = {
        "figures": recorded["figures"],
        "memory": recorded["memory"],
        "promises": [*recorded["promises"], *figure_alerts(catalogue, site)],
        "pipeline": [*monitor_alerts(catalogue, site)],
    }
    every = {"memory": {"interval": "1h"}}
    return {
        name: {"groups": [{"name": f"smart-region-{name}", **every.get(name, {}), "rules": group}]}
        for name, group in rules.items()
    }


def prometheus_document(site: MonitorSite) -> dict[str, Any]:
    """Return the content of `prometheus.yaml`."""
    document: dict[str, Any] = filled_document("prometheus.yaml.jinja", {"site": site})
    return document


def alertmanager_document(catalogue: Catalogue, site: MonitorSite) -> dict[str, Any]:
    """Return the content of `alertmanager.yaml`."""
    contacts = site.contacts
    programmes = [programme.id for programme in catalogue.programmes]
    receivers = {
        "operator": contacts.operator,
        "delegate": contacts.delegate,
        **{f"owner-{programme}": contacts.owner(programme) for programme in programmes},
        **{f"reminder-{programme}": contacts.owner(programme) for programme in programmes},
        **{f"producer-{producer}": own for producer, own in contacts.producers.items()},
        "watchdog": contacts.watchdog,
    }
    words = {
        "contacts": contacts,
        "pace": site.pace,
        "programmes": programmes,
        "receivers": receivers,
        "monitor": MONITOR,
    }
    document: dict[str, Any] = filled_document("alertmanager.yaml.jinja", words)
    return document


def render(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the content of every file, by its path in the folder that `write` is given."""
    documents = {
        "prometheus/prometheus.yaml": prometheus_document(site),
        **{
            f"prometheus/rules/{name}.yaml": document
            for name, document in rule_documents(catalogue, site).items()
        },
        "alertmanager/alertmanager.yaml": alertmanager_document(catalogue, site),
    }
    files = {path: yaml_text(document, GENERATED) for path, document in documents.items()}
    for template in sorted(FOLDER.glob("*.tmpl")):
        text = template.read_text(encoding="utf-8")
        files[f"alertmanager/templates/{template.name}"] = f"{{{{/* {GENERATED} */}}}}\n{text}"
    return files


def rule_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has no other rules and no other templates."""
    return GeneratedFiles(
        folder, files, ours=("prometheus/rules/*.yaml", "alertmanager/templates/*.tmpl")
    )


def checked(files: Mapping[str, str]) -> tuple[str, ...]:
    """Check the files with Prometheus' own tools; the names of those that are not installed.

    Raises SmartRegionError.
    """
    with TemporaryDirectory() as draft:
        rule_files(files, Path(draft)).write()
        return check_files(Path(draft))


def write(files: Mapping[str, str], folder: Path) -> tuple[str, ...]:
    """Check the files with Prometheus' own tools, then put them in their places in a folder.

    Returns the names of the tools that are not installed and so did not check. Raises as `checked`
    and `GeneratedFiles.write`. Other files of the folder stay.
    """
    missing = checked(files)
    GeneratedFiles(folder, files).write()
    return missing


class _Dumper(yaml.SafeDumper):
    """Writes YAML as people read it: expressions in lines, long texts folded."""

    # As PyYAML calls it.
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent the items of a list too."""
        super().increase_indent(flow=flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif len(value) > _LONG:
        style = ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: object, comment: str) -> str:
    """Write a document under a line of comment."""
    body = yaml.dump(
        document,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=_WIDTH,
    )
    return f"# {comment}\n{body}"
