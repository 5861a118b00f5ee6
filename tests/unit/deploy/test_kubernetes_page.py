"""The commands of docs/kubernetes.md, as printed, by the real kubectl."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import captured
from tests.support.kubernetes import built, one, pod_specs
from tests.support.kubernetes_api import cluster_api
from tests.support.requirements import require_programs

PAGE = Path(__file__).parents[3] / "docs" / "kubernetes.md"
#: Also those of no language, of which a guide has none.
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["smart-region-note", "smart-region-harvest"])
def test_a_suspended_job_is_run_once_and_then_by_its_schedule(name: str, tmp_path: Path) -> None:
    manifests = built("production")
    commands = _commands(f"patch cronjob {name} ")
    files = re.findall(r"--from-file=(\S+)", commands)
    for file in files:
        (tmp_path / file).write_text("x", encoding="utf-8")
    config = tmp_path / "config"

    with cluster_api(manifests, config) as api:
        done = _run(commands, config)

    assert done.returncode == 0, done.stderr
    (container,) = dict(pod_specs(manifests))[name]["containers"]
    read = {Path(it).name for it in container["args"] if "=/etc/smart-region/" in it}
    (secrets, secret), (jobs, _) = api.made
    namespace = one(manifests, "CronJob", name)["metadata"]["namespace"]
    assert secrets == f"/api/v1/namespaces/{namespace}/secrets"
    assert name.encode() in secret
    assert read
    assert read <= set(files)
    assert jobs == f"/apis/batch/v1/namespaces/{namespace}/jobs"
    (job,) = (it for it in api.cron_jobs.values() if it["metadata"]["name"] == name)
    assert job["spec"]["suspend"] is False


@pytest.mark.parametrize("ended", ["Complete", "Failed"])
def test_an_audit_is_waited_for_however_it_ends(ended: str, tmp_path: Path) -> None:
    """It fails where a worker differs, which is when its log is wanted most."""
    commands = _commands("create job audit-1 ").partition("kubectl --namespace smart-region logs")[
        0
    ]
    config = tmp_path / "config"
    path = "/apis/batch/v1/namespaces/smart-region/jobs/audit-1"

    with cluster_api(built("production"), config) as api:
        api.jobs[path] = {
            "kind": "Job",
            "apiVersion": "batch/v1",
            "metadata": {"name": "audit-1", "namespace": "smart-region"},
            "status": {"conditions": [{"type": ended, "status": "True"}]},
        }
        done = _run(commands, config)

    assert (done.returncode, done.stderr) == (0, "")
    assert ended in done.stdout


def _commands(text: str) -> str:
    require_programs("kubectl", remedy="install it: the page's commands are its own")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    (commands,) = (block for block in blocks if text in block)
    return str(commands)


def _run(commands: str, config: Path) -> subprocess.CompletedProcess[str]:
    folder = config.parent
    return captured(
        ["bash", "-e", "-c", commands],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(config)},
    )
