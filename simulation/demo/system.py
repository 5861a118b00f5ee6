"""The demo's system: broker, topics, monitor, simulated producers and alerting, in that order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from broker.clients import administering
from broker.topic_admin import apply_topics
from catalogue.model import Catalogue
from dashboards.rules.site import PACES, MonitorSite
from events.cloudevent import CONTENT_TYPE, STRUCTURED, EncodedRecord
from events.topics import declared_topics, topic_name
from operations.programs.addresses import HOST, address_of, free_address, free_port
from operations.programs.alerting import ALERTMANAGER, PROMETHEUS, alerting_programs
from operations.programs.program import Program, monitor_program
from report.settings import page_settings
from simulation.demo.embedded_broker import embedded_broker
from simulation.demo.screen import Screen
from simulation.demo.worker import EMBEDDED_WORKER
from simulation.emitter import SimulatedRecord
from simulation.simulator import simulate
from sources.client import KafkaPublisher, PublisherOptions
from streams.clock import Clock
from streams.settings import Settings

STOP_SECONDS: Final = 10.0

LEAD_SECONDS: Final = 5.0
"""How long the clock stays on the first day: about what a worker takes to be ready."""

EMBEDDED: Final[dict[str, object]] = {
    "replication": 1,
    "security_protocol": "PLAINTEXT",
    "http_host": HOST,
    # The demo reads /metrics on loopback, where simulated figures need no token.
    "metrics_token_file": None,
    # It gives the first member of a group its partitions after half a session.
    "session_timeout": 2.0,
    "heartbeat_interval": 0.5,
}

MOST_AT_ONCE: Final = 2_000
"""A long past, all due at the start, must not keep the screen waiting."""

BATCHED: Final = PublisherOptions(linger_ms=200)
"""Figures may be late by the linger; a small machine sends far fewer requests."""

NOT_INSTALLED: Final = "Ni règles ni alertes : apt-get install prometheus prometheus-alertmanager"


@dataclass(slots=True)
class SimulationReplay:
    """Passes records to `publish`, none before its time; they are in the order of sending."""

    records: Sequence[SimulatedRecord]
    publish: Callable[[SimulatedRecord], None]
    clock: Clock
    sent: int = 0

    def send_due(self) -> bool:
        """Publish what is due, some thousands at most; return True once all is published."""
        now = self.clock.now()
        for record in self.records[self.sent : self.sent + MOST_AT_ONCE]:
            if record.sent > now:
                break
            self.publish(record)
            self.sent += 1
        return self.sent == len(self.records)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What to replay, and how fast.

    Records before the `first` day are published at once, so that its figures are right.
    """

    seed: int
    first: date
    last: date
    days_per_second: int
    stays: bool = False
    """True if the demo goes on after the last day, until it is interrupted."""


class DemoSystem:
    """What runs in a demo; `worker` and `assessor` are the addresses of their /metrics."""

    def __init__(
        self,
        plan: DemoPlan,
        settings: Settings,
        catalogue: Catalogue,
        screen: Screen,
        stack: ExitStack,
    ) -> None:
        """Start what a plan needs, and show each step.

        `stack` stops it in reverse order. The monitor's programs all get SIGTERM first, and are
        then waited for one by one: each may take seconds.
        """
        self.programs: list[Program] = []
        self._stack = stack
        self._folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-"))
        )
        screen.step("Démarrage du broker embarqué")
        broker_address = free_address()
        broker = stack.enter_context(embedded_broker(broker_address, self._folder))
        self.programs.append(broker)
        settings = settings.model_copy(update={**EMBEDDED, "broker": broker_address})

        screen.step(f"Création des topics sur {settings.broker}")
        declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
        apply_topics(settings.broker, declared, security=settings.security())

        screen.step("Démarrage du moniteur")
        ports = {name: _port(settings, name) for name in ("http_port", "assessor_port")}
        self.worker, self.assessor = map(address_of, ports.values())
        # The page and the assessor ask the worker; the settings name it for the audit, too.
        # The accelerated clock that this process and the worker share.
        origin = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
        clock = f"{plan.first}..{plan.last}@{plan.days_per_second}+{origin.isoformat()}"
        asking = {"clock": clock, "workers": f"http://{self.worker}"}
        self.settings = settings = settings.model_copy(update={**ports, **asking})
        served = page_settings(settings)
        served = served.model_copy(
            update={"page_port": _port(served, "page_port"), "metrics_token_file": None}
        )
        self.page_address = address_of(served.page_port)
        self._monitor("worker", settings, self.worker, EMBEDDED_WORKER)
        self.page = self._monitor("page", served, self.page_address)
        # It alone exposes figures about persons; it asks the worker, and no broker.
        self._monitor("assessor", settings, self.assessor)

        screen.step("Simulation de la Région")
        records = list(simulate(plan.seed, end=plan.last))
        self.publisher = stack.enter_context(
            KafkaPublisher(settings.broker, options=BATCHED, security=settings.security())
        )
        self.admin: Any = stack.enter_context(
            administering(settings.broker, what="topics", security=settings.security())
        )
        self.clock = settings.make_clock()
        self.replay = SimulationReplay(records, self._publish, self.clock)
        screen.note(f"Page des promesses : http://{self.page_address}/")
        self._start_alerting(catalogue, screen)
        for program in self.programs[1:]:
            stack.callback(program.terminate)

    def check(self) -> None:
        """Raise SmartRegionError if one has ended by itself."""
        for program in self.programs:
            program.check()

    def _monitor(
        self, name: str, settings: Settings, address: str, command: Sequence[str] | None = None
    ) -> Program:
        return self._run(
            monitor_program(
                name,
                settings,
                address,
                folder=self._folder,
                stop_seconds=STOP_SECONDS,
                command=command,
            )
        )

    def _run(self, program: Program) -> Program:
        self.programs.append(program)
        self._stack.callback(program.stop)
        program.launch()
        return program

    def _publish(self, record: SimulatedRecord) -> None:
        """Publish the record as a producing system writes it, mistakes included."""
        written = record.key.encode(), record.line.encode()
        headers = [(CONTENT_TYPE, STRUCTURED)]
        self.publisher.publish_raw(topic_name(record.family), EncodedRecord(*written, headers))

    def _start_alerting(self, catalogue: Catalogue, screen: Screen) -> None:
        site = MonitorSite(
            pace=PACES["live"],  # Every second: a simulated day takes less.
            workers=(self.worker,),
            assessors=(self.assessor,),
            gateways=(),
            pages=(self.page_address,),
        )
        prometheus, alertmanager = free_address(), free_address()
        alerting = alerting_programs(
            catalogue,
            site,
            prometheus=prometheus,
            alertmanager=alertmanager,
            folder=self._folder,
            logs=self._folder,
            stop_seconds=0,
        )
        if PROMETHEUS not in alerting:
            screen.note(NOT_INSTALLED)
        else:
            screen.step("Démarrage de Prometheus")
            shown = f"Alertmanager : http://{alertmanager}"
            if ALERTMANAGER not in alerting:
                shown = "Alertmanager n’est pas installé"
            screen.note(f"Prometheus : http://{prometheus} · {shown}")
        for program in alerting.values():
            self._run(program)


def _port(settings: Settings, name: str) -> int:
    """Return the port that the settings were given, else any that is free."""
    given: int = getattr(settings, name) if name in settings.model_fields_set else 0
    return given or free_port()
