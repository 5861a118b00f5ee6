"""The stack: its processes, and the order in which they start."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from broker.options import quiet_client
from broker.settings import BrokerSettings
from broker.topic_admin import apply_topics
from dashboards.rules.site import PACES, MonitorSite
from events.fact import Fact
from events.producers.model import Producers, load_producers
from events.producers.secrets import Scheme
from events.school import SchoolConnected, SchoolKind, SchoolRegistered
from events.topics import declared_topics
from gateway.settings import load_gateway_settings
from operations.programs.addresses import HOST, address_of
from operations.programs.alerting import (
    ALERTMANAGER,
    ALERTMANAGER_NAMES,
    PROMETHEUS,
    AlertingPrograms,
    RuleFiles,
    write_files,
)
from operations.programs.kafka import READY, Kafka
from operations.programs.program import COMMAND, Program, environment
from operations.stack.folder import Folder, StackCredentials
from operations.stack.ports import Ports
from operations.stack.supervisor import Service, Supervisor, answers, has_logged
from report.settings import page_settings
from streams.settings import Settings

UAI: Final = "0750419Y"
"""The lycée with which the producers' guide begins."""


def address_lines(ports: Ports, folder: Folder, *, programs: Container[str]) -> Iterator[str]:
    """Yield a line for each address; those of Prometheus and Alertmanager only if they run."""
    yield f"page             http://{address_of(ports.page)}/"
    yield f"gateway          http://{address_of(ports.gateway)}/events"
    for port in (*ports.workers, ports.assessor):
        kind = "assessor" if port == ports.assessor else "worker"
        yield f"{kind:15}  http://{address_of(port)}/metrics"
    if PROMETHEUS in programs:
        yield f"Prometheus       http://{address_of(ports.prometheus)}"
    if ALERTMANAGER in programs:
        yield f"Alertmanager     http://{address_of(ports.alertmanager)}"
    yield f"Kafka            {address_of(ports.kafka)}"
    yield f"logs             {folder.logs}"
    yield f"secrets          {folder.secrets}"


def first_events(
    ports: Ports, producers: Producers, credentials: StackCredentials, now: datetime
) -> Iterator[str]:
    """Yield the lines of a command that sends two events of today: a lycée, and its connection.

    A connection alone would be in no figure. None where no declared producer may send both.
    """
    types = {SchoolRegistered.TYPE, SchoolConnected.TYPE}
    producer = next((one for one in producers if types <= set(one.event_types)), None)
    if producer is None:
        return
    day = f"{now:%Y-%m-%d}"
    lycee = {"name": "Lycée Charlemagne", "kind": SchoolKind.GENERAL_TECHNOLOGICAL}
    facts: tuple[tuple[type[Fact], dict[str, object]], ...] = (
        (SchoolRegistered, {"registered_on": day, "commune": "75104", **lycee}),
        (SchoolConnected, {"connected_on": day, "downlink_mbps": 1000}),
    )
    events = [
        {
            "specversion": "1.0",
            "id": f"first-{number}-{now:%Y%m%dT%H%M%S}",
            "source": producer.sources[0],
            "type": fact.TYPE,
            "time": now.isoformat(timespec="seconds"),
            "data": {"uai": UAI, **data},
        }
        for number, (fact, data) in enumerate(facts, start=1)
    ]
    token = shlex.quote(str(credentials.file_of(producer.id, Scheme.BEARER)))
    yield f"First events, as the producer {producer.id}:"
    yield ""
    # By a pipe: every user of this machine sees the arguments of a command.
    yield f"sed 's/^/Authorization: Bearer /' {token} |"
    yield f"  curl --silent http://{address_of(ports.gateway)}/events --header @- \\"
    yield '  --header "Content-Type: application/cloudevents-batch+json" \\'
    yield f"  --data {shlex.quote(json.dumps(events))}"


KAFKA_STOP_SECONDS: Final = 30.0
STOP_SECONDS: Final = 40.0
"""More than any process of ours takes to stop: the gateway 30 where the broker does not answer."""

