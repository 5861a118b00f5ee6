"""A real Prometheus and Alertmanager for tests, on loopback, with promtool and amtool."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import yaml

from boundary.http_client import HttpClient
from operations.programs.addresses import free_address
from operations.programs.alerting import ALERTMANAGER_NAMES
from operations.programs.program import Program, answers
from tests.support.commands import captured
from tests.support.requirements import require_programs

REMEDY = "run deploy/debian-packages.sh as root, or install Prometheus and Alertmanager"

TOOL_SECONDS = 300.0
#: A tool ends before its garbage fills the memory, and collecting it would take a third longer.
TOOL_MEMORY = {"GOGC": "off", "GOMEMLIMIT": "512MiB"}

FOR_EVER = "100y"
"""The programme's years must not be deleted because of their age."""

Moment = datetime | date | float
Served = TypeVar("Served", bound="_HttpServer")


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment (in seconds since 1970)."""

    labels: Mapping[str, str]
    value: float
    time: float


@dataclass(frozen=True, slots=True)
class Line:
    """One series over a range: (seconds since 1970, value) pairs."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class _HttpServer(Program):
    """A server with an HTTP API like that of Prometheus and its siblings."""

    def __init__(self, name: str, folder: Path, address: str, command: Sequence[str]) -> None:
        self.folder = folder
        self.address = address
        self.url = f"http://{address}"
        is_ready = answers(f"{self.url}/-/ready")
        super().__init__(name, command, folder=folder, is_ready=is_ready, stop_seconds=20)

    def reload(self) -> None:
        self._request("/-/reload", method="POST")

    def _get_json(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - as the API has it
        query = f"?{urlencode(parameters)}" if parameters else ""
        return json.loads(self._request(path + query))

    def _request(self, path: str, *, method: str = "GET", body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"}
        with HttpClient(self.url, seconds=30) as client:
            answer = client.exchange(method, self.url + path, body=body, headers=headers)
        assert answer.status < HTTPStatus.BAD_REQUEST, f"{path}: {answer.body.decode()}"
        return answer.body


class Prometheus(_HttpServer):
    """A Prometheus with the test's own configuration and data.

    `configuration` is a mapping as in `prometheus.yml`; see `configured`. `blocks` is a folder with
    initial blocks, as `create_blocks` writes them. `retention` is the age at which data is deleted,
    by default never; None selects Prometheus' own default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configuration: Mapping[str, Any],
        blocks: Path | None = None,
        retention: str | None = FOR_EVER,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.configuration_file = folder / "prometheus.yml"
        self.configure(configuration)
        address = free_address()
        kept = () if retention is None else (f"--storage.tsdb.retention.time={retention}",)
        command = (
            "prometheus",
            f"--config.file={self.configuration_file}",
            f"--storage.tsdb.path={self.data}",
            *kept,
            f"--web.listen-address={address}",
            "--web.enable-lifecycle",
            # An Alertmanager that starts late receives alerts that are still firing.
            "--rules.alert.resend-delay=1s",
        )
        super().__init__("prometheus", folder, address, command)
        if blocks is not None:
            shutil.copytree(blocks, self.data, dirs_exist_ok=True)

    def configure(self, configuration: Mapping[str, Any]) -> None:
        """Write its configuration, which takes effect at `reload` or `start`."""
        text = yaml.safe_dump(dict(configuration), allow_unicode=True, sort_keys=False)
        self.configuration_file.write_text(text)

    def query(self, expression: str, at: Moment | None = None) -> list[Sample]:
        """Evaluate an expression, now or at a moment (a date is its midnight in UTC)."""
        parameters = {} if at is None else {"time": str(_seconds(at))}
        answer = self._get_json("/api/v1/query", query=expression, **parameters)["data"]
        if answer["resultType"] == "scalar":
            moment, value = answer["result"]
            return [Sample({}, float(value), float(moment))]
        return [
            Sample(one["metric"], float(one["value"][1]), float(one["value"][0]))
            for one in answer["result"]
        ]

    def value(self, expression: str, at: Moment | None = None) -> float | None:
        """Return the value of an expression of one series; None if there is none."""
        samples = self.query(expression, at)
        assert len(samples) <= 1, f"{expression} has {len(samples)} series: {samples}"
        return samples[0].value if samples else None

    def query_range(
        self, expression: str, start: Moment, end: Moment, *, step: str = "1d"
    ) -> list[Line]:
        """Evaluate an expression over a range, as a panel does."""
        answer = self._get_json(
            "/api/v1/query_range",
            query=expression,
            start=str(_seconds(start)),
            end=str(_seconds(end)),
            step=step,
        )["data"]
        return [
            Line(one["metric"], tuple((float(when), float(what)) for when, what in one["values"]))
            for one in answer["result"]
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing, as the API returns them."""
        return list(self._get_json("/api/v1/alerts")["data"]["alerts"])

    def firing(self) -> set[str]:
        return {one["labels"]["alertname"] for one in self.alerts() if one["state"] == "firing"}

    def up(self, job: str) -> bool:
        active = self._get_json("/api/v1/targets", state="active")["data"]["activeTargets"]
        health = [one["health"] for one in active if one["labels"]["job"] == job]
        return bool(health) and set(health) == {"up"}


class Alertmanager(_HttpServer):
    """A single Alertmanager with the given configuration (text of an `alertmanager.yml`)."""

    def __init__(self, folder: Path, *, configuration: str | Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(configuration, str):
            (folder / "alertmanager.yml").write_text(configuration)
            configuration = folder / "alertmanager.yml"
        self.configuration_file = configuration
        address = free_address()
        program = next(filter(None, map(shutil.which, ALERTMANAGER_NAMES)), ALERTMANAGER_NAMES[0])
        command = (
            program,
            f"--config.file={configuration}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            # A single instance: no cluster, and no port for it.
            "--cluster.listen-address=",
        )
        super().__init__("alertmanager", folder, address, command)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it holds, as the API returns them."""
        return list(self._get_json("/api/v2/alerts"))

    def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Post alerts, as Prometheus would: `labels`, `annotations`, `startsAt`, `endsAt`."""
        self._request("/api/v2/alerts", method="POST", body=json.dumps(list(alerts)).encode())


@dataclass
class Monitoring:
    """The servers of one test, all stopped when it ends; see the `monitoring` fixture."""

    folder: Path
    servers: list[_HttpServer] = field(default_factory=list)

    def prometheus(
        self,
        *,
        targets: Mapping[str, Sequence[str]] | None = None,
        rules: Sequence[Path] = (),
        alertmanagers: Sequence[str] = (),
        blocks: Path | None = None,
        retention: str | None = FOR_EVER,
    ) -> Prometheus:
        """Start a Prometheus on what `configured` makes of targets, rules and Alertmanagers."""
        configuration = configured(targets or {}, rules, alertmanagers)
        folder = self._folder("prometheus")
        return self._started(
            Prometheus(folder, configuration=configuration, blocks=blocks, retention=retention)
        )

    def alertmanager(self, configuration: str | Path) -> Alertmanager:
        folder = self._folder("alertmanager")
        return self._started(Alertmanager(folder, configuration=configuration))

    def stop_all(self) -> None:
        for server in self.servers:
            server.kill()

    def _folder(self, name: str) -> Path:
        return self.folder / f"{name}-{len(self.servers)}"

    def _started(self, server: Served) -> Served:
        self.servers.append(server)
        server.start()
        return server


def configured(
    targets: Mapping[str, Sequence[str]], rules: Sequence[Path], alertmanagers: Sequence[str]
) -> dict[str, Any]:
    """Return a configuration: targets' addresses by job, rule files, Alertmanagers' addresses."""
    return {
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "evaluation_interval": "1s",
        },
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(addresses)}]}
            for job, addresses in targets.items()
        ],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
    }


