"""The part of a Kubernetes API server that kubectl asks for jobs and Secrets, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support.kubernetes import Manifest

_KINDS = {
    "/api/v1": {"secrets": "Secret"},
    "/apis/batch/v1": {"cronjobs": "CronJob", "jobs": "Job"},
}
_BATCH = {"groupVersion": "batch/v1", "version": "v1"}
_GROUPS = [{"name": "batch", "versions": [_BATCH], "preferredVersion": _BATCH}]


@dataclass
class ClusterApi:
    """What the cluster has, and what kubectl made."""

    cron_jobs: dict[str, dict[str, Any]]
    """By their paths."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is answered of jobs, by their paths."""
    made: list[tuple[str, bytes]] = field(default_factory=list)
    """Paths, and bodies as kubectl sends them (protobuf, with the names in plain text)."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        if path in ("/api", "/apis"):
            return 200, {"kind": "APIGroupList", "groups": _GROUPS, "versions": ["v1"]}
        if path in _KINDS:
            verbs = {"namespaced": True, "verbs": ["get", "create", "patch"]}
            kinds = [{"name": name, "kind": kind, **verbs} for name, kind in _KINDS[path].items()]
            version = path.partition("/")[2].partition("/")[2]
            return 200, {"kind": "APIResourceList", "groupVersion": version, "resources": kinds}
        if method == "POST":
            self.made.append((path, body))
            return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        if path in self.jobs:
            return 200, self.jobs[path]
        if path not in self.cron_jobs:
            return 404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
        if method == "PATCH":
            self.cron_jobs[path]["spec"] |= json.loads(body)["spec"]
        return 200, self.cron_jobs[path]


@contextmanager
def cluster_api(manifests: Iterable[Manifest], config: Path) -> Iterator[ClusterApi]:
    """Yield a cluster with the CronJobs of these manifests; `config` is written for KUBECONFIG."""
    jobs = [dict(deepcopy(it)) for it in manifests if it["kind"] == "CronJob"]
    where = "/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
    api = ClusterApi({where.format(**it["metadata"]): it for it in jobs})

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = api.answer(self.command, self.path.partition("?")[0], body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.handle_any()

        def do_POST(self) -> None:
            self.handle_any()

        def do_PATCH(self) -> None:
            self.handle_any()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        url = f"http://127.0.0.1:{server.server_port}"
        context = {"name": "c", "context": {"cluster": "c"}}
        clusters = [{"name": "c", "cluster": {"server": url}}]
        config.write_text(
            json.dumps({"clusters": clusters, "contexts": [context], "current-context": "c"}),
            encoding="utf-8",
        )
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
