"""The worker's HTTP server."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import ClientSession
from faust.types import TP

from boundary.serving import OPEN, MetricsGuard
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import topic_name
from streams.clock import FixedClock
from streams.engine import Engine
from streams.exposition import WorkerCollector
from streams.membership import Membership
from streams.web import make_app, probe_routes, serve
from tests.support.fake_group import FakeApp, FakeConsumer

CATALOGUE = load_catalogue()
LOOPBACK = "127.0.0.1"


class Answer(NamedTuple):
    status: int
    content_type: str
    body: str


class Server:
    def __init__(self) -> None:
        self.guard = OPEN
        self.tls: ssl.SSLContext | None = None
        self.trusted: ssl.SSLContext | bool = True
        owned = {TP(topic_name(family), 0) for family in Family}
        self.app = FakeApp(FakeConsumer(owned=owned))
        clock = FixedClock(date(2020, 12, 31))
        engine = Engine(CATALOGUE, clock, partitions=1)
        self.membership = Membership(self.app.real, engine, dict)
        asyncio.run(self.app.on_partitions_assigned.send(owned))
        self.exposition = WorkerCollector(
            CATALOGUE, engine.state_store.fold, engine.meters, self.membership.snapshot
        )

    def serve(self) -> AbstractAsyncContextManager[str]:
        return serve(
            make_app(probe_routes(self.exposition, self.membership.readiness, self.guard)),
            host=LOOPBACK,
            port=0,
            tls=self.tls,
        )

    def get(self, path: str, **headers: str) -> Answer:
        async def ask() -> Answer:
            async with (
                self.serve() as address,
                ClientSession() as session,
                session.get(address + path, headers=headers, ssl=self.trusted) as answer,
            ):
                kind = answer.headers.get("Content-Type", "")
                return Answer(answer.status, kind, await answer.text())

        return asyncio.run(ask())


@pytest.fixture
def server() -> Server:
    return Server()


class TestMetrics:
    def test_is_prometheus_text(self, server: Server) -> None:
        status, content_type, body = server.get("/metrics")

        assert status == 200
        assert content_type.startswith("text/plain; version=")
        assert 'smartregion_partition_owned{partition="0"} 1.0' in body

    def test_is_openmetrics_where_that_is_asked_for(self, server: Server) -> None:
        answer = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

        assert answer.content_type.startswith("application/openmetrics-text")
        assert answer.body.endswith("# EOF\n")

    def test_is_there_before_ready(self, server: Server) -> None:
        server.app.rebalancing = True

        assert "smartregion_worker_ready 0.0" in server.get("/metrics").body

    def test_shows_nothing_of_the_process(self, server: Server) -> None:
        body = server.get("/metrics").body

        names = {line.split("{")[0].split()[0] for line in body.splitlines() if line[0] != "#"}
        assert {name.split("_")[0] for name in names} == {"smartregion"}


class TestGuard:
    @pytest.fixture
    def guarded(self, server: Server, tmp_path: Path) -> Server:
        file = tmp_path / "token"
        file.touch(mode=0o600)
        file.write_text("open-sesame")
        server.guard = MetricsGuard(file)
        return server

    def test_metrics_are_for_who_shows_the_token(self, guarded: Server) -> None:
        assert guarded.get("/metrics", Authorization="Bearer open-sesame").status == 200

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guessed"}])
    def test_nobody_else_sees_a_figure(self, guarded: Server, headers: dict[str, str]) -> None:
        answer = guarded.get("/metrics", **headers)

        assert (answer.status, answer.body) == (401, "")

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_probes_need_no_token(self, guarded: Server, path: str) -> None:
        assert guarded.get(path).status == 200


class TestHealth:
    def test_is_well_while_the_process_answers(self, server: Server) -> None:
        server.app.rebalancing = True

        assert server.get("/healthz")[::2] == (200, '{"alive": true}')


class TestReadiness:
    def test_says_ready_and_what_is_owned(self, server: Server) -> None:
        assert server.get("/readyz")[::2] == (
            200,
            '{"ready": true, "waiting_for": null, "partitions": [0], "shown": [0], "warnings": []}',
        )

    def test_says_what_is_waited_for(self, server: Server) -> None:
        server.app.rebalancing = True

        status, _, body = server.get("/readyz")

        assert status == 503
        assert '"waiting_for": "an assignment of partitions"' in body


def test_nothing_else_is_served(server: Server) -> None:
    assert [server.get(path).status for path in ("/", "/graph", "/table/schools")] == [404] * 3
