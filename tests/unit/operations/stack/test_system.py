"""What the system is made of; nothing of it is started here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from boundary.settings import SettingsError
from catalogue.loader import load_catalogue
from dashboards.rules.site import MonitorSite
from events.producers.model import Producers, load_producers
from events.producers.secrets import Scheme
from operations.programs.program import Program
from operations.stack import system
from operations.stack.folder import Ports, keep_secrets, secret_file
from operations.stack.system import (
    NO_ALERTMANAGER,
    NO_HAPROXY,
    NO_PROMETHEUS,
    ready_text,
    run_stack,
)
from streams.settings import Settings, load_settings


class EverythingRunsError(Exception):
    """Ends what would go on until a signal."""


@dataclass
class Scene:
    """What would have been done, in its order."""

    folder: Path
    done: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    environments: dict[str, Mapping[str, str]] = field(default_factory=dict)
    sites: list[MonitorSite] = field(default_factory=list)

    def run(self, settings: Settings | None = None) -> None:
        with pytest.raises(EverythingRunsError):
            self.start_stack(settings or load_settings())

    def start_stack(self, settings: Settings) -> None:
        run_stack(self.folder, Path("kafka"), "live", settings, load_catalogue(), self.lines.append)

    def render(self, _: object, site: MonitorSite) -> Mapping[str, str]:
        self.sites.append(site)
        return {"prometheus/prometheus.yaml": site.pace.every}

    def supervisor(self, _: object) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def start(self, *programs: Program) -> None:
        self.done.append(" ".join(program.name for program in programs))
        self.environments |= {one.name: one._env for one in programs}

    def kafka(self, folder: Path, *_: object, logs: Path, **__: object) -> Program:
        assert (folder.name, logs.name) == ("kafka", "logs")
        self.done.append("format")
        return Program("kafka", (), folder=logs)

    def watch(self) -> None:
        raise EverythingRunsError


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene(tmp_path / "stack")
    monkeypatch.setattr(system, "Supervisor", scene.supervisor)
    monkeypatch.setattr(system, "apply_topics", lambda *_, **__: scene.done.append("topics"))
    monkeypatch.setattr(system, "Kafka", scene.kafka)
    monkeypatch.setattr("operations.programs.alerting.render", scene.render)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/sbin/{name}")
    return scene


def test_each_begins_once_what_it_needs_is_there(scene: Scene) -> None:
    scene.run()

    assert scene.done == [
        "format",
        "kafka",
        "topics",
        "worker-1 worker-2 assessor page gateway",
        "haproxy-gateway haproxy-page alertmanager prometheus",
    ]


def test_the_broker_is_the_stack_s_own_and_nothing_serves_tls(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack asks its programs on loopback, and prints addresses, without TLS."""
    monkeypatch.setenv("SMART_REGION_SERVER_CERTFILE", "server.pem")
    monkeypatch.setenv("SMART_REGION_SERVER_KEYFILE", "server.key")
    elsewhere = {"broker": "kafka.example:9093", "security_protocol": "SSL", "replication": 3}

    scene.run(load_settings(**elsewhere, catalogue=Path("mine")))

    for name in ("worker-1", "worker-2", "assessor", "page", "gateway"):
        env = scene.environments[name]
        assert env["SMART_REGION_BROKER"].startswith("127.0.0.1:")
        assert env["SMART_REGION_SECURITY_PROTOCOL"] == "PLAINTEXT"
        assert env["SMART_REGION_SERVER_CERTFILE"] == env["SMART_REGION_SERVER_KEYFILE"] == ""
    assert scene.environments["worker-1"]["SMART_REGION_REPLICATION"] == "1"
    assert scene.environments["assessor"]["SMART_REGION_CATALOGUE"] == "mine"


