"""The summary of a stack that is ready: its addresses, and how to send first events."""

from __future__ import annotations

import json
import shlex
from collections.abc import Container, Iterator
from datetime import datetime
from typing import Final

from events.fact import Fact
from events.producers.model import Producers
from events.producers.tokens import Scheme
from events.school import SchoolConnected, SchoolKind, SchoolRegistered
from operations.programs.addresses import address_of
from operations.programs.alerting import ALERTMANAGER, PROMETHEUS
from operations.stack.credentials import StackCredentials
from operations.stack.folder import Folder
from operations.stack.ports import Ports

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
