"""What the Prometheus operator and Grafana's sidecar take up on a cluster, from the catalogue.

Rules and scraping are the operator's resources; Kustomize makes ConfigMaps of the boards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from boundary.generated_files import GeneratedFiles
from catalogue.model import Catalogue
from dashboards.boards.render import render as render_boards
from dashboards.rules.render import rule_documents, yaml_text
from dashboards.rules.site import MonitorSite
from dashboards.rules.templates import filled_document

GENERATED: Final = (
    "Generated from the catalogue by `smart-region kubernetes monitoring`. Do not edit."
)
KUSTOMIZATION: Final = "kustomization.yaml"


def render_monitoring(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the text of each file of the Prometheus operator's resources, by the file's name."""
    rules = rule_documents(catalogue, site)
    tree = _resources(site, rules=rules)
    resources = {
        **{f"rules-{name}.yaml": {**tree["rules"][name], "spec": rules[name]} for name in rules},
        **{f"monitor-{name}.yaml": monitor for name, monitor in tree["monitors"].items()},
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(resources),
    }
    return {
        name: yaml_text(document, GENERATED)
        for name, document in {**resources, KUSTOMIZATION: kustomization}.items()
    }


def render_beside_boards(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the text of the kustomization that belongs in the boards' folder."""
    boards = sorted(render_boards(catalogue, site.links))
    return {KUSTOMIZATION: yaml_text(_resources(site, boards=boards)["boards"], GENERATED)}


def monitoring_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has no other rules."""
    return GeneratedFiles(folder, files, ours=("rules-*.yaml",))


def _resources(
    site: MonitorSite, *, rules: Iterable[str] = (), boards: Iterable[str] = ()
) -> dict[str, Any]:
    words = {"pace": site.pace, "rules": tuple(rules), "boards": tuple(boards)}
    tree: dict[str, Any] = filled_document("kubernetes.yaml.jinja", words)
    return tree
