"""The stack: its processes, and the order in which they start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from broker.options import quiet_client
from broker.settings import BrokerSettings
from broker.topic_admin import apply_topics
from dashboards.rules.pace import PACES
from dashboards.rules.render import MonitorSite
from dashboards.rules.scraping import Access
from events.producers.loader import load_producers
from events.topics import declared_topics
from gateway.settings import load_gateway_settings
from operations.programs.addresses import HOST, address_of
from operations.programs.alerting import (
    ALERTMANAGER_NAMES,
    AlertingPrograms,
    RuleFiles,
    write_files,
)
from operations.programs.kafka import READY, Kafka
from operations.programs.program import COMMAND, Program, environment
from operations.stack.credentials import StackCredentials
from operations.stack.folder import Folder
from operations.stack.ports import Ports
from operations.stack.summary import address_lines, first_events
from operations.stack.supervisor import Service, Supervisor, answers, has_logged
from report.settings import page_settings
from streams.settings import Settings

KAFKA_STOP_SECONDS: Final = 30.0
STOP_SECONDS: Final = 40.0
"""More than any process of ours takes to stop: the gateway 30 where the broker does not answer."""

LEDGER: Final = "ledger.duckdb"
READY_PATH: Final = "/readyz"
WITHOUT_TLS: Final = MappingProxyType({"server_certfile": None, "server_keyfile": None})
"""What is asked on loopback, by this program too, needs none; nor has the stack a certificate."""
PROMETHEUS_READY_PATH: Final = "/-/ready"

NO_PROMETHEUS: Final = (
    "Prometheus is not installed, so there are no rules and no alerts"
    " (Debian: apt-get install prometheus prometheus-alertmanager)"
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

        # Wrong settings are reported before anything starts.
        monitor = [
            *_monitor(settings, ports, folder),
            _gateway(settings, ports, folder, credentials),
        ]
        others = list(_alerting(plan, settings, ports, folder, rules, report))

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
    page = page_settings(asking, page_port=ports.page, page_ledger=folder.page / LEDGER)
    yield _ours("page", "page", page, ports.page, folder)


def _gateway(
    ours: Settings, ports: Ports, folder: Folder, credentials: StackCredentials
) -> Service:
    settings = load_gateway_settings(
        broker=ours.broker,
        security_protocol=ours.security_protocol,
        gateway_host=HOST,
        gateway_port=ports.gateway,
        gateway_probe_host=HOST,
        gateway_probe_port=ports.probes,
        gateway_secrets=credentials.for_the_gateway,
    )
    return _ours("gateway", "gateway", settings, ports.probes, folder)


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
        pages=(address_of(ports.page),),
        alertmanagers=(alertmanager_address,) if alertmanager else (),
        access=Access(None if token is None else str(token.resolve())),
    )
    write_files(rules(site), folder.alerting)
    if alertmanager is None:
        report(NO_ALERTMANAGER)
    else:
        yield Service(alertmanager, answers(alertmanager_address, PROMETHEUS_READY_PATH))
    prometheus = installed.prometheus_at(address, folder=folder.alerting, logs=folder.logs)
    yield Service(prometheus, answers(address, PROMETHEUS_READY_PATH))
