"""A server that gives a test's answers in the format of Prometheus' API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dashboards import conventions
from tests.support.loopback import Answer, HttpRequest, loopback


def _target(job: str, health: str = "up") -> dict[str, Any]:
    return {"labels": {"job": job, "instance": "127.0.0.1:6066"}, "health": health}


@dataclass
class PrometheusStub:
    """Its answers; initially, everything is well."""

    url: str = ""
    data: dict[str, Any] = field(
        default_factory=lambda: {
            "/api/v1/targets": {"activeTargets": [_target("smart-region-worker"), _target("node")]},
            "/api/v1/rules": {
                "groups": [
                    {"rules": [{"name": conventions.TERRITORY_VALUE.name, "health": "ok"}]},
                ]
            },
            "/api/v1/status/flags": {"rules.alert.for-grace-period": "1m"},
            "/api/v1/status/runtimeinfo": {"storageRetention": "15y"},
        }
    )

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Status and document of paths outside the API."""
    failed: int = 0
    """How many notifications have reached no Alertmanager."""

    def answer(self, path: str, status: int, document: object) -> None:
        self.answers[path] = status, document

    def notify(self, address: str) -> None:
        active = [{"url": f"{address}/api/v2/alerts"}]
        self.data["/api/v1/alertmanagers"] = {"activeAlertmanagers": active}

    @property
    def metrics(self) -> str:
        return (
            "prometheus_notifications_alertmanagers_discovered 1\n"
            f'prometheus_notifications_errors_total{{alertmanager="http://x/"}} {self.failed}\n'
        )

    def take(self, request: HttpRequest) -> Answer:
        path = request.target.partition("?")[0]
        if path == "/metrics":
            return Answer(body=self.metrics)
        data = self.data.get(path)
        api = (404 if data is None else 200, {"status": "success", "data": data})
        return Answer(*self.answers.get(path, api))

    def scrape(self, job: str, health: str) -> None:
        self.data["/api/v1/targets"] = {"activeTargets": [_target(job, health)]}

    def evaluate(self, *rules: tuple[str, str]) -> None:
        listed = [{"name": name, "health": health} for name, health in rules]
        self.data["/api/v1/rules"] = {"groups": [{"rules": listed}]}


@contextmanager
def prometheus_stub() -> Iterator[PrometheusStub]:
    """Yield a stub that listens until the block ends."""
    stub = PrometheusStub()
    with loopback(stub.take) as stub.url:
        stub.notify(stub.url)  # Any answer is one.
        yield stub
