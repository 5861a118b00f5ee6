"""What the Prometheus operator and Grafana's sidecar take up on a cluster, from the catalogue.

Rules and scraping are the operator's resources; Kustomize makes ConfigMaps of the boards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from boundary.generated_files import GeneratedFiles
from catalogue.model import Catalogue
from dashboards.boards.render import boards_of
from dashboards.boards.render import render as render_boards
from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, PAGE_JOB, WORKER_JOB
from dashboards.rules.render import rule_documents, yaml_text
from dashboards.rules.site import MonitorSite, Pace

Resource: TypeAlias = Mapping[str, Any]

GENERATED: Final = (
    "Generated from the catalogue by `smart-region kubernetes monitoring`. Do not edit."
)
KUSTOMIZATION: Final = "kustomization.yaml"
API_VERSION: Final = "monitoring.coreos.com/v1"
NAME_LABEL: Final = "app.kubernetes.io/name"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
NAME: Final = "smart-region"


class Component(NamedTuple):
    """What is scraped: a component, and what its Service calls the port with /metrics."""

    name: str
    port: str


#: By the name of the job, which rules and boards select.
JOBS: Final[Mapping[str, Component]] = {
    WORKER_JOB: Component("worker", "http"),
    ASSESSOR_JOB: Component("assessor", "http"),
    PAGE_JOB: Component("page", "http"),
    # Not the port of events: a client that exhausts that one would keep Prometheus out, too.
    GATEWAY_JOB: Component("gateway", "probes"),
}

#: Grafana's sidecar takes the ConfigMaps with this label, and puts them into the folder.
BOARD_LABEL: Final = {"grafana_dashboard": "1"}
BOARD_FOLDER: Final = {"grafana_folder": "Smart Région"}


def rule_resource(name: str, rules: Resource) -> Resource:
    """Return the PrometheusRule of a rule file's content."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": {"name": f"{NAME}-{name}", "labels": {NAME_LABEL: NAME}},
        "spec": rules,
    }


def service_monitor(job: str, component: Component, pace: Pace) -> Resource:
    """Return the ServiceMonitor that scrapes a component's pods, ready or not, as `job`."""
    labels = {NAME_LABEL: NAME, COMPONENT_LABEL: component.name}
    return {
        "apiVersion": API_VERSION,
        "kind": "ServiceMonitor",
        "metadata": {"name": job, "labels": dict(labels)},
        "spec": {
            "selector": {"matchLabels": labels},
            "endpoints": [
                {
                    "port": component.port,
                    "interval": pace.every,
                    "scrapeTimeout": pace.scrape_timeout,
                    # The token of /metrics, which an overlay adds, would go along.
                    "followRedirects": False,
                    # Whatever an overlay calls the Service, rules and boards select the job.
                    "relabelings": [
                        {"action": "replace", "targetLabel": "job", "replacement": job}
                    ],
                }
            ],
        },
    }


def boards_kustomization(files: Iterable[str]) -> Resource:
    """Return the kustomization that lies beside the boards' files and makes a ConfigMap of each.

    One for each board: together they would outgrow what a ConfigMap may hold.
    """
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "generatorOptions": {
            # No pod is to be restarted for a board.
            "disableNameSuffixHash": True,
            "labels": {**BOARD_LABEL, NAME_LABEL: NAME},
            "annotations": dict(BOARD_FOLDER),
        },
        "configMapGenerator": [
            {"name": _board_name(file), "files": [file]} for file in sorted(files)
        ],
    }


def _board_name(file: str) -> str:
    # A programme's id may have underscores, which a resource's name may not.
    return file.removesuffix(".json").lower().replace("_", "-")


def render_monitoring(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the text of each file of the Prometheus operator's resources, by the file's name."""
    resources = {
        **{
            f"rules-{name}.yaml": rule_resource(name, rules)
            for name, rules in rule_documents(catalogue, site).items()
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
