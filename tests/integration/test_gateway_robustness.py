"""Whatever is sent to the gateway behind HAProxy, it is answered, and the gateway does not grow."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Self

import pytest

from gateway.problems import problem_kinds
from tests.support.gateway import BATCH, STRUCTURED, event
from tests.support.gateways import Credentials, Gateway
from tests.support.kafka import KafkaBroker
from tests.support.processes import memory_mb
from tests.support.raw_http import Answer, RawConnection, post, request
from tests.support.running_gateway import running_gateway

Opened = tuple[Gateway, Credentials]

BODIES = 10_000
#: What the allocator may keep after ten thousand bodies; one in a hundred has a hundred kilobytes.
GROWTH_MB = 25


@pytest.fixture(scope="module")
def opened(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(shared_broker.bootstrap, folder, haproxy={}) as gateway:
        yield gateway


def headers(opened: Opened, media_type: str = STRUCTURED) -> tuple[str, str]:
    return (f"content-type: {media_type}", f"authorization: Bearer {opened[1].token}")


def answered(opened: Opened, *parts: bytes) -> Answer:
    with RawConnection(opened[0].port) as line:
        for part in parts:
            line.send(part)
        answer = line.answer()
    assert answer is not None
    return answer


def takes_events(opened: Opened) -> bool:
    body = json.dumps(event()).encode()
    return answered(opened, post(body, *headers(opened))).status == 202


def test_headers_that_do_not_end_are_answered(opened: Opened) -> None:
    with RawConnection(opened[0].port) as line:
        line.send(b"POST /events HTTP/1.1\r\nhost: x\r\nx-slow: ")
        began = time.monotonic()
        while time.monotonic() - began < 0.8:
            line.send(b"x")
            time.sleep(0.1)  # The pace of a client that means to be slow.
        answer = line.answer()

    assert answer is not None
    assert answer.status == 408


def test_a_body_that_does_not_come_is_answered(opened: Opened) -> None:
    answer = answered(opened, request("POST", "/events", *headers(opened), "content-length: 10"))

    assert (answer.status, answer.problem) == (408, "slow_request")


def test_a_chunked_event_is_accepted(opened: Opened) -> None:
    body = json.dumps(event()).encode()
    chunks = [b"%x\r\n%s\r\n" % (1, body[index : index + 1]) for index in range(len(body))]

    answer = answered(
        opened,
        request("POST", "/events", *headers(opened), "transfer-encoding: chunked"),
        *chunks,
        b"0\r\n\r\n",
    )

    assert answer.status == 202


def test_a_client_may_ask_before_it_sends(opened: Opened) -> None:
    body = json.dumps(event()).encode()
    with RawConnection(opened[0].port) as line:
        line.send(
            post(b"", *headers(opened), "expect: 100-continue")[:-2].replace(
                b"content-length: 0", b"content-length: %d" % len(body)
            )
            + b"\r\n"
        )
        first = line.answer()
        line.send(body)
        second = line.answer()

    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (100, 202)


def test_more_bodies_than_are_taken_are_answered(opened: Opened) -> None:
    """One that is too large is read to its end, so that its client reads why it is refused."""
    answer = answered(opened, post(b" " * 3_000_000, *headers(opened)))

    assert (answer.status, answer.problem) == (413, "body_too_large")


def test_any_body_has_an_answer_and_memory_stays_flat(opened: Opened) -> None:
    chance = random.Random(20_160_101)
    statuses: Counter[int] = Counter()
    resting = 0.0
    with _Conversation(opened) as conversation:
        for number in range(BODIES):
            if number == BODIES // 5:  # What a process needs once, it has by now.
                resting = memory_mb(opened[0].process.pid)
            media_type, body = _any_body(chance)
            answer = conversation.echo(post(body, *headers(opened, media_type)))
            statuses[answer.status] += 1
            if answer.status >= 400:
                assert answer.json["type"].removeprefix("/problems/") in problem_kinds()
    grown = memory_mb(opened[0].process.pid) - resting

    assert set(statuses) <= {202, 207, 400, 403, 413, 415, 422}, statuses
    assert statuses[202] > 100, statuses
    assert grown < GROWTH_MB, f"{grown:.1f} MB more than after {BODIES // 5} bodies"
    assert takes_events(opened)
    assert "Traceback" not in opened[0].log


class _Conversation:
    """Requests on one connection after the other: a new one where the last was closed."""

    def __init__(self, opened: Opened) -> None:
        self._port = opened[0].port
        self._line = RawConnection(self._port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()

    def echo(self, sent: bytes) -> Answer:
        self._line.send(sent)
        answer = self._line.answer()
        assert answer is not None, sent[:2_000]
        if answer.headers.get("connection") == "close":
            self._line.__exit__()
            self._line = RawConnection(self._port)
        return answer


def test_large_bodies_that_are_refused_do_not_stay(opened: Opened) -> None:
    """Each held three times its size until thousands of others had come."""
    large = post(b'{"a":"' + b"\xff" * 1_000_000 + b'"}', *headers(opened))
    for _ in range(20):
        assert answered(opened, large).status == 413
    before = memory_mb(opened[0].process.pid)

    for _ in range(80):
        assert answered(opened, large).status == 413

    assert memory_mb(opened[0].process.pid) - before < 2 * GROWTH_MB


ODD = (
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 5_000,
    "[" * 3_000,
    '{"a":' * 3_000 + "1" + "}" * 3_000,
    "[" * 150 + "]" * 150,
    r'"\ud800"',
    r'"\u0000"',
    '"\ufeff"',
    '"' + "x" * 100_000 + '"',
    '{"a": 1, "a": 2}',
    "2026-03-11",
    "é",
)


def _any_body(chance: random.Random) -> tuple[str, bytes]:
    media_type = chance.choice((STRUCTURED, STRUCTURED, BATCH, "application/json", "text/plain"))
    text, odd = json.dumps(event(chance.randrange(10**6))), chance.choice(ODD)
    damaged = bytearray(text.encode())
    for _ in range(chance.randrange(1, 6)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    other = text.replace(f'"{event()["time"]}"', odd)
    valid = f"[{text}]" if media_type == BATCH else text
    texts = (valid, odd, other, f"[{text},{odd}]")
    noise = chance.randbytes(chance.randrange(400))
    return media_type, chance.choice((noise, bytes(damaged), *map(str.encode, texts)))
