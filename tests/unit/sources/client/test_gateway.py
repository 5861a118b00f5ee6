"""The publisher through the gateway, before a gateway of the tests' own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError
from events.cloudevent import CloudEvent
from events.producers.model import Quota
from events.school import SchoolKind, SchoolRegistered
from events.signing import SigningSecret
from gateway.quota import TokenBucket
from sources.client import (
    BearerToken,
    DeliveryReport,
    FailedDelivery,
    GatewayPublisher,
    GatewayRefusedError,
    RetryPolicy,
    SignedRequests,
    Spool,
)
from sources.client.protocol import DeliveryError
from tests.support.gateway_stub import accepted, answered_each
from tests.support.histories import event as lycee_event
from tests.support.histories import uai
from tests.support.loopback import Answer

URL = "https://gateway.example"
TOKEN = BearerToken(SecretStr("srt_lycees_" + "A" * 43))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(number: int) -> CloudEvent:
    return lycee_event("school.closed", uai("0750001"), "2019-03-11", id=str(number))


class FakeGateway:
    """A gateway without a network: it records requests, and answers as configured."""

    def __init__(self, behave: Callable[[list[dict[str, Any]]], Answer | None] = accepted) -> None:
        self.behave = behave
        self.batches: list[list[int]] = []
        self.headers: list[Mapping[str, str]] = []
        self.taken: list[int] = []
        self.clock = 0.0
        self.closed = False

    def exchange(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str]
    ) -> HttpAnswer:
        assert (method, url) == ("POST", f"{URL}/events")
        events = json.loads(body)
        numbers = [int(one["id"]) for one in events]
        self.batches.append(numbers)
        self.headers.append(headers)
        reply = self.behave(events)
        if reply is None:
            raise NoAnswerError(OSError("connection refused"))
        items = reply.body.get("items", []) if isinstance(reply.body, dict) else []
        taken = {one["index"] for one in items if one["status"] == 202}
        self.taken += [
            number for at, number in enumerate(numbers) if reply.status == 202 or at in taken
        ]
        return HttpAnswer(reply.status, reply.headers, reply.content)

    def close(self) -> None:
        self.closed = True

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def publisher(
        self, *, spool: Spool | None = None, retry_seconds: float = 30.0, **options: Any
    ) -> GatewayPublisher:
        return GatewayPublisher(
            URL,
            TOKEN,
            spool=spool,
            retry_policy=RetryPolicy(
                retry_seconds, clock=lambda: self.clock, sleep=self.sleep, chance=Random(1)
            ),
            client=cast("HttpClient", self),
            **options,
        )


def test_events_arrive_in_batches_and_in_order() -> None:
    gateway = FakeGateway()
    with gateway.publisher(batch_events=4) as publisher:
        for number in range(10):
            publisher.publish(event(number))
        assert gateway.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert publisher.flush() == DeliveryReport(delivered=10)
        assert publisher.flush() == DeliveryReport(delivered=0)
    assert gateway.batches[2:] == [[8, 9]]
    assert gateway.closed


def test_a_gateway_that_comes_back_is_sent_to_again() -> None:
    """What was lost on the way is sent again, and delivered once it is acknowledged."""
    answers = iter([None, Answer(503, b""), Answer(429, {}, {"Retry-After": "9"})])
    gateway = FakeGateway(lambda events: next(answers, accepted(events)))
    with gateway.publisher() as publisher:
        publisher.publish(event(0))
        assert publisher.flush().delivered == 1
    assert gateway.batches == [[0]] * 4
    assert gateway.clock > 9


def test_a_gateway_that_is_away_is_waited_for_once_before_each_report() -> None:
    """A file of thousands of lines would take minutes to fail."""
    gateway = FakeGateway(lambda _: None)
    with gateway.publisher(batch_events=2) as publisher:
        for number in range(20):
            publisher.publish(event(number))
        report = publisher.flush()
        assert [one.event for one in report.failed] == [event(number) for number in range(20)]
        assert gateway.clock < 30
        gateway.behave = accepted
        publisher.publish(event(20))
        assert publisher.flush().delivered == 1


def test_a_small_quota_is_waited_for() -> None:
    gateway = FakeGateway()
    bucket = TokenBucket(Quota(events_per_second=10, burst=200), clock=lambda: gateway.clock)

    def by_quota(events: list[dict[str, Any]]) -> Answer:
        seconds = bucket.take(len(events))
        after = {"Retry-After": str(round(seconds + 0.5))}
        return Answer(429, {"detail": "too many"}, after) if seconds else accepted(events)

    gateway.behave = by_quota
    with gateway.publisher() as publisher:
        for number in range(1_200):
            publisher.publish(event(number))
        assert publisher.flush() == DeliveryReport(1_200)
    assert 80 < gateway.clock < 150


@pytest.mark.parametrize(("after", "waited"), [(60, 60), (86_400, 0)])
def test_a_quota_that_never_comes_is_not_waited_for_twice(after: int, waited: int) -> None:
    gateway = FakeGateway(lambda _: Answer(429, {}, {"Retry-After": str(after)}))
    with gateway.publisher() as publisher:
        publisher.publish(event(0))
        assert len(publisher.flush().failed) == 1
    assert gateway.clock == waited


@pytest.mark.parametrize("status", [400, 413, 422, 431])
def test_a_batch_that_cannot_be_read_is_sent_in_parts(status: int) -> None:
    """One event may have spoilt it, or all may have been too much for somebody on the way."""

    def dislike_five(events: list[dict[str, Any]]) -> Answer:
        is_disliked = any(one["id"] == "5" for one in events)
        return Answer(status, b"?") if is_disliked else accepted(events)

    gateway = FakeGateway(dislike_five)
    with gateway.publisher() as publisher:
        for number in range(12):
            publisher.publish(event(number))
        report = publisher.flush()
    assert gateway.taken == [number for number in range(12) if number != 5]
    assert [(one.event.id, one.refused) for one in report.failed] == [("5", True)]


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status, b"<html>Bad Request</html>") for status in (400, 413, 422, 431)),
        Answer(400, {"type": "/problems/ambiguous_request", "detail": "two lengths"}),
    ],
)
def test_a_proxy_for_which_everything_is_refused_loses_nothing(
    answer: Answer, tmp_path: Path
) -> None:
    """A proxy with a mistake of its own is an error: no event is wrong, and all stay."""
    gateway = FakeGateway(lambda _: answer)
    spool = Spool(tmp_path / "spool")
    with gateway.publisher(spool=spool, batch_events=1) as publisher:
        for number in range(5):
            publisher.publish(event(number))
        assert gateway.batches == []
        with pytest.raises(GatewayRefusedError):
            publisher.flush()
        assert len(spool) == 5
        gateway.behave = accepted
        assert publisher.flush().delivered == 5


def test_an_event_larger_than_any_is_not_sent() -> None:
    gateway = FakeGateway()
    large = SchoolRegistered.model_construct(
        uai="0750419Y",
        registered_on=date(2019, 3, 11),
        name="x" * 300_000,
        kind=SchoolKind.VOCATIONAL,
        commune="75101",
    )
    with gateway.publisher() as publisher:
        publisher.publish(CloudEvent("0", "/lycees", NOW, large))
        report = publisher.flush()
    assert gateway.batches == []
    assert report.delivered == 0
    assert len(report.failed) + len(report.raw_failures) == 1


def test_a_spool_of_other_contracts_blocks_nothing(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    with closing(Spool(file)) as spool:
        spool.append(b'{"id": "7"}')
    gateway = FakeGateway(lambda events: answered_each([422] * len(events)))
    with gateway.publisher(spool=Spool(file)) as publisher:
        assert publisher.flush().raw_failures == ("because of 422",)
    assert gateway.batches == [[7]]


def test_leaving_reports_the_losses_of_no_report() -> None:
    """An event that was refused last is not skipped silently."""
    gateway = FakeGateway(lambda events: answered_each([422] * len(events)))
    with (
        pytest.raises(DeliveryError, match=r"value 1 missing .*because of 422"),
        gateway.publisher() as publisher,
    ):
        publisher.publish(event(0))
    assert gateway.closed


def test_an_exception_is_not_replaced() -> None:
    """Who is interrupted does not wait for a gateway."""
    gateway = FakeGateway(lambda _: None)

    def be_interrupted() -> None:
        with gateway.publisher() as publisher:
            publisher.publish(event(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert (gateway.batches, gateway.closed) == ([], True)


@pytest.mark.parametrize("spooled", [False, True])
def test_several_threads_publish_and_flush(tmp_path: Path, *, spooled: bool) -> None:
    """Each event is delivered once, whoever sends it, and each thread's in its order."""
    gateway = FakeGateway()
    spool = Spool(tmp_path / "spool.db") if spooled else None
    reports: list[DeliveryReport] = []
    with gateway.publisher(spool=spool, batch_events=7) as publisher:

        def publish(first: int) -> None:
            for number in range(first, first + 50):
                publisher.publish(event(number))
                if number % 10 == 0:
                    reports.append(publisher.flush())

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(publish, [0, 100, 200, 300]))
        reports.append(publisher.flush())
    assert len(gateway.taken) == sum(report.delivered for report in reports) == 200
    for first in (0, 100, 200, 300):
        own = [number for number in gateway.taken if first <= number < first + 100]
        assert own == list(range(first, first + 50))


