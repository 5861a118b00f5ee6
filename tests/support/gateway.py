"""The gateway in this process, with secrets, clocks and a writer for tests."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from starlette.types import ASGIApp

from boundary.tracing import OFF, Tracing
from events.producers.model import Producers, Quota
from events.producers.ownership import UNOWNED
from events.producers.secrets import ProducerSecrets, Scheme, Secrets, issue, token_digest
from events.record_rules import RecordRules
from events.records import OutgoingRecord
from events.school import SchoolClosed, SchoolConnected
from events.signing import (
    ID_HEADER,
    PRODUCER_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SigningSecret,
    sign,
)
from gateway.admission import Admission
from gateway.app import Gateway, make_app
from gateway.authentication import Authenticator
from gateway.body import BodyReader
from gateway.exposition import GatewayCollector
from gateway.idempotency import IdempotencyStore
from gateway.openapi import openapi_document
from gateway.quota import Quotas
from gateway.reception import Reception
from gateway.topics_writer import Written
from gateway.work_scheduling import WorkScheduler
from tests.support.producers import producer

NOW = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
PRODUCER = "lycees"
TOKEN = issue(PRODUCER, Scheme.BEARER).secret.get_secret_value()
SIGNING_SECRET = SigningSecret.from_text(
    issue(PRODUCER, Scheme.SIGNATURE).secret.get_secret_value()
)
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_QUOTA = Quota(events_per_second=1_000, burst=2_000)

PRODUCERS = Producers(
    producers=(
        producer(PRODUCER, "/lycees", types=("school.connected", "school.closed"), quota=_QUOTA),
        producer("subventions", "/subventions", types=("grant.*",), quota=_QUOTA),
    )
)


class _AnyoneMay:
    ownership = UNOWNED

    def allows(self, *_: str) -> bool:
        return True


def admission_of_all(rules: RecordRules | None = None) -> Admission:
    """Return an admission under which every producer may send anything."""
    return Admission(_AnyoneMay(), now=lambda: NOW, rules=rules)  # type: ignore[arg-type]


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return an event of the producer, as JSON; `changes` replace or add attributes."""
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/lycees/ligne",
        "type": SchoolConnected.TYPE,
        "time": "2026-03-11T09:00:00Z",
        "data": {"uai": "0750652B", "connected_on": "2026-03-10", "downlink_mbps": 1000},
        **changes,
    }


def closed(number: int = 1) -> dict[str, Any]:
    data = {"uai": "0750652B", "closed_on": "2026-03-10"}
    return event(number, type=SchoolClosed.TYPE, data=data)


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def signed(
    body: bytes,
    *,
    at: datetime = NOW,
    producer: str = PRODUCER,
    secret: SigningSecret = SIGNING_SECRET,
    message_id: str = "msg_1",
) -> dict[str, str]:
    return {
        PRODUCER_HEADER: producer,
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(int(at.timestamp())),
        SIGNATURE_HEADER: sign(secret, message_id, at, body),
    }


@dataclass
class FakeWriter:
    """Keeps written records; does not acknowledge those of `unacknowledged` topics."""

    records: list[OutgoingRecord] = field(default_factory=list)
    waiting_for: str | None = None
    unacknowledged: set[str] = field(default_factory=set)
    failure: Exception | None = None
    """The exception that it raises."""
    _ends: Counter[str] = field(default_factory=Counter)

    async def write(self, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        if self.failure is not None:
            raise self.failure
        if self.waiting_for is not None:
            return [None] * len(records)
        return [self._written(record) for record in records]

    def _written(self, record: OutgoingRecord) -> Written | None:
        self.records.append(record)
        if record.topic in self.unacknowledged:
            return None
        self._ends[record.topic] += 1
        return Written(record.topic, 0, self._ends[record.topic] - 1)


class Client:
    """Sends requests, each in its own loop, and checks answers against the OpenAPI document."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app)

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        answer = asyncio.run(self._request(method, path, **how))
        _assert_documented(method.lower(), path, answer)
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.request("POST", path, **how)

    async def _request(self, method: str, path: str, **how: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://gateway.test"
        ) as client:
            return await client.request(method, path, **how)


@cache
def _document() -> dict[str, Any]:
    return openapi_document()


def _assert_documented(method: str, path: str, answer: httpx.Response) -> None:
    """Fail if the OpenAPI document does not describe an answer's status, type or schema."""
    document = _document()
    template = re.sub(r"^/(schemas|problems)/[^/.]+[^/]*?(\.json)?$", _template, path)
    operation = document["paths"].get(template, {}).get(method)
    if operation is None:  # There is nothing at this address, or it allows another method.
        assert answer.status_code in (404, 405)
        return
    described = operation["responses"][str(answer.status_code)]
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = described["content"][media_type]["schema"]
    if media_type.endswith("json"):
        whole = {**schema, "components": document["components"]}
        Draft202012Validator(whole).validate(answer.json())


def _template(found: re.Match[str]) -> str:
    return "/schemas/{type}.json" if found[1] == "schemas" else "/problems/{name}"


class GatewayHarness:
    """A gateway with fakes of its writer and clocks, and a client that sends to it."""

    def __init__(self, *, max_answer_bytes: int = 2**21, tracing: Tracing = OFF) -> None:
        self.now = NOW
        self.monotonic = 0.0
        self.writer = FakeWriter()
        self.exposition = GatewayCollector(
            [producer.id for producer in PRODUCERS],
            is_ready=lambda: self.writer.waiting_for is None,
        )
        secrets = ProducerSecrets.model_validate(
            {"signing": [SIGNING_SECRET.reveal()], "bearer_sha256": [token_digest(TOKEN)]}
        )
        scheduler = WorkScheduler()
        gateway = Gateway(
            authenticator=Authenticator(
                Secrets(root={PRODUCER: secrets}), PRODUCERS, now=lambda: self.now
            ),
            quotas=Quotas(PRODUCERS, clock=lambda: self.monotonic),
            reception=Reception(
                Admission(PRODUCERS, now=lambda: self.now),
                self.writer.write,
                self.exposition,
                scheduler,
                now=lambda: self.now,
                tracing=tracing,
            ),
            exposition=self.exposition,
            waiting_for=lambda: self.writer.waiting_for,
            body=BodyReader(seconds=5),
            scheduler=scheduler,
            idempotency=IdempotencyStore(now=lambda: self.now, max_answer_bytes=max_answer_bytes),
            tracing=tracing,
        )
        self.app = make_app(gateway)
        self.client = Client(self.app)

    def post(
        self,
        content: object,
        *,
        media_type: str = STRUCTURED,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send bytes, or something as JSON; with the producer's token, unless there are headers."""
        return self.client.post(
            "/events",
            content=content if isinstance(content, bytes) else json.dumps(content).encode(),
            headers={"content-type": media_type, **(bearer() if headers is None else headers)},
        )

    def send(
        self,
        content: object,
        *,
        media_type: str = STRUCTURED,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send as `post` does; return the status and the answer."""
        answer = self.post(content, media_type=media_type, headers=headers)
        return answer.status_code, answer.json()

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample of /metrics; 0 if there is none."""
        found = self.exposition._registry.get_sample_value(name, labels)
        return found or 0.0
