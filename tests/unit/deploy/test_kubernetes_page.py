"""The commands of docs/kubernetes.md, as printed, by the real kubectl."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.kubernetes import built, one, pod_specs
from tests.support.kubernetes_api import cluster_api
from tests.support.requirements import require_programs

PAGE = Path(__file__).parents[3] / "docs" / "kubernetes.md"
#: Also those of no language, of which a guide has none.
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["smart-region-note", "smart-region-harvest"])
def test_a_suspended_job_is_run_once_and_then_by_its_schedule(name: str, tmp_path: Path) -> None:
    """Its Secret has the files that its pod reads; kubectl asks a server on loopback."""
    require_programs("kubectl", remedy="install it: the page's commands are its own")
    manifests = built("production")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    (commands,) = (block for block in blocks if f"patch cronjob {name} " in block)
    files = re.findall(r"--from-file=(\S+)", commands)
    for file in files:
        (tmp_path / file).write_text("x", encoding="utf-8")
    config = tmp_path / "config"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config)}

    with cluster_api(manifests, config) as api:
        done = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

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