LEDGER: Final = "ledger.duckdb"
HAPROXY: Final = "haproxy"
READY_PATH: Final = "/readyz"
WITHOUT_TLS: Final = MappingProxyType({"server_certfile": None, "server_keyfile": None})
"""What is asked on loopback, by this program too, needs none; nor has the stack a certificate."""
PROMETHEUS_READY_PATH: Final = "/-/ready"

NO_PROMETHEUS: Final = (
    "Prometheus is not installed, so there are no rules and no alerts"
    " (Debian: apt-get install prometheus prometheus-alertmanager)"
)
NO_HAPROXY: Final = (
    "HAProxy is not installed, so gateway and page are reached directly"
    " (Debian: apt-get install haproxy)"
)
NO_ALERTMANAGER: Final = (
    "Alertmanager is not installed, so alerts are seen on Prometheus alone"
    f" (Debian: apt-get install {ALERTMANAGER_NAMES[0]})"
)


@dataclass(frozen=True, slots=True)
class StackPlan:
    """The options of a stack."""

    folder: Path
    """Where data, logs and secrets are kept from run to run."""
    distribution: Path
    """Kafka's, as `operations.programs.kafka.Kafka` has it."""
    pace: str
    """Of the rules, `steady` or `live`."""


def run_stack(
    plan: StackPlan, settings: Settings, rules: RuleFiles, report: Callable[[str], None]
) -> NoReturn:
    """Start the whole system, and keep it running until a signal or an error raises.

    The settings hold but for the broker and the addresses. Whatever was started is stopped when
    this raises: an error of the settings', of the broker's, of the declared
    producers', of `operations.stack.supervisor` or of `operations.programs.kafka`, or Interrupted.
    """
    quiet_client()
    producers = load_producers(settings.producers)
    with Folder.held(plan.folder) as folder, Supervisor(report) as supervisor:
        ports = Ports.kept_in(folder.ports)
        credentials = StackCredentials.kept_in(folder.secrets, producers)
        settings = _on_our_broker(settings, ports)

        haproxy = shutil.which(HAPROXY) or shutil.which(HAPROXY, path="/usr/sbin")
        fronts = [] if haproxy is None else list(_fronts(haproxy, plan, ports, folder))
        if haproxy is None:
            report(NO_HAPROXY)
            ports = replace(ports, gateway_behind=ports.gateway, page_behind=ports.page)
        # Wrong settings are reported before anything starts.
        monitor = [
            *_monitor(settings, ports, folder),
            _gateway(settings, ports, folder, credentials),
        ]
        others = [*fronts, *_alerting(plan, settings, ports, folder, rules, report)]

        report(f"Kafka keeps its data in {folder.kafka}")
        supervisor.start(_kafka(plan, ports, folder))
        declared = declared_topics(partitions=settings.partitions)
        # The broker is the stack's own: the declarations of a newer release hold at once.
        apply_topics(settings.broker, declared, alter_settings=True)
        supervisor.start(*monitor)
        supervisor.start(*others)

        report("")
        for line in address_lines(ports, folder, programs={one.name for one in others}):
            report(line)
        report("")
        for line in first_events(ports, producers, credentials, datetime.now(UTC)):
            report(line)
        report("")
        report("Everything is ready. Ctrl-C ends it.")
        supervisor.watch()


def _on_our_broker(settings: Settings, ports: Ports) -> Settings:
    ours = {
        "broker": address_of(ports.kafka),
        "security_protocol": "PLAINTEXT",
        "replication": 1,
        "http_host": HOST,
    }
    return settings.model_copy(update=ours)


def _kafka(plan: StackPlan, ports: Ports, folder: Folder) -> Service:
    kafka = Kafka(folder.kafka, ports.kafka, ports.controller, distribution=plan.distribution)
    kafka.prepare()
    program = Program("kafka", kafka.command, folder=folder.logs, stop_seconds=KAFKA_STOP_SECONDS)
    return Service(program, has_logged(program, READY))


