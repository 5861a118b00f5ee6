"""Producers that send events to the gateway until their outcome is known, and the checks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from random import Random
from time import time
from typing import Any, Final, NamedTuple

import aiohttp

from events.fact import Family
from events.producers.model import Producer, Producers
from events.producers.secrets import Scheme, Secrets, issue
from events.registry import FACTS
from events.signing import (
    ID_HEADER,
    PRODUCER_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SigningSecret,
    sign,
)
from gateway.admission import Admission, AdmittedItem
from gateway.http_binding import read_delivery
from gateway.problems import ProblemError
from tests.simulation.loop import SimulationLoop
from tests.simulation.oracle import Stored
from tests.simulation.programs import URL
from tests.simulation.records import Sent

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
#: How long a producer waits for an answer, and before it sends again, in seconds.
ANSWER_SECONDS, RETRY_SECONDS = 5.0, 0.3
MOST_REQUESTS: Final = 30
_REPEATED: Final = 409
#: Statuses after which a request is sent again: none of its events was judged.
_AGAIN: Final = (408, _REPEATED, 429)


class Receipt(NamedTuple):
    """The gateway's receipt for an accepted event."""

    id: str
    source: str
    topic: str
    partition: int
    offset: int | None


@dataclass
class Deliveries:
    """The outcomes of the producers' events."""

    accepted: list[tuple[bytes, Receipt]] = field(default_factory=list)
    refused: list[tuple[bytes, str]] = field(default_factory=list)
    """With the type of the problem."""
    pending: int = 0
    """How many events have no outcome yet."""


class Credentials(NamedTuple):
    """The credentials of a producer."""

    token: str
    signing: SigningSecret


@cache
def credentials_of(producers: Producers) -> tuple[Secrets, Mapping[str, Credentials]]:
    """Return the gateway's secrets for all producers, and each producer's credentials."""
    stored: dict[str, Any] = {}
    own: dict[str, Credentials] = {}
    for one in producers:
        token, signing = issue(one.id, Scheme.BEARER), issue(one.id, Scheme.SIGNATURE)
        stored[one.id] = {
            "bearer_sha256": [token.entry.get_secret_value()],
            "signing": [signing.entry.get_secret_value()],
        }
        own[one.id] = Credentials(
            token.secret.get_secret_value(),
            SigningSecret.from_text(signing.secret.get_secret_value()),
        )
    return Secrets.model_validate(stored), own


def producer_of(producers: Producers, message: Sent) -> str:
    """Return the producer of a message; for a damaged one, a producer that sends its family."""
    found = owner_of(producers, message.value or b"")
    return found.id if found is not None else _sender_of(producers, message.family)


def owner_of(producers: Producers, value: bytes) -> Producer | None:
    """Return the producer whose source an event names; None if it names none."""
    try:
        source = json.loads(value)["source"]
    except (ValueError, KeyError, TypeError):
        return None
    return producers.of_source(source) if isinstance(source, str) else None


@cache
def _sender_of(producers: Producers, family: Family) -> str:
    kinds = {kind for kind, fact in FACTS.items() if fact.FAMILY is family}
    return next(one.id for one in producers if not kinds.isdisjoint(one.event_types))


