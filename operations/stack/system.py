"""The stack: its processes, and the order in which they start."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from boundary.text_templates import filled
from broker.options import quiet_client
from broker.topic_admin import apply_topics
from catalogue.model import Catalogue
from dashboards.rules.site import PACES, MonitorSite
from events.cloudevent import CloudEvent, encode_structured
from events.identifiers import example_uai
from events.producers.model import Producers, load_producers
from events.producers.secrets import Scheme
from events.school import SchoolConnected, SchoolKind, SchoolRegistered
from events.territory import TERRITORY
from events.topics import declared_topics
from gateway.settings import load_gateway_settings
from operations.programs.addresses import HOST, address_of
from operations.programs.alerting import (
    ALERTMANAGER,
    ALERTMANAGER_NAMES,
    PROMETHEUS,
    alerting_programs,
)
from operations.programs.kafka import Kafka
from operations.programs.program import Program, answers, monitor_program
from operations.stack.folder import (
    ALERTING,
    GATEWAY_SECRETS,
    KAFKA,
    LOGS,
    PAGE,
    SECRETS,
    Ports,
    held_folder,
    keep_secrets,
    secret_file,
)
from operations.stack.supervisor import Supervisor
from report.settings import page_settings
from streams.settings import Settings

STOP_SECONDS: Final = 40.0
"""More than any process of ours takes to stop: the gateway 30 where the broker does not answer."""
ALERTING_STOP_SECONDS: Final = 10.0
HAPROXY: Final = "haproxy"

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


def ready_text(
    ports: Ports, folder: Path, producers: Producers, now: datetime, *, programs: Container[str]
) -> str:
    """Return the addresses, and a command that sends two events: a lycée, and its connection.

    A connection alone would be in no figure. There is no command if no declared producer may send
    both. The addresses of Prometheus and Alertmanager are there only if they run.
    """
    # The lycée with which the producers' guide begins.
    uai, day = example_uai(TERRITORY.departments[0].uai_digits), now.date()
    kind, commune = SchoolKind.GENERAL_TECHNOLOGICAL, TERRITORY.example_commune
    facts = (
        SchoolRegistered(
            uai=uai, registered_on=day, name="Lycée Charlemagne", kind=kind, commune=commune
        ),
        SchoolConnected(uai=uai, connected_on=day, downlink_mbps=1000),
    )
    types = {fact.TYPE for fact in facts}
    producer = next((one for one in producers if types <= set(one.event_types)), None)
    token, events = "", list[str]()
    if producer is not None:
        token = str(secret_file(folder / SECRETS, producer.id, Scheme.BEARER))
        for number, fact in enumerate(facts, start=1):
            name = f"first-{number}-{now:%Y%m%dT%H%M%S}"
            event = CloudEvent(name, producer.sources[0], now, fact)
            events.append(encode_structured(event).value.decode())
    return filled(
        "operations.stack",
        "ready.txt",
        addresses={name: address_of(port) for name, port in ports},
        folder=folder,
        programs=programs,
        producer=producer,
        token=shlex.quote(token),
        events=shlex.quote(f"[{','.join(events)}]"),
    )


def run_stack(
    place: Path,
    distribution: Path,
    pace: str,
    settings: Settings,
    catalogue: Catalogue,
    report: Callable[[str], None],
) -> NoReturn:
    """Start the whole system, and keep it running until a signal or an error raises.

    `place` keeps data, logs and secrets from run to run. `distribution` is Kafka's, as
    `operations.programs.kafka.Kafka` has it; `pace` that of the rules, `steady` or `live`. The
    settings hold except for the broker and the addresses. Whatever was started is stopped when this
    raises: a SmartRegionError, or Interrupted.
    """
    quiet_client()
    producers = load_producers(settings.producers)
    with held_folder(place) as folder, Supervisor(report) as supervisor:
        ports = Ports.kept_in(folder / "ports.json")
        keep_secrets(folder / SECRETS, producers)
        ours = {
            "broker": address_of(ports.kafka),
            "security_protocol": "PLAINTEXT",
            "replication": 1,
            "http_host": HOST,
        }
        settings = settings.model_copy(update=ours)

        haproxy = shutil.which(HAPROXY) or shutil.which(HAPROXY, path="/usr/sbin")
        fronts = []
        if haproxy is None:
            report(NO_HAPROXY)
            behind = {"gateway_behind": ports.gateway, "page_behind": ports.page}
            ports = ports.model_copy(update=behind)
        else:
            fronts = list(_fronts(haproxy, distribution, ports, folder))
        # Wrong settings are reported before anything starts.
        monitor = list(_monitor(settings, ports, folder))
        token = settings.metrics_token_file
        site = MonitorSite(
            pace=PACES[pace],
            workers=tuple(map(address_of, ports.workers)),
            assessors=(address_of(ports.assessor),),
            gateways=(address_of(ports.probes),),
            pages=(address_of(ports.page_behind),),
            metrics_token_file=None if token is None else str(token.resolve()),
        )
        alerting = alerting_programs(
            catalogue,
            site,
            prometheus=address_of(ports.prometheus),
            alertmanager=address_of(ports.alertmanager),
            folder=folder / ALERTING,
            logs=folder / LOGS,
            stop_seconds=ALERTING_STOP_SECONDS,
        )
        if PROMETHEUS not in alerting:
            report(NO_PROMETHEUS)
        elif ALERTMANAGER not in alerting:
            report(NO_ALERTMANAGER)

        report(f"Kafka keeps its data in {folder / KAFKA}")
        supervisor.start(
            Kafka(
                folder / KAFKA,
                ports.kafka,
                ports.controller,
                logs=folder / LOGS,
                distribution=distribution,
            )
        )
        declared = declared_topics(partitions=settings.partitions)
        # The broker is the stack's own: the declarations of a newer release hold at once.
        apply_topics(settings.broker, declared, alter_settings=True)
        supervisor.start(*monitor)
        supervisor.start(*fronts, *alerting.values())

        for line in ready_text(
            ports, folder, producers, datetime.now(UTC), programs=alerting
        ).splitlines():
            report(line)
        supervisor.watch()


def _monitor(settings: Settings, ports: Ports, folder: Path) -> Iterator[Program]:
    """Yield the processes of ours, each with its settings."""
    workers = ",".join(f"http://{address_of(port)}" for port in ports.workers)
    asking = settings.model_copy(update={"workers": workers})
    parts = {
        "worker-1": (settings.model_copy(update={"http_port": ports.worker_1}), ports.worker_1),
        "worker-2": (settings.model_copy(update={"http_port": ports.worker_2}), ports.worker_2),
        "assessor": (asking.model_copy(update={"assessor_port": ports.assessor}), ports.assessor),
        "page": (
            page_settings(asking, page_port=ports.page_behind, work_folder=folder / PAGE),
            ports.page_behind,
        ),
        "gateway": (
            load_gateway_settings(
                broker=settings.broker,
                security_protocol=settings.security_protocol,
                gateway_host=HOST,
                gateway_port=ports.gateway_behind,
                gateway_haproxy=folder / SECRETS,
                gateway_probe_host=HOST,
                gateway_probe_port=ports.probes,
                gateway_secrets=folder / SECRETS / GATEWAY_SECRETS,
            ),
            ports.probes,
        ),
    }
    for name, (own, port) in parts.items():
        yield monitor_program(
            name, own, address_of(port), folder=folder / LOGS, stop_seconds=STOP_SECONDS
        )


def _fronts(haproxy: str, distribution: Path, ports: Ports, folder: Path) -> Iterator[Program]:
    """Yield the HAProxy before the gateway, and the one before the page."""
    for name, port, behind, path in (
        ("gateway", ports.gateway, ports.gateway_behind, "/problems/not_found"),
        ("page", ports.page, ports.page_behind, "/static/page.css"),
    ):
        yield Program(
            f"haproxy-{name}",
            (haproxy, "-f", str(distribution.parent / "haproxy" / f"{name}.cfg")),
            folder=folder / LOGS,
            env={
                "BIND": address_of(port),
                name.upper(): address_of(behind),
                "RUN": str(folder / SECRETS),
            },
            is_ready=answers(f"http://{address_of(port)}{path}"),
        )
