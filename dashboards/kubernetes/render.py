"""The files of deploy/kubernetes/monitoring, and the one beside the boards, from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boundary.generated_files import GeneratedFiles
from catalogue.model import Catalogue
from dashboards.boards.render import boards_of
from dashboards.boards.render import render as render_boards
from dashboards.kubernetes.resources import (
    JOBS,
    boards_kustomization,
    rule_resource,
    service_monitor,
)
from dashboards.rules.render import MonitorSite, groups
from dashboards.rules.yaml_text import yaml_text

__all__ = ["KUSTOMIZATION", "monitoring_files", "render_beside_boards", "render_monitoring"]

GENERATED: Final = (
    "Generated from the catalogue by `smart-region kubernetes monitoring`. Do not edit."
)
KUSTOMIZATION: Final = "kustomization.yaml"


def render_monitoring(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the text of each file of the Prometheus operator's resources, by the file's name."""
    resources = {
        **{
            f"rules-{name}.yaml": rule_resource(name, group)
            for name, group in groups(catalogue, site).items()
        },
        **{
            f"monitor-{component.name}.yaml": service_monitor(job, component, site.pace)
            for job, component in JOBS.items()
        },
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
    boards = render_boards(boards_of(catalogue, site.links))
    return {KUSTOMIZATION: yaml_text(boards_kustomization(boards), GENERATED)}


def monitoring_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has no other rules."""
    return GeneratedFiles(folder, files, ours=("rules-*.yaml",))