ANSWERS = (
    st.none()
    | st.sampled_from([Answer(500, b""), Answer(413, b"")])
    | st.lists(st.sampled_from([202, 202, 202, 422, 503]), min_size=40, max_size=40)
)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 12),
    spooled=st.booleans(),
    answers=st.lists(ANSWERS, max_size=12),
    flushes=st.sets(st.integers(0, 40)),
)
def test_every_event_has_one_fate_in_the_end(
    count: int,
    batch: int,
    *,
    spooled: bool,
    answers: list[Answer | list[int] | None],
    flushes: set[int],
) -> None:
    answering = iter(answers)

    def behave(events: list[dict[str, Any]]) -> Answer | None:
        if not events:
            return accepted(events)  # The gateway is there.
        answer = next(answering, [202] * 40)
        return answered_each(answer[: len(events)]) if isinstance(answer, list) else answer

    gateway = FakeGateway(behave)
    delivered = 0
    failed: list[FailedDelivery] = []
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool.db") if spooled else None
        with gateway.publisher(spool=spool, batch_events=batch, retry_seconds=20) as publisher:
            for number in range(count):
                publisher.publish(event(number))
                flushing = number in flushes or number == count - 1
                while flushing:
                    report = publisher.flush()
                    delivered += report.delivered
                    failed += report.failed
                    flushing = number == count - 1 and report.waiting > 0
    gone = [int(one.event.id) for one in failed]
    assert sorted(gone + gateway.taken) == list(range(count))
    assert delivered == len(gateway.taken)
    if spooled:
        assert all(one.refused for one in failed)


def test_a_signature_may_be_seen_and_a_token_where_that_is_said() -> None:
    """A signature is worth nothing to who reads it; a network may be one's own."""
    signed = SignedRequests("lycees", SigningSecret(bytes(32)))
    with (
        GatewayPublisher("http://gateway.example", signed),
        GatewayPublisher("http://gateway.example", TOKEN, plain_http=True),
    ):
        pass


def test_an_address_that_would_send_a_secret_is_refused() -> None:
    for url in ("http://10.0.0.1:6070", "https://gateway.example?token=hunter2"):
        with pytest.raises(SmartRegionError, match=r"would send a secret|has a user") as refused:
            GatewayPublisher(url, TOKEN)
        assert "hunter2" not in str(refused.value)
