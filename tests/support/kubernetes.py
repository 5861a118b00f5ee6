"""The manifests for a cluster: the overlays as built by Kustomize."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from click.testing import CliRunner

from smart_region import main
from tests.support.commands import captured

Manifest: TypeAlias = Mapping[str, Any]

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = tuple(sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir()))
WITH_PODS = ("Deployment", "StatefulSet", "Job", "CronJob")


@cache
def built(overlay: str) -> tuple[Manifest, ...]:
    """Build an overlay; skip the test if there is no program to build it."""
    # Kustomize's own program also works; Debian 12's versions of both are too old.
    programs = {"kubectl": ["kubectl", "kustomize"], "kustomize": ["kustomize", "build"]}
    command = next((words for name, words in programs.items() if shutil.which(name)), None)
    if command is None:
        pytest.skip(
            "kubectl 1.27 or later, or kustomize 5, is not there to build the overlays with"
        )
    with tempfile.TemporaryDirectory() as folder:
        deploy = _with_monitoring(Path(folder) / "deploy")
        done = captured([*command, deploy / "kubernetes/overlays" / overlay])
    assert done.returncode == 0, done.stderr
    # The boards are long, and the loader in C reads them ten times faster.
    return tuple(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def _with_monitoring(deploy: Path) -> Path:
    """Copy what Kustomize reads, and generate the rest as docs/kubernetes.md says."""
    for name in ("kubernetes", "grafana", "haproxy"):
        shutil.copytree(DEPLOY / name, deploy / name)
    made = {"--out": deploy / "kubernetes/monitoring", "--boards-dir": deploy / "grafana/boards"}
    arguments = [word for option, path in made.items() for word in (option, str(path))]
    done = CliRunner().invoke(main, ["kubernetes", "monitoring", *arguments])
    assert done.exit_code == 0, done.output
    return deploy


def one(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    found = [it for it in manifests if (it["kind"], it["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, (kind, name)
    return found[0]


def pod_specs(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, template in pod_templates(manifests):
        yield name, template["spec"]


def pod_templates(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield pod templates with their labels, each with the name of its workload."""
    for manifest in manifests:
        if manifest["kind"] in WITH_PODS:
            spec = manifest["spec"]
            maker = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
            yield manifest["metadata"]["name"], maker["template"]


def containers(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, pod in pod_specs(manifests):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield name, container


def environment(manifests: tuple[Manifest, ...], container: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        variables |= one(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    return variables | {it["name"]: it["value"] for it in container.get("env", ())}
