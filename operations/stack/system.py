"""The system: which processes it is made of, and in which order they begin."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from broker.settings import BrokerSettings
from broker.topic_admin import apply_topics
from events.producers.loader import load_producers
from events.topics import declared_topics
from gateway.settings import load_gateway_settings
from operations.programs.addresses import HOST, address_of
from operations.programs.alerting import (
    ALERTMANAGER_NAMES,
    AlertingPrograms,
    RuleFiles,
    Scraped,
    write_files,
)
from operations.programs.kafka import READY, Kafka
from operations.programs.monitor import COMMAND, environment
from operations.programs.program import Program
from operations.stack.credentials import StackCredentials
from operations.stack.folder import Folder
from operations.stack.ports import Ports
from operations.stack.summary import first_event, whereabouts
from operations.stack.supervisor import Service, Supervisor, answers, has_said
from streams.settings import Settings

__all__ = ["StackPlan", "run_stack"]

KAFKA_STOP_SECONDS: Final = 30.0
STOP_SECONDS: Final = 25.0
"""More than any process of ours takes to finish what it has begun."""

READY_PATH: Final = "/readyz"
THEIR_READY_PATH: Final = "/-/ready"

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
    """What is wanted of a stack."""

    folder: Path
    """Where it keeps everything; what an earlier run left there goes on."""
    distribution: Path
    """Kafka's, as `operations.programs.kafka.Kafka` has it."""
    pace: str
    """Of the rules, `steady` or `live`."""


def run_stack(
    plan: StackPlan, settings: Settings, rules: RuleFiles, tell: Callable[[str], None]
) -> NoReturn:
    """Start the whole system, and keep it running until a signal or an error raises.

    Of the settings, what is not about the broker or about addresses holds. Whatever was started
    is ended when this raises: an error of the settings', of the broker's, of the declared
    producers', of `operations.stack.supervisor` or of `operations.programs.kafka`, or Interrupted.
    """
    # What the client has to say reaches the reader as one line of ours.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    producers = load_producers(settings.producers)
    with Folder.held(plan.folder) as folder, Supervisor(tell) as supervisor:
        places = Ports.choose()
        credentials = StackCredentials.kept_in(folder.secrets, producers)
        settings = _on_our_broker(settings, places)

        # All that an operator got wrong is told before anything starts.
        monitor = [
            *_monitor(settings, places, folder),
            _gateway(settings, places, folder, credentials),
        ]
        others = list(_alerting(plan, places, folder, rules, tell))

        tell(f"Kafka keeps its data in {folder.kafka}")
        supervisor.start(_kafka(plan, places, folder))
        declared = declared_topics(partitions=settings.partitions, app_id=settings.app_id)
        # The broker is the stack's own: a newer release's declaration holds there at once.
        apply_topics(settings.broker, declared, alter_settings=True)
        supervisor.start(*monitor)
        supervisor.start(*others)

        tell("")
        for line in whereabouts(places, folder, programs={one.name for one in others}):
            tell(line)
        tell("")
        for line in first_event(places, producers, credentials, datetime.now(UTC)):
            tell(line)
        tell("")
        tell("Everything is ready. Ctrl-C ends it.")
        supervisor.watch()


def _on_our_broker(settings: Settings, places: Ports) -> Settings:
    ours = {
        "broker": address_of(places.kafka),
        "security_protocol": "PLAINTEXT",
        "replication": 1,
        "http_host": HOST,
    }
    return settings.model_copy(update=ours)


def _kafka(plan: StackPlan, places: Ports, folder: Folder) -> Service:
    kafka = Kafka(folder.kafka, places.kafka, places.controller, distribution=plan.distribution)
    kafka.prepare()
    program = Program("kafka", kafka.command, folder=folder.logs, grace=KAFKA_STOP_SECONDS)
    return Service(program, has_said(program, READY))


def _monitor(settings: Settings, places: Ports, folder: Folder) -> Iterator[Service]:
    for number, port in enumerate(places.workers, start=1):
        own = settings.model_copy(update={"http_port": port})
        yield _ours(f"worker-{number}", "worker", own, port, folder)
    own = settings.model_copy(update={"assessor_port": places.assessor})
    yield _ours("assessor", "assessor", own, places.assessor, folder)


def _gateway(
    ours: Settings, places: Ports, folder: Folder, credentials: StackCredentials
) -> Service:
    settings = load_gateway_settings(
        broker=ours.broker,
        security_protocol=ours.security_protocol,
        gateway_host=HOST,
        gateway_port=places.gateway,
        gateway_probe_host=HOST,
        gateway_probe_port=places.probes,
        gateway_secrets=credentials.for_the_gateway,
    )
    return _ours("gateway", "gateway", settings, places.probes, folder)


def _ours(name: str, command: str, settings: BrokerSettings, port: int, folder: Folder) -> Service:
    program = Program(
        name,
        (*COMMAND, command),
        folder=folder.logs,
        env=environment(settings),
        grace=STOP_SECONDS,
    )
    return Service(program, answers(address_of(port), READY_PATH))


def _alerting(
    plan: StackPlan,
    places: Ports,
    folder: Folder,
    rules: RuleFiles,
    tell: Callable[[str], None],
) -> Iterator[Service]:
    """Give Prometheus and Alertmanager on their files, and say which of them is missing."""
    installed = AlertingPrograms.installed()
    if installed is None:
        tell(NO_PROMETHEUS)
        return
    address, alertmanager_address = address_of(places.prometheus), address_of(places.alertmanager)
    alertmanager = installed.alertmanager_at(
        alertmanager_address, folder=folder.alerting, logs=folder.logs
    )
    scraped = Scraped(
        workers=tuple(map(address_of, places.workers)),
        assessors=(address_of(places.assessor),),
        gateways=(address_of(places.probes),),
        alertmanagers=(alertmanager_address,) if alertmanager else (),
    )
    write_files(rules(scraped, pace=plan.pace), folder.alerting)
    if alertmanager is None:
        tell(NO_ALERTMANAGER)
    else:
        yield Service(alertmanager, answers(alertmanager_address, THEIR_READY_PATH))
    prometheus = installed.prometheus_at(address, folder=folder.alerting, logs=folder.logs)
    yield Service(prometheus, answers(address, THEIR_READY_PATH))
