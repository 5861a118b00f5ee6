"""The demo's system: broker, topics, monitor, simulated producers and alerting, in that order."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from broker.clients import administering
from broker.topic_admin import apply_topics
from dashboards.rules.site import PACES, MonitorSite
from events.cloudevent import CONTENT_TYPE, STRUCTURED, EncodedRecord
from events.topics import declared_topics, topic_name
from operations.programs.addresses import HOST, free_address
from operations.programs.alerting import AlertingPrograms, RuleFiles, write_files
from operations.programs.program import COMMAND, Program, environment
from report.settings import page_settings
from simulation.demo.embedded_broker import EmbeddedBroker
from simulation.demo.screen import Screen
from simulation.demo.worker import EMBEDDED_WORKER
from simulation.emitter import SimulatedRecord
from simulation.simulator import simulate
from sources.client import KafkaPublisher, PublisherOptions
from streams.clock import Clock
from streams.settings import Settings

PORTS: Final[Mapping[str, str]] = MappingProxyType(
    {"worker": "http_port", "assessor": "assessor_port", "page": "page_port"}
)
"""The setting of each command's port."""
STOP_SECONDS: Final = 10.0
TICK_SECONDS: Final = 0.05
OPEN: Final = MappingProxyType(
    {"metrics_token_file": None, "server_certfile": None, "server_keyfile": None}
)
"""The demo reads /metrics on loopback, where simulated figures need neither a token nor TLS."""
SERVING: Final = re.compile(r"serving address=http://([^\s\"]+)")
"""What it logs once its port is bound."""


class MonitorProgram(Program):
    """A `smart-region worker`, `assessor` or `page`, or another `program` of that command.

    It serves on the port that the settings were given, else on any that is free.
    """

    def __init__(
        self,
        command: str,
        settings: Settings,
        *,
        folder: Path,
        program: Sequence[str] | None = None,
    ) -> None:
        setting = PORTS[command]
        port = getattr(settings, setting) if setting in settings.model_fields_set else 0
        chosen = {"http_host": HOST, setting: port, **OPEN}
        if settings.log_level != "debug":
            chosen["log_level"] = "info"  # Or it would not log its address.
        settings = settings.model_copy(update=chosen)
        env = environment(settings)
        program = program or (*COMMAND, command)
        super().__init__(command, program, folder=folder, env=env, stop_seconds=STOP_SECONDS)

    @property
    def address(self) -> str | None:
        """Where it serves /metrics, HOST:PORT; None until it does."""
        serving = SERVING.search(self.log)
        return None if serving is None else serving[1]

    def wait_for_address(self) -> str:
        """Return where it serves once it does. Raises SmartRegionError if it ends before."""
        while (address := self.address) is None:
            self.check()
            time.sleep(TICK_SECONDS)
        return address


NOT_INSTALLED: Final = "Ni règles ni alertes : apt-get install prometheus prometheus-alertmanager"


def start_alerting(
    programs: AlertingPrograms,
    rules: RuleFiles,
    stack: ExitStack,
    folder: Path,
    *,
    worker: str,
    assessor: str,
    page: str,
) -> tuple[tuple[Program, ...], str]:
    """Start the programs on free ports and on files in a folder, until `stack` ends them.

    Returns those that run, and their addresses in French.
    """
    prometheus_address, alertmanager_address = free_address(), free_address()
    prometheus = programs.prometheus_at(
        prometheus_address, folder=folder, logs=folder, stop_seconds=0
    )
    alertmanager = programs.alertmanager_at(
        alertmanager_address, folder=folder, logs=folder, stop_seconds=0
    )
    site = MonitorSite(
        pace=PACES["live"],  # Every second: a simulated day takes less.
        workers=(worker,),
        assessors=(assessor,),
        gateways=(),
        pages=(page,),
        alertmanagers=(alertmanager_address,) if alertmanager else (),
    )
    write_files(rules(site), folder)
    notes = [f"Prometheus : http://{prometheus_address}"]
    if alertmanager:
        stack.enter_context(alertmanager)
        notes.append(f"Alertmanager : http://{alertmanager_address}")
    else:
        notes.append("Alertmanager n’est pas installé")
    stack.enter_context(prometheus)
    started = (alertmanager, prometheus) if alertmanager else (prometheus,)
    return started, " · ".join(notes)


LEAD_SECONDS: Final = 5.0
"""How long the clock stays on the first day: about what a worker takes to be ready."""

EMBEDDED: Final[dict[str, object]] = {
    "replication": 1,
    "security_protocol": "PLAINTEXT",
    # It gives the first member of a group its partitions after half a session.
    "session_timeout": 2.0,
    "heartbeat_interval": 0.5,
}