def test_prometheus_has_the_token_that_metrics_require(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its whole path: Prometheus runs in a folder of its own."""
    monkeypatch.setenv("SMART_REGION_METRICS_TOKEN_FILE", "metrics.token")

    scene.run()

    (site,) = scene.sites
    required = scene.environments["worker-1"]["SMART_REGION_METRICS_TOKEN_FILE"]
    assert site.metrics_token_file == str(Path(required).resolve())


def test_prometheus_scrapes_all_and_alerts_alertmanager(scene: Scene) -> None:
    scene.run()

    (site,) = scene.sites
    env = scene.environments
    ports = [env[name]["SMART_REGION_HTTP_PORT"] for name in ("worker-1", "worker-2")]
    assert site.workers == tuple(f"127.0.0.1:{port}" for port in ports)
    assessor = env["assessor"]["SMART_REGION_ASSESSOR_PORT"]
    assert site.assessors == (f"127.0.0.1:{assessor}",)
    assert env["assessor"]["SMART_REGION_WORKERS"] == ",".join(
        f"http://{address}" for address in site.workers
    )
    probes = env["gateway"]["SMART_REGION_GATEWAY_PROBE_PORT"]
    assert site.gateways == (f"127.0.0.1:{probes}",)
    assert len(site.alertmanagers) == 1
    assert (scene.folder / "alerting/prometheus/prometheus.yaml").read_text() == "1s"


@pytest.mark.parametrize(
    ("missing", "started", "line"),
    [
        ("prometheus", "haproxy-gateway haproxy-page", NO_PROMETHEUS),
        ("alertmanager", "haproxy-gateway haproxy-page prometheus", NO_ALERTMANAGER),
        ("haproxy", "alertmanager prometheus", NO_HAPROXY),
    ],
)
def test_what_is_not_installed_is_left_out_and_that_is_reported(
    missing: str, started: str, line: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "shutil.which", lambda name, **_: None if name.endswith(missing) else f"/usr/sbin/{name}"
    )

    scene.run()

    assert scene.done[-1] == started
    assert line in scene.lines
    shown = any(line.startswith("Alertmanager  ") for line in scene.lines)
    assert shown == (missing == "haproxy")
    # Without HAProxy, gateway and page have the addresses that are printed.
    port = scene.environments["gateway"]["SMART_REGION_GATEWAY_PORT"]
    printed = f"gateway          http://127.0.0.1:{port}/events" in scene.lines
    assert printed == (missing == "haproxy")


def test_wrong_settings_are_reported_before_anything_starts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's among them: it would be started last."""
    monkeypatch.setenv("SMART_REGION_GATEWAY_PRT", "1")

    with pytest.raises(SettingsError, match="SMART_REGION_GATEWAY_PORT"):
        scene.start_stack(load_settings())

    assert scene.done == []


NOW = datetime(2026, 11, 25, 17, 0, 30, 5, tzinfo=UTC)
PORTS = Ports(**{name: number for number, name in enumerate(Ports.model_fields, 1)})
PRODUCERS = load_producers()


def ready(
    folder: Path, producers: Producers = PRODUCERS, programs: Container[str] = ()
) -> list[str]:
    return ready_text(PORTS, folder, producers, NOW, programs=programs).splitlines()


def test_every_address_has_a_line() -> None:
    stack = Path("/stack")

    both = ready(stack, programs={"prometheus", "alertmanager"})
    neither = ready(stack)

    assert both[1:11] == [
        "page             http://127.0.0.1:8/",
        "gateway          http://127.0.0.1:6/events",
        "worker           http://127.0.0.1:3/metrics",
        "worker           http://127.0.0.1:4/metrics",
        "assessor         http://127.0.0.1:5/metrics",
        "Prometheus       http://127.0.0.1:11",
        "Alertmanager     http://127.0.0.1:12",
        "Kafka            127.0.0.1:1",
        "logs             /stack/logs",
        "secrets          /stack/secrets",
    ]
    assert [line for line in both if line not in neither] == both[6:8]


def test_the_first_events_show_no_secret(tmp_path: Path) -> None:
    """Every user of the machine sees arguments; the command hands the token over by a pipe."""
    folder = tmp_path / "se crets"
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    keep_secrets(secrets, PRODUCERS)
    command = "\n".join(ready(folder)[-6:-2])
    curl = tmp_path / "curl"
    curl.touch(mode=0o755)
    curl.write_text('#!/bin/sh\necho "$@"\necho ---\ncat\n')

    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    arguments, _, piped = done.stdout.partition("---\n")
    token = secret_file(secrets, "lycees", Scheme.BEARER).read_text().strip()
    assert piped == f"Authorization: Bearer {token}\n"
    assert token not in arguments
    assert "--header @-" in arguments


def test_where_nobody_may_send_them_none_are_proposed(tmp_path: Path) -> None:
    only = Producers(producers=tuple(one for one in PRODUCERS if one.id == "open-data"))

    assert not any("curl" in line for line in ready(tmp_path, producers=only))
