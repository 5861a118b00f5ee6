"""The gateway under load, beside a bare echo of the same bodies on the same framework."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from broker.topic_admin import apply_topics
from events.identifiers import uai_check_letter
from events.school import SchoolConnected
from events.topics import declared_topics
from operations.programs.addresses import free_port
from operations.programs.program import Program
from tests.bench.engines import processor_seconds
from tests.bench.load_generator import Responses, generate_load, request_bytes
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker

CONNECTIONS: Final = 32
WARM_UP_SECONDS: Final = 2.0
SECONDS: Final = 6.0
START_SECONDS: Final = 30.0
PRODUCER: Final = "lycees"
LYCEES: Final = 2_000
BATCHES: Final = 50
"""Bodies of a hundred events that are made before the clock starts, and sent in turn."""

#: As the shipped one, without a limit: what is measured is the gateway, not its quota.
PRODUCERS: Final = f"""\
producers:
  - id: {PRODUCER}
    title: Gestion des lycées
    contact: Pôle lycées
    sources: ["urn:iledefrance:lycees"]
    types: [school.*]
    quota: {{ events_per_second: 1_000_000, burst: 1_000_000 }}
    expected_every: daily
"""


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    events: int
    """In one request."""
    media_type: str


SINGLE: Final = Load("one event", 1, "application/cloudevents+json")
BATCH: Final = Load("batch of 100", 100, "application/cloudevents-batch+json")
LOADS: Final = (SINGLE, BATCH)

GATEWAY: Final = "the gateway"
ECHO: Final = "bare echo"


@dataclass(frozen=True, slots=True)
class LoadResult:
    load: Load
    rounds: tuple[tuple[Responses, float], ...]
    """Each with the seconds of processor that the server's process took, by request."""

    @property
    def requests_per_second(self) -> float:
        """The median over the rounds."""
        return median(responses.rate for responses, _ in self.rounds)

    @property
    def events_per_second(self) -> float:
        return self.requests_per_second * self.load.events

    @property
    def wait_ms(self) -> tuple[float, float]:
        """The median of an answer's time, and its 99th percentile, over all rounds."""
        cuts = quantiles([wait for responses, _ in self.rounds for wait in responses.waits], n=100)
        return 1000 * cuts[49], 1000 * cuts[98]

    @property
    def processor_us(self) -> float:
        """Microseconds of the server's processor by event, the median over the rounds."""
        return median(seconds for _, seconds in self.rounds) * 1e6 / self.load.events


class UnexpectedAnswersError(Exception):
    def __init__(self, server: str, load: Load, responses: Responses) -> None:
        super().__init__(f"{server}, {load.name}: answers {dict(responses.statuses)}")


def measure_gateway(
    broker: KafkaBroker, folder: Path, rounds: int, *, report: Callable[[str], None]
) -> Mapping[str, Mapping[str, LoadResult]]:
    """Return, by server and load, what was found; the servers take turns."""
    apply_topics(broker.bootstrap, declared_topics())
    declaration = folder / "producers.yaml"
    declaration.write_text(PRODUCERS, encoding="utf-8")
    credentials = issue_credentials(PRODUCER, folder)
    settings = {"SMART_REGION_PRODUCERS": str(declaration)}
    found: dict[tuple[str, Load], list[tuple[Responses, float]]] = {}
    with (
        Gateway(broker.bootstrap, folder, secrets=credentials.file, settings=settings) as gateway,
        _echo(folder) as (echo, echo_port),
    ):
        servers = {ECHO: (echo, echo_port), GATEWAY: (gateway.process, gateway.port)}
        requests = {load: _requests(load, credentials.token) for load in LOADS}
        for number in range(1, rounds + 1):
            for load in LOADS:
                for server, (process, port) in servers.items():
                    responses, seconds = _measure(process, port, requests[load])
                    if set(responses.statuses) - {200, 202}:
                        raise UnexpectedAnswersError(server, load, responses)
                    found.setdefault((server, load), []).append((responses, seconds))
                    report(
                        f"round {number} of {rounds}: {server}, {load.name}: "
                        f"{responses.rate * load.events:.0f} events/s"
                    )
    return {
        server: {load.name: LoadResult(load, tuple(found[server, load])) for load in LOADS}
        for server in servers
    }


def _measure(
    process: subprocess.Popen[bytes], port: int, request: Callable[[int], bytes]
) -> tuple[Responses, float]:
    before = processor_seconds(process.pid)
    responses = generate_load(
        port, request, connections=CONNECTIONS, warm_up=WARM_UP_SECONDS, seconds=SECONDS
    )
    of_all = (WARM_UP_SECONDS + SECONDS) / SECONDS
    took = processor_seconds(process.pid) - before
    return responses, took / (len(responses.waits) * of_all)


def _requests(load: Load, token: str) -> Callable[[int], bytes]:
    headers = {"content-type": load.media_type, "authorization": f"Bearer {token}"}
    if load.events == 1:
        return lambda number: request_bytes(_event(number), headers)
    made = [request_bytes(_batch(number, load.events), headers) for number in range(BATCHES)]
    return lambda number: made[number % BATCHES]


def _batch(number: int, events: int) -> bytes:
    first = number * events
    return b"[%s]" % b",".join(map(_event, range(first, first + events)))


def _event(number: int) -> bytes:
    digits = f"075{number % LYCEES:04}"
    event = {
        "specversion": "1.0",
        "id": f"{number:016x}",
        "source": "urn:iledefrance:lycees",
        "type": SchoolConnected.TYPE,
        "time": "2020-03-11T09:30:00Z",
        "datacontenttype": "application/json",
        "data": {
            "uai": digits + uai_check_letter(digits),
            "connected_on": "2020-03-10",
            "downlink_mbps": 1_000,
        },
    }
    return json.dumps(event).encode()


@contextmanager
def _echo(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.echo", str(port))
    is_ready = lambda _: _echoes(port)  # noqa: E731
    with Program("echo", command, folder=folder, is_ready=is_ready, stop_seconds=5) as echo:
        yield echo.process, port


def _echoes(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/events", data=b"x", timeout=5):
            return True
    except OSError:
        return False