def require_prometheus() -> None:
    """Give up a test if Prometheus, Alertmanager or their tools are missing."""
    names = (name for name in ALERTMANAGER_NAMES if shutil.which(name))
    alertmanager = next(names, ALERTMANAGER_NAMES[0])
    require_programs("prometheus", "promtool", alertmanager, "amtool", remedy=REMEDY)


def promtool(*arguments: str | Path, status: int = 0) -> str:
    """Run promtool (`check rules FILE…`, `test rules FILE…`) and return its output.

    If its exit status differs from `status`, fail with all of its output.
    """
    return _run("promtool", arguments, status)


def amtool(*arguments: str | Path) -> str:
    """Run amtool (`check-config FILE`, `config routes test …`), like `promtool`."""
    return _run("amtool", arguments)


def create_blocks(openmetrics: Path, folder: Path) -> Path:
    """Create Prometheus' blocks from a backfill, in a folder for `Prometheus(blocks=…)`.

    The blocks are large: with its default of two hours, promtool reads the whole file for each day.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    promtool(*command, "--max-block-duration=17520h", openmetrics, folder)
    return folder


def _run(program: str, arguments: Sequence[str | Path], status: int = 0) -> str:
    done = captured(
        [program, *map(str, arguments)],
        env={**os.environ, **TOOL_MEMORY},
        timeout=TOOL_SECONDS,
    )
    output = done.stdout + done.stderr
    assert done.returncode == status, f"{program} {' '.join(map(str, arguments))}:\n{output}"
    return output


def _seconds(moment: Moment) -> float:
    if isinstance(moment, datetime):
        return moment.timestamp()
    if isinstance(moment, date):
        return datetime.combine(moment, time(), UTC).timestamp()
    return moment
