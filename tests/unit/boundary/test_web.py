"""What every process serves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import ClientSession
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from boundary.serving import OPEN, MetricsGuard
from boundary.web import Readiness, make_app, probe_routes, serve
from tests.support.private_files import private_file


class Answer(NamedTuple):
    status: int
    content_type: str
    body: str


class Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("smartregion_figure", "A figure.", 7)


def get(
    path: str, *, guard: MetricsGuard = OPEN, waiting_for: str | None = None, **headers: str
) -> Answer:
    readiness = Readiness(waiting_for, {"partitions": [0]})

    async def ask() -> Answer:
        app = make_app(probe_routes(Figures(), lambda: readiness, guard))
        async with (
            serve(app, host="127.0.0.1", port=0) as address,
            ClientSession() as session,
            session.get(address + path, headers=headers) as answer,
        ):
            kind = answer.headers.get("Content-Type", "")
            return Answer(answer.status, kind, await answer.text())

    return asyncio.run(ask())


@pytest.fixture
def guard(tmp_path: Path) -> MetricsGuard:
    return MetricsGuard(private_file(tmp_path / "token", "open-sesame"))


def test_metrics_are_prometheus_text_with_nothing_of_the_process() -> None:
    status, content_type, body = get("/metrics")

    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert [line for line in body.splitlines() if line[0] != "#"] == ["smartregion_figure 7.0"]


def test_metrics_are_openmetrics_on_request() -> None:
    answer = get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.body.endswith("# EOF\n")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guessed"}])
def test_metrics_require_the_token(guard: MetricsGuard, headers: dict[str, str]) -> None:
    refused = get("/metrics", guard=guard, **headers)

    assert (refused.status, refused.body) == (401, "")
    assert get("/metrics", guard=guard, Authorization="Bearer open-sesame").status == 200


@pytest.mark.parametrize(
    ("path", "waiting_for", "status", "body"),
    [
        ("/healthz", "the broker", 200, '{"alive": true}'),
        ("/readyz", None, 200, '{"ready": true, "waiting_for": null, "partitions": [0]}'),
        (
            "/readyz",
            "the broker",
            503,
            '{"ready": false, "waiting_for": "the broker", "partitions": [0]}',
        ),
    ],
)
def test_probes_need_no_token(
    guard: MetricsGuard, path: str, waiting_for: str | None, status: int, body: str
) -> None:
    assert get(path, guard=guard, waiting_for=waiting_for)[::2] == (status, body)


def test_nothing_else_is_served() -> None:
    assert [get(path).status for path in ("/", "/graph", "/metrics/")] == [404] * 3