class GatewayProducer:
    """Sends the events of one producer, some in batches, each until its outcome is known."""

    def __init__(
        self,
        producer: str,
        credentials: Credentials,
        deliveries: Deliveries,
        *,
        loop: SimulationLoop,
        chance: Random,
    ) -> None:
        self._producer = producer
        self._credentials = credentials
        self._deliveries = deliveries
        self._loop = loop
        self._chance = chance
        self._requests = 0

    async def send(self, values: Sequence[bytes], *, seconds: float) -> None:
        """Send events; all requests begin within about this many seconds."""
        # A request takes up to half a second: all must fit into a run.
        most = self._chance.choice((1 + len(values) // MOST_REQUESTS, 10, 40))
        parts = list(_parts(values, most))
        begins = sorted(self._chance.uniform(0, seconds) for _ in parts)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for begin, part in zip(begins, parts, strict=True):
                await asyncio.sleep(max(0.0, begin - self._loop.time()))
                await self._deliver(session, part)

    async def _deliver(self, session: aiohttp.ClientSession, values: list[bytes]) -> None:
        request: tuple[str, bytes, Mapping[str, str]] | None = None
        while values:
            if request is None:
                request = self._request(values)
            path, body, headers = request
            try:
                async with session.post(URL + path, data=body, headers=headers) as response:
                    status, answer = response.status, await response.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                left = self._read(values, status, answer)
                if left:
                    await asyncio.sleep(RETRY_SECONDS)
                if left != values or status == _REPEATED:
                    request = None
                values = left
            # The same request once more, or the same events in another one.
            if self._chance.random() < 0.5:
                request = None

    def _request(self, values: list[bytes]) -> tuple[str, bytes, Mapping[str, str]]:
        is_batch = len(values) > 1
        body = b"[" + b",".join(values) + b"]" if is_batch else values[0]
        path = "/events/batch" if is_batch else "/events"
        headers = {"content-type": BATCH if is_batch else STRUCTURED}
        if self._chance.random() < 0.5:
            headers["authorization"] = f"Bearer {self._credentials.token}"
            return path, body, headers
        self._requests += 1
        number = f"{self._producer}-{self._requests}"
        at = datetime.fromtimestamp(time(), UTC)
        headers |= {
            PRODUCER_HEADER: self._producer,
            ID_HEADER: number,
            TIMESTAMP_HEADER: str(int(at.timestamp())),
            SIGNATURE_HEADER: sign(self._credentials.signing, number, at, body),
        }
        return path, body, headers

    def _read(self, values: list[bytes], status: int, answer: Any) -> list[bytes]:
        """Note the outcome of each event; return those that must be sent again."""
        if "receipts" in answer:
            items: Any = [{"receipt": one} for one in answer["receipts"]]
        elif "items" in answer:
            items = answer["items"]
        elif status in _AGAIN or status >= 500:
            return values
        else:
            items = [{"problem": answer}] * len(values)
        left = []
        for value, item in zip(values, items, strict=True):
            problem = item.get("problem")
            if problem is None:
                one = item["receipt"]
                self._deliveries.accepted.append((value, Receipt(**one)))
            elif problem["status"] >= 500:
                left.append(value)
            else:
                self._deliveries.refused.append((value, problem["type"]))
        self._deliveries.pending -= len(values) - len(left)
        return left


def _parts(values: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """Yield events to send together; those that are not JSON alone, as they would spoil a batch."""
    part: list[bytes] = []
    for value in values:
        if not _is_json(value):
            yield [value]
            continue
        part.append(value)
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def gateway_problems(deliveries: Deliveries, stored: Stored, producers: Producers) -> Iterator[str]:
    """Yield each receipt without its event, each duplicate position, and each wrong verdict.

    The verdicts are compared with those of the gateway's own admission, called without faults.
    """
    admission = Admission(producers, now=lambda: datetime.fromtimestamp(time(), UTC))
    positions: dict[tuple[str, int, int], tuple[str, str]] = {}
    for value, receipt in deliveries.accepted:
        event = (receipt.source, receipt.id)
        if not _is_admitted(admission, value, producers):
            yield f"the gateway accepted {value!r}"
            continue
        sent = json.loads(value)
        if event != (sent["source"], sent["id"]):
            yield f"the gateway gave {event} as the receipt of {value!r}"
        if receipt.offset is None:
            partition = (receipt.topic, receipt.partition)
            if not any(one == value for at, one in stored.items() if at[:2] == partition):
                yield f"the gateway's receipt without an offset, {receipt}, has no event"
            continue
        position = (receipt.topic, receipt.partition, receipt.offset)
        if stored.get(position) != value:
            yield f"the gateway's receipt {receipt} has no event: {stored.get(position)!r}"
        if positions.setdefault(position, event) != event:
            yield f"the gateway gave the position {position} to two events"
    for value, problem in deliveries.refused:
        if _is_admitted(admission, value, producers):
            yield f"the gateway refused as {problem} {value!r}"


def _is_admitted(admission: Admission, value: bytes, producers: Producers) -> bool:
    try:
        (item,) = read_delivery({b"content-type": STRUCTURED.encode()}, value).items
    except ProblemError:
        return False
    owner = owner_of(producers, value)
    return owner is not None and isinstance(admission.judge(item, owner.id), AdmittedItem)