def _monitor(settings: Settings, ports: Ports, folder: Folder) -> Iterator[Service]:
    for number, port in enumerate(ports.workers, start=1):
        own = settings.model_copy(update={"http_port": port})
        yield _ours(f"worker-{number}", "worker", own, port, folder)
    workers = ",".join(f"http://{address_of(port)}" for port in ports.workers)
    asking = settings.model_copy(update={"workers": workers})
    own = asking.model_copy(update={"assessor_port": ports.assessor})
    yield _ours("assessor", "assessor", own, ports.assessor, folder)
    page = page_settings(asking, page_port=ports.page_behind, page_ledger=folder.page / LEDGER)
    yield _ours("page", "page", page, ports.page_behind, folder)


def _gateway(
    ours: Settings, ports: Ports, folder: Folder, credentials: StackCredentials
) -> Service:
    settings = load_gateway_settings(
        broker=ours.broker,
        security_protocol=ours.security_protocol,
        gateway_host=HOST,
        gateway_port=ports.gateway_behind,
        gateway_haproxy=folder.secrets,
        gateway_trusted_proxies=HOST,
        gateway_probe_host=HOST,
        gateway_probe_port=ports.probes,
        gateway_secrets=credentials.for_the_gateway,
    )
    return _ours("gateway", "gateway", settings, ports.probes, folder)


def _fronts(haproxy: str, plan: StackPlan, ports: Ports, folder: Folder) -> Iterator[Service]:
    """Yield the HAProxy before the gateway, and the one before the page."""
    for name, port, behind, path in (
        ("gateway", ports.gateway, ports.gateway_behind, "/problems/not_found"),
        ("page", ports.page, ports.page_behind, "/static/page.css"),
    ):
        program = Program(
            f"haproxy-{name}",
            (haproxy, "-f", str(plan.distribution.parent / "haproxy" / f"{name}.cfg")),
            folder=folder.logs,
            env={
                "BIND": address_of(port),
                name.upper(): address_of(behind),
                "RUN": str(folder.secrets),
            },
        )
        yield Service(program, answers(address_of(port), path))


def _ours(name: str, command: str, settings: BrokerSettings, port: int, folder: Folder) -> Service:
    program = Program(
        name,
        (*COMMAND, command),
        folder=folder.logs,
        env=environment(settings.model_copy(update=WITHOUT_TLS)),
        stop_seconds=STOP_SECONDS,
    )
    return Service(program, answers(address_of(port), READY_PATH))


def _alerting(
    plan: StackPlan,
    settings: Settings,
    ports: Ports,
    folder: Folder,
    rules: RuleFiles,
    report: Callable[[str], None],
) -> Iterator[Service]:
    """Yield Prometheus and Alertmanager on their files, and report which of them is missing."""
    installed = AlertingPrograms.installed()
    if installed is None:
        report(NO_PROMETHEUS)
        return
    address, alertmanager_address = address_of(ports.prometheus), address_of(ports.alertmanager)
    alertmanager = installed.alertmanager_at(
        alertmanager_address, folder=folder.alerting, logs=folder.logs
    )
    token = settings.metrics_token_file
    site = MonitorSite(
        pace=PACES[plan.pace],
        workers=tuple(map(address_of, ports.workers)),
        assessors=(address_of(ports.assessor),),
        gateways=(address_of(ports.probes),),
        pages=(address_of(ports.page_behind),),
        alertmanagers=(alertmanager_address,) if alertmanager else (),
        metrics_token_file=None if token is None else str(token.resolve()),
    )
    write_files(rules(site), folder.alerting)
    if alertmanager is None:
        report(NO_ALERTMANAGER)
    else:
        yield Service(alertmanager, answers(alertmanager_address, PROMETHEUS_READY_PATH))
    prometheus = installed.prometheus_at(address, folder=folder.alerting, logs=folder.logs)
    yield Service(prometheus, answers(address, PROMETHEUS_READY_PATH))