MOST_AT_ONCE: Final = 2_000
"""A long past, all due at the start, must not keep the screen waiting."""

BATCHED: Final = PublisherOptions(linger_ms=200)
"""Figures may be late by the linger; a small machine sends far fewer requests."""


class SimulationReplay:
    """Passes records to `publish`, none before its time; they are in the order of sending."""

    def __init__(
        self,
        records: Sequence[SimulatedRecord],
        publish: Callable[[SimulatedRecord], None],
        clock: Clock,
    ) -> None:
        self.sent = 0
        self._records = records
        self._publish = publish
        self._clock = clock

    def send_due(self) -> bool:
        """Publish what is due, some thousands at most; return True once all is published."""
        now = self._clock.now()
        for record in self._records[self.sent : self.sent + MOST_AT_ONCE]:
            if record.sent > now:
                break
            self._publish(record)
            self.sent += 1
        return self.sent == len(self._records)


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
    """True where the demo goes on after the last day, until it is interrupted."""


@dataclass(frozen=True, slots=True)
class DemoSystem:
    """What runs in a demo."""

    settings: Settings
    clock: Clock
    worker: MonitorProgram
    assessor: MonitorProgram
    page: MonitorProgram
    publisher: KafkaPublisher
    replay: SimulationReplay
    admin: Any
    """The broker's admin client."""
    broker: EmbeddedBroker
    others: tuple[Program, ...]
    """Prometheus and Alertmanager, where they are installed."""

    def check(self) -> None:
        """Raise SmartRegionError where one has ended by itself."""
        for program in (self.broker, self.worker, self.assessor, self.page, *self.others):
            program.check()


def set_up(
    plan: DemoPlan, settings: Settings, rules: RuleFiles, screen: Screen, stack: ExitStack
) -> DemoSystem:
    """Start what a plan needs, and show each step.

    `stack` stops it in reverse order. The monitor's programs are told to end at once, and waited
    for one by one: each may take seconds.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-")))

    screen.step("Démarrage du broker embarqué")
    broker = stack.enter_context(EmbeddedBroker(folder))
    settings = settings.model_copy(update={**EMBEDDED, "broker": broker.bootstrap})

    screen.step(f"Création des topics sur {settings.broker}")
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    apply_topics(settings.broker, declared, security=settings.security())

    screen.step("Démarrage du moniteur")
    settings = settings.model_copy(update={"clock": _clock_text(plan)})
    worker = stack.enter_context(
        MonitorProgram("worker", settings, folder=folder, program=EMBEDDED_WORKER)
    )
    # The page and the assessor ask the worker; the settings name it for the audit, too.
    settings = settings.model_copy(update={"workers": f"http://{worker.wait_for_address()}"})
    page = stack.enter_context(MonitorProgram("page", page_settings(settings), folder=folder))
    # It alone exposes figures about persons; it asks the worker, and no broker.
    assessor = stack.enter_context(MonitorProgram("assessor", settings, folder=folder))
    installed = AlertingPrograms.installed()

    screen.step("Simulation de la Région")
    records = list(simulate(plan.seed, end=plan.last))
    publisher = stack.enter_context(
        KafkaPublisher(settings.broker, options=BATCHED, security=settings.security())
    )
    admin = stack.enter_context(
        administering(settings.broker, what="topics", security=settings.security())
    )
    clock = settings.make_clock()

    def publish(record: SimulatedRecord) -> None:
        publisher.publish_raw(topic_name(record.family), _encoded(record))

    replay = SimulationReplay(records, publish, clock)
    screen.note(f"Page des promesses : http://{page.wait_for_address()}/")
    others: tuple[Program, ...] = ()
    if installed is None:
        screen.note(NOT_INSTALLED)
    else:
        screen.step("Démarrage de Prometheus")
        scraped = {
            "worker": worker.wait_for_address(),
            "assessor": assessor.wait_for_address(),
            "page": page.wait_for_address(),
        }
        others, note = start_alerting(installed, rules, stack, folder, **scraped)
        screen.note(note)
    for monitor in (worker, assessor, page):
        stack.callback(monitor.terminate)
    return DemoSystem(
        settings, clock, worker, assessor, page, publisher, replay, admin, broker, others
    )


def _clock_text(plan: DemoPlan) -> str:
    """Return the setting of the accelerated clock that this process and the worker share."""
    origin = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
    return f"{plan.first}..{plan.last}@{plan.days_per_second}+{origin.isoformat()}"


def _encoded(record: SimulatedRecord) -> EncodedRecord:
    """Return the record as a producing system writes it, mistakes included."""
    return EncodedRecord(record.key.encode(), record.line.encode(), [(CONTENT_TYPE, STRUCTURED)])
