"""The gateway under load, beside a bare echo of the same bodies on the same framework."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Final, NamedTuple

import uvloop

from broker.topic_admin import apply_topics
from events.identifiers import uai_check_letter
from events.school import SchoolConnected
from events.topics import declared_topics
from operations.programs.addresses import address_of, free_port
from operations.programs.program import Program, listens
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import processor_seconds
from tests.support.producers import UNLIMITED, producer
from tests.support.raw_http import post
from tests.support.running_gateway import new_gateway

CONNECTIONS: Final = 32
WARM_UP_SECONDS: Final = 2.0
SECONDS: Final = 6.0
SOURCE: Final = "urn:iledefrance:lycees"
LYCEES: Final = 2_000
BATCHES: Final = 50
"""Bodies of a hundred events that are made before the clock starts, and sent in turn."""


class Load(NamedTuple):
    name: str
    events: int
    """In one request."""
    media_type: str


LOADS: Final = (
    Load("one event", 1, "application/cloudevents+json"),
    Load("batch of 100", 100, "application/cloudevents-batch+json"),
)


@dataclass(slots=True)
class Responses:
    """The responses to a load: how many, by status, and how soon (in seconds)."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    processor_seconds: float = 0.0
    """Of the server's process, by request."""

    @property
    def rate(self) -> float:
        return len(self.waits) / SECONDS


def measure_gateway(bench: Bench) -> str:
    folder = bench.folder
    apply_topics(bench.broker.bootstrap, declared_topics())
    # As the shipped one, without a limit: what is measured is the gateway, not its quota.
    sender = producer("lycees", SOURCE, quota=UNLIMITED)
    gateway, credentials = new_gateway(bench.broker.bootstrap, folder, sender)
    found: dict[tuple[Load, str], list[Responses]] = {}
    echo, echo_port = _echo(folder)
    with gateway, echo:
        servers = {"bare echo": (echo, echo_port), "the gateway": (gateway, gateway.port)}
        requests = {load: _requests(load, credentials.token) for load in LOADS}
        for number, load, server in itertools.product(range(bench.rounds), LOADS, servers):
            process, port = servers[server]
            before = processor_seconds(process.process.pid)
            responses = uvloop.run(_load(port, requests[load]))
            if set(responses.statuses) - {200, 202}:
                raise BenchError(f"{server}, {load.name}: answers {dict(responses.statuses)}")
            took = processor_seconds(process.process.pid) - before
            of_all = (WARM_UP_SECONDS + SECONDS) / SECONDS
            responses.processor_seconds = took / (len(responses.waits) * of_all)
            found.setdefault((load, server), []).append(responses)
            rate = responses.rate * load.events
            bench.report(f"round {number + 1}: {server}, {load.name}: {rate:.0f} events/s")
    tables = [
        table(
            [load.name, "events/s", "p50 ms", "p99 ms", "processor µs/event"],
            [[server, *_cells(load, found[load, server])] for server in servers],
        )
        for load in LOADS
    ]
    single, batch = (
        load.events * median(one.rate for one in found[load, "the gateway"]) for load in LOADS
    )
    return page_of(
        bench.conditions("starlette", "uvicorn", "h11", "uvloop", "aiokafka", "pydantic"),
        *tables,
        f"In batches of 100 the gateway takes **{batch / single:.1f}** times as many events.",
    )


def _cells(load: Load, rounds: list[Responses]) -> list[str]:
    cuts = quantiles([wait for one in rounds for wait in one.waits], n=100)
    processor = median(one.processor_seconds for one in rounds)
    return [
        rounded(load.events * median(one.rate for one in rounds)),
        f"{1000 * cuts[49]:.1f}",
        f"{1000 * cuts[98]:.1f}",
        f"{1e6 * processor / load.events:.0f}",
    ]


async def _load(port: int, request: Callable[[int], bytes]) -> Responses:
    """Send requests on all connections, as fast as the server answers."""
    responses, numbers = Responses(), itertools.count()
    begin = monotonic() + WARM_UP_SECONDS
    end = begin + SECONDS

    async def connect() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        now = 0.0
        while now < end:
            sent_bytes = request(next(numbers))
            sent = monotonic()
            writer.write(sent_bytes)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            now = monotonic()
            if begin <= now < end:
                responses.statuses[int(head[9:12])] += 1
                responses.waits.append(now - sent)
        writer.close()

    await asyncio.gather(*(connect() for _ in range(CONNECTIONS)))
    return responses


def _requests(load: Load, token: str) -> Callable[[int], bytes]:
    def request(body: bytes) -> bytes:
        return post(body, f"content-type: {load.media_type}", f"authorization: Bearer {token}")

    if load.events == 1:
        return lambda number: request(_event(number))
    made = []
    for first in range(0, BATCHES * load.events, load.events):
        events = map(_event, range(first, first + load.events))
        made.append(request(b"[%s]" % b",".join(events)))
    return lambda number: made[number % BATCHES]


def _event(number: int) -> bytes:
    digits = f"075{number % LYCEES:04}"
    event = {
        "specversion": "1.0",
        "id": f"{number:016x}",
        "source": SOURCE,
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


def _echo(folder: Path) -> tuple[Program, int]:
    """Return the reference, which a `with` block starts, and its port."""
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.echo", str(port))
    return Program("echo", command, folder=folder, is_ready=listens(address_of(port))), port
