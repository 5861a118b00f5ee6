"""What the system is made of; nothing of it is started here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from boundary.settings import SettingsError
from dashboards.rules.render import MonitorSite
from operations.programs.alerting import AlertingPrograms
from operations.programs.kafka import Kafka
from operations.stack import system
from operations.stack.supervisor import Service
from operations.stack.system import NO_ALERTMANAGER, NO_PROMETHEUS, StackPlan, run_stack
from streams.settings import Settings, load_settings

BOTH = AlertingPrograms("/bin/prometheus", "/bin/alertmanager")


class EverythingRunsError(Exception):
    """Ends what would go on until a signal."""


@dataclass
class Scene:
    """What would have been done, in its order."""

    plan: StackPlan
    done: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    environments: dict[str, Mapping[str, str]] = field(default_factory=dict)
    sites: list[MonitorSite] = field(default_factory=list)

    def run(self, settings: Settings | None = None) -> None:
        """Run the system until all of it would run."""
        with pytest.raises(EverythingRunsError):
            run_stack(self.plan, settings or load_settings(), self.rules, self.lines.append)

    def rules(self, site: MonitorSite) -> Mapping[str, str]:
        """Return a file that has the pace."""
        self.sites.append(site)
        return {"prometheus/prometheus.yaml": site.pace.name}

    def supervisor(self, _: object) -> Self:
        """Stand for the supervisor."""
        return self

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def start(self, *services: Service) -> None:
        """Record what would be started together."""
        self.done.append(" ".join(service.name for service in services))
        self.environments |= {one.name: one.program._env for one in services}

    def watch(self) -> None:
        """Come to the end."""
        raise EverythingRunsError


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene where all programs are installed."""
    scene = Scene(StackPlan(tmp_path / "stack", tmp_path / "kafka", "live"))
    monkeypatch.setattr(system, "Supervisor", scene.supervisor)
    monkeypatch.setattr(system, "apply_topics", lambda *_, **__: scene.done.append("topics"))
    monkeypatch.setattr(Kafka, "prepare", lambda _: scene.done.append("format"))
    monkeypatch.setattr(AlertingPrograms, "installed", lambda: BOTH)
    return scene


def test_each_begins_once_what_it_needs_is_there(scene: Scene) -> None:
    """The broker, its topics, what reads and writes them, and what scrapes these."""
    scene.run()

    assert scene.done == [
        "format",
        "kafka",
        "topics",
        "worker-1 worker-2 assessor page gateway",
        "alertmanager prometheus",
    ]


def test_no_other_broker_is_spoken_to(scene: Scene) -> None:
    """Whatever the terminal's variables say of one; other settings hold."""
    scene.run(
        load_settings(
            broker="kafka.example:9093",
            security_protocol="SSL",
            replication=3,
            catalogue=Path("mine"),
        )
    )

    for name in ("worker-1", "worker-2", "assessor", "gateway"):
        env = scene.environments[name]
        assert env["SMART_REGION_BROKER"].startswith("127.0.0.1:")
        assert env["SMART_REGION_SECURITY_PROTOCOL"] == "PLAINTEXT"
    assert scene.environments["worker-1"]["SMART_REGION_REPLICATION"] == "1"
    assert scene.environments["assessor"]["SMART_REGION_CATALOGUE"] == "mine"


def test_a_certificate_of_the_terminal_s_variables_is_not_served(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack asks its programs on loopback, and prints addresses, without TLS."""
    monkeypatch.setenv("SMART_REGION_SERVER_CERTFILE", "server.pem")
    monkeypatch.setenv("SMART_REGION_SERVER_KEYFILE", "server.key")

    scene.run()

    for name in ("worker-1", "worker-2", "assessor", "page", "gateway"):
        env = scene.environments[name]
        assert env["SMART_REGION_SERVER_CERTFILE"] == env["SMART_REGION_SERVER_KEYFILE"] == ""


def test_prometheus_has_the_token_that_metrics_require(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its whole path: Prometheus runs in a folder of its own."""
    monkeypatch.setenv("SMART_REGION_METRICS_TOKEN_FILE", "metrics.token")

    scene.run()

    (site,) = scene.sites
    required = scene.environments["worker-1"]["SMART_REGION_METRICS_TOKEN_FILE"]
    assert site.access.token_file == str(Path(required).resolve())


def test_prometheus_scrapes_all_and_alerts_alertmanager(scene: Scene) -> None:
    """At the addresses that they were given, and at the wanted pace."""
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
    assert (scene.plan.folder / "alerting/prometheus/prometheus.yaml").read_text() == "live"


@pytest.mark.parametrize(
    ("installed", "started", "line"),
    [
        (None, "", NO_PROMETHEUS),
        (AlertingPrograms("/bin/prometheus", None), "prometheus", NO_ALERTMANAGER),
    ],
)
def test_what_is_not_installed_is_left_out_and_that_is_reported(
    installed: AlertingPrograms | None,
    started: str,
    line: str,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events and figures need neither of the two."""
    monkeypatch.setattr(AlertingPrograms, "installed", lambda: installed)

    scene.run()

    assert scene.done[-1] == started
    assert line in scene.lines
    assert not any(line.startswith("Alertmanager  ") for line in scene.lines)


def test_wrong_settings_are_reported_before_anything_starts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's among them: it would be started last."""
    monkeypatch.setenv("SMART_REGION_GATEWAY_PRT", "1")

    with pytest.raises(SettingsError, match="SMART_REGION_GATEWAY_PORT"):
        run_stack(scene.plan, load_settings(), scene.rules, scene.lines.append)

    assert scene.done == []
