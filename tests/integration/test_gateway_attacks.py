"""Attacks on the gateway behind HAProxy: each is tried on the running programs, and fails."""

import base64
import http.client
import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import cycle, groupby, islice
from pathlib import Path
from select import select
from statistics import median
from time import monotonic
from typing import Any, Self

import pytest

from broker.reading import read_topics
from broker.stored_record import RawRecord
from events.dead_letters import PRODUCER as PRODUCER_OF_LETTER
from events.fact import Family
from events.signing import SigningSecret
from events.topics import DEAD_LETTERS, topic_name
from tests.support.certificates import Authority
from tests.support.gateway import BATCH, PRODUCER, STRUCTURED, event, signed
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.raw_http import Answer, RawConnection, asked, post, request
from tests.support.running_gateway import running_gateway
from tests.support.waiting import wait_until

PAUSE_SECONDS = 0.05
"""The pause between two requests, so that they cause no load."""
REQUEST_SECONDS = 15.0
SERVED_SECONDS = 60.0
RESTARTING = 3
"""Consecutive failed probes after which Kubernetes restarts a container."""


class OtherProducer:
    """Sends events and probes /healthz, each in a thread of its own, in a context.

    Events go over a connection that is kept and over new ones, in turn; a probe always makes a new
    one, as a kubelet does. Every first answer counts: nothing is sent again. Call `keep_going`
    during the attack; leaving the context fails where an event or a probe was lost, or was slow.
    """

    def __init__(
        self,
        gateway: Gateway,
        token: str,
        *,
        signs: SigningSecret | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take a producer's token, or the secret with which it signs instead.

        `tls` is the context for a gateway that serves TLS.
        """
        self.waits: list[float] = []
        """Seconds until each answer of 202."""
        self.probes: list[float] = []
        """Seconds until each answer of 200 to a probe."""
        self.lost: list[str] = []
        """Every other answer and every error."""
        self._gateway = gateway
        self._token = token
        self._signs = signs
        self._tls = tls
        self._kept = self._connection()
        self._sent = 0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(step,), daemon=True)
            for step in (self._send, self._probe)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(REQUEST_SECONDS + 1)
        self._kept.close()
        if kind is not None:
            return
        assert not self.lost, self.lost
        assert median(self.waits) < 1, sorted(self.waits)
        # One probe may hit a pause of the machine; three slow ones in a row restart a container.
        runs = groupby(seconds >= 1 for seconds in self.probes)
        assert not any(slow and len([*run]) >= RESTARTING for slow, run in runs), self.probes

    def keep_going(self, requests: int = 20) -> None:
        """Wait until this many more events and probes are answered; fail if one is not."""
        events, probes = len(self.waits) + requests, len(self.probes) + requests
        served = wait_until(
            lambda: bool(self.lost) or (len(self.waits) >= events and len(self.probes) >= probes),
            seconds=SERVED_SECONDS,
        )
        assert served, f"{len(self.waits)} events and {len(self.probes)} probes were answered"
        assert not self.lost, self.lost

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                step()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
            self._over.wait(PAUSE_SECONDS)

    def _send(self) -> None:
        self._sent += 1
        body = json.dumps(event(self._sent)).encode()
        credentials = {"authorization": f"Bearer {self._token}"}
        if self._signs is not None:
            number = f"msg_{self._sent}"
            credentials = signed(body, at=now(), secret=self._signs, message_id=number)
        sent = ("POST", "/events", body, {"content-type": STRUCTURED, **credentials})
        if self._sent % 2:
            with closing(self._connection()) as connection:
                self._exchange(connection, *sent, expected=202, waits=self.waits)
        else:
            self._exchange(self._kept, *sent, expected=202, waits=self.waits)

    def _probe(self) -> None:
        port = self._gateway.probe_port
        with closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
        ) as connection:
            self._exchange(connection, "GET", "/healthz", expected=200, waits=self.probes)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        *sent: Any,
        expected: int,
        waits: list[float],
    ) -> None:
        started_at = monotonic()
        connection.request(*sent)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == expected:
            waits.append(monotonic() - started_at)
        else:
            self.lost.append(f"{answer.status}: {body[:300]!r}")

    def _connection(self) -> http.client.HTTPConnection:
        where = ("127.0.0.1", self._gateway.port)
        if self._tls is None:
            return http.client.HTTPConnection(*where, timeout=REQUEST_SECONDS)
        return http.client.HTTPSConnection(*where, timeout=REQUEST_SECONDS, context=self._tls)


_AT_ONCE = 65_536
_SECONDS = 0.2
"""Between two checks for the end."""


class BusyConnections:
    """Keeps connections busy in a context, with one thread for all of them.

    A closed connection is opened again. `sent` returns the request for a connection's number.
    """

    def __init__(
        self, port: int, sent: Callable[[int], bytes], *, sources: list[str], number: int
    ) -> None:
        """Take the gateway's port, the requests, and the source addresses to use in turn."""
        self.answered = 0
        """Number of answers."""
        self._port = port
        self._sent = sent
        self._sources = sources
        self._number = number
        self._lines: dict[socket.socket, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        for number in range(self._number):
            self._open(number)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for line in self._lines:
            line.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for line in select(self._lines, [], [], _SECONDS)[0]:
                number = self._lines.pop(line)
                with suppress(OSError):
                    if line.recv(_AT_ONCE):
                        self.answered += 1
                        line.sendall(self._sent(number))
                        self._lines[line] = number
                        continue
                line.close()
                self._open(number)

    def _open(self, number: int) -> None:
        source = self._sources[number % len(self._sources)], 0
        while not self._over.is_set():
            with suppress(ConnectionError):
                line = socket.create_connection(
                    ("127.0.0.1", self._port), timeout=20, source_address=source
                )
                self._lines[line] = number
                with suppress(ConnectionError):  # It is found closed then, and opened anew.
                    line.sendall(self._sent(number))
                return
            self._over.wait(0.1)  # The address has reached its limit of connections.


ROOT = Path(__file__).parents[2]
SCHOOLS = topic_name(Family.SCHOOLS)


class Target:
    """The gateway that is attacked, and what its producer knows."""

    def __init__(
        self,
        gateway: Gateway,
        credentials: Credentials,
        bootstrap: str,
        others: Mapping[str, Credentials],
    ) -> None:
        self.gateway = gateway
        self.others = others
        self.token = credentials.token
        self.secret = SigningSecret.from_text(credentials.signing_secret)
        self.written_secret = credentials.signing_secret
        self.bootstrap = bootstrap

    def send(self, sent: bytes) -> Answer:
        return asked(self.gateway.port, sent)

    def post(
        self, content: object, *headers: str, media_type: str = STRUCTURED, path: str = "/events"
    ) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        credentials = headers or (f"authorization: Bearer {self.token}",)
        return self.send(post(body, f"content-type: {media_type}", *credentials, path=path))

    def events(self) -> list[bytes]:
        return [record.value or b"" for record in read_topics(self.bootstrap, topics=[SCHOOLS])]

    def letters(self) -> list[RawRecord]:
        return list(read_topics(self.bootstrap, topics=[DEAD_LETTERS]))


@pytest.fixture(scope="module")
def target(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("gateway")
    names = ("prives", "subventions", "mairies", "hopitaux")
    others = {name: issue_credentials(name, folder) for name in names}
    bootstrap = shared_broker.bootstrap
    with running_gateway(bootstrap, folder, haproxy={}, log_level="debug") as opened:
        yield Target(*opened, bootstrap, others)


def now() -> datetime:
    return datetime.now(UTC)


def lines(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


BODY = json.dumps(event()).encode()


def test_valid_credentials_are_accepted(target: Target) -> None:
    """Otherwise the other tests would show nothing."""
    signature = lines(signed(BODY, at=now(), secret=target.secret))

    assert target.post(BODY).status == 202
    assert target.post(BODY, *signature).status == 202


# Other identities


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        f"Bearer srt_{PRODUCER}_",
        f"Bearer srt_{PRODUCER}_{'A' * 43}",
        "Basic bHljZWVzOmx5Y2Vlcw==",
        "Bearer " + "A" * 8_000,
        "Bearer srt_../../etc/passwd_x",
        "Bearer srt_lycees_\xe9",
    ],
)
def test_a_token_that_was_not_issued_opens_nothing(target: Target, authorization: str) -> None:
    answer = target.post(BODY, f"authorization: {authorization}")

    assert (answer.status, answer.problem) == (401, "unauthenticated")
    assert "bearer" in answer.headers["www-authenticate"].lower()


def test_the_hash_of_a_token_is_no_token(target: Target) -> None:
    """Reading the secrets file does not authenticate."""
    digests = re.findall(r"[0-9a-f]{64}", _secrets_file(target))
    assert len(digests) == 1 + len(target.others)

    for digest in digests:
        token = f"srt_{PRODUCER}_{digest}"
        assert target.post(BODY, f"authorization: Bearer {token}").status == 401


def test_a_signature_of_another_body_is_wrong(target: Target) -> None:
    signature = lines(signed(BODY, at=now(), secret=target.secret))

    assert target.post(BODY + b" ", *signature).status == 401


def test_a_replay_within_its_time_changes_nothing(target: Target) -> None:
    """It is the same event, of the same source and id: readers count it once."""
    body = json.dumps(event(4711)).encode()
    signature = lines(signed(body, at=now(), secret=target.secret))

    statuses = {target.post(body, *signature).status for _ in range(3)}

    assert statuses == {202}
    assert {value for value in target.events() if b"4711" in value} == {body}


# Smuggled requests


def test_a_body_with_two_lengths_is_not_read(target: Target) -> None:
    """What is behind it is no request: nothing is smuggled."""
    before = _count(target)
    smuggled = post(BODY, f"content-type: {STRUCTURED}", f"authorization: Bearer {target.token}")
    head = request(
        "POST",
        "/events",
        f"content-type: {STRUCTURED}",
        f"authorization: Bearer {target.token}",
        "content-length: 4",
        "transfer-encoding: chunked",
    )

    answer = target.send(head + b"0\r\n\r\n" + smuggled)

    assert answer.status == 400
    assert _count(target) <= before + 1  # At most the second, which is right by itself.


def _count(target: Target) -> int:
    return len(target.events())


@pytest.mark.parametrize(
    "path",
    [
        "/Events",
        "//events",
        "/./events",
        "/x/../events",
        "/events/",
        "/%65vents",
        "/events%2f",
        "/events%00",
        "/events;x=1",
        "http://elsewhere/events",
        "*",
        "/schemas/../events",
        "/schemas/..%2f..%2fetc%2fpasswd.json",
        "/problems/../../etc/passwd",
    ],
)
def test_an_address_has_one_spelling(target: Target, path: str) -> None:
    """A rule of a proxy about /events is not walked around."""
    answer = target.post(BODY, path=path)

    assert answer.status in (400, 404, 405), (path, answer)


def test_content_is_executed_nowhere(target: Target) -> None:
    answer = target.post(event(id="<script>alert(1)</script>\x01"))
    page = target.send(request("GET", "/problems/<script>alert(1)</script>"))

    for one in (answer, page):
        assert one.headers["content-type"] == "application/problem+json"
        assert one.headers["x-content-type-options"] == "nosniff"


# Costly content


def _large(unit: str) -> str:
    return unit * (248_000 // len(unit.encode()))


HEAVY = {
    "marks": json.dumps([event(ext=_large("\u0315\u0301"))] * 4, ensure_ascii=False).encode(),
    "quotes after depth without end": b"[" * 1_200 + b'"' + rb"\"" * 500_000,
    "quotes after a number without end": b'[{"a":' + b"9" * 5_000 + b',"' + rb"\"" * 500_000,
    "digits": json.dumps([event(data=_large("0 1"))] * 4).encode(),
    "names": json.dumps([event(data={f"{n:x}": n for n in range(100)})] * 490).encode(),
}


@pytest.mark.parametrize("body", HEAVY)
def test_no_body_stops_the_gateway(target: Target, body: str) -> None:
    heavy = post(HEAVY[body], f"content-type: {BATCH}", f"authorization: Bearer {target.token}")

    with OtherProducer(target.gateway, target.token) as other_producer:
        answers = [target.send(heavy) for _ in range(5)]
        other_producer.keep_going(5)

    assert {answer.status for answer in answers} <= {400, 422}


# Exhausting memory

LARGE = 2**20
SILENT = 80
"""Bodies of a mebibyte: more than all that are held at once."""


def connections(
    stack: ExitStack, target: Target, sources: Sequence[str], number: int
) -> list[RawConnection]:
    """Open connections that stay until the stack ends, from each of the sources in turn."""
    origins = islice(cycle(sources), number)
    return [stack.enter_context(RawConnection(target.gateway.port, source=one)) for one in origins]


def unfinished(*headers: str) -> bytes:
    return post(b"x" * LARGE, f"content-type: {STRUCTURED}", *headers)[:-1]


def claimed(producer: str, number: int) -> list[str]:
    mine = SigningSecret(os.urandom(32))
    return lines(signed(b"", at=now(), producer=producer, secret=mine, message_id=f"m{number}"))


def test_bodies_under_a_wrong_token_keep_nobody_out(target: Target) -> None:
    """They are answered before the last byte has come, and nothing is held of them."""
    sent = unfinished(f"authorization: Bearer srt_{PRODUCER}_{'A' * 43}")
    with OtherProducer(target.gateway, target.token) as other_producer, ExitStack() as opened:
        held = connections(opened, target, ["127.0.0.2"], SILENT)
        for line in held:
            line.send(sent)
        other_producer.keep_going()
        answers = [line.answer() for line in held]

    # Whoever guesses often is answered that the server is overloaded.
    assert {answer and answer.status for answer in answers} <= {401, 503}


@pytest.mark.parametrize("signs", [False, True], ids=["a token", "a signature"])
def test_bodies_under_a_false_signature_keep_nobody_out(target: Target, *, signs: bool) -> None:
    """They have a memory budget of their own, in which unfinished bodies are evicted."""
    secret = target.secret if signs else None
    with (
        OtherProducer(target.gateway, target.token, signs=secret) as other_producer,
        ExitStack() as opened,
    ):
        held = connections(opened, target, [f"127.0.0.{number}" for number in range(2, 6)], SILENT)
        for number, line in enumerate(held):
            line.send(unfinished(*claimed(PRODUCER, number)))
        other_producer.keep_going()
        # Whose part came last is for the network to say.
        answered, _, _ = select(held, [], [], 30)
        evicted = answered[0].answer() if answered else None

    assert evicted is not None
    assert (evicted.status, evicted.problem) == (503, "overloaded")
    assert evicted.headers["retry-after"] == "1"


NETWORK = [f"127.0.1.{number}" for number in range(1, 65)]
"""Addresses that each have as many signed requests as one may: more than HAProxy has places for."""
BEGUN = 16_500
"""Bytes that HAProxy waits for before the gateway receives a signed body."""


@pytest.mark.parametrize("framing", ["content-length: 20000", "transfer-encoding: chunked"])
def test_signed_bodies_that_drip_keep_no_producer_out(target: Target, framing: str) -> None:
    chunked = "chunked" in framing
    begun, drop = (b"%x\r\n" % 20_000 if chunked else b"") + b"x" * BEGUN, b"x"
    over = threading.Event()

    def drip(held: Sequence[RawConnection]) -> None:
        while not over.wait(4):
            for line in held:
                line.send(drop)

    with (
        ExitStack() as opened,
        OtherProducer(target.gateway, target.token, signs=target.secret) as one,
    ):
        held = connections(opened, target, NETWORK, 16 * len(NETWORK))
        for number, line in enumerate(held):
            head = (f"content-type: {STRUCTURED}", framing, *claimed(PRODUCER, number))
            line.send(request("POST", "/events", *head) + begun)
        dripping = threading.Thread(target=drip, args=(held,))
        dripping.start()
        opened.callback(dripping.join)
        opened.callback(over.set)
        one.keep_going(100)


@pytest.mark.parametrize(
    "sent",
    [
        request("GET", "/openapi.json", "content-length: 100000"),
        request("GET", "/openapi.json", "transfer-encoding: chunked") + b"1\r\nx",
        request("GET", "/openapi.json") * 50,
    ],
    ids=["a body that does not end", "chunks that do not end", "answers that are not read"],
)
def test_silence_keeps_nobody_from_the_documents(target: Target, sent: bytes) -> None:
    with ExitStack() as opened:
        for line in connections(opened, target, SOURCES[:1], 40):
            line.send(sent)
        for _ in range(5):
            assert target.send(request("GET", "/openapi.json")).status == 200


# Replay


def test_a_replay_costs_its_producer_nothing(target: Target) -> None:
    """Its quota is ten at once: a hundred repeats leave nine, and each has the first answer."""
    secret = SigningSecret.from_text(target.others["prives"].signing_secret)

    def right(number: int) -> bytes:
        body = json.dumps(event(number, source="/lycees/prives/1")).encode()
        signature = signed(
            body, at=now(), producer="prives", secret=secret, message_id=f"msg_{number}"
        )
        return post(body, f"content-type: {STRUCTURED}", *lines(signature))

    intercepted = right(5000)
    with OtherProducer(target.gateway, target.token) as other_producer:
        first = target.send(intercepted)
        replays = [target.send(intercepted) for _ in range(100)]
        owns = [target.send(right(5001 + number)) for number in range(9)]
        other_producer.keep_going()

    assert first.status == 202
    assert "idempotent-replayed" not in first.headers
    assert {(one.status, one.body) for one in replays} == {(202, first.body)}
    assert {one.headers["idempotent-replayed"] for one in replays} == {"true"}
    assert {one.status for one in owns} == {202}
    assert sum(b'"5000"' in value for value in target.events()) == 1
    assert 'repeats_total{producer="prives"} 100.0' in target.gateway.metrics()


def test_a_producer_beyond_its_quota_delays_no_other(target: Target) -> None:
    items = b",".join(b'{"a":"%s"}' % (rb"e\u0301" * 500) for _ in range(280))
    flood = post(
        b"[" + items + b"]",
        f"content-type: {BATCH}",
        f"authorization: Bearer {target.others['subventions'].token}",
    )
    statuses = []
    with OtherProducer(target.gateway, target.token) as other_producer, ExitStack() as opened:
        held = connections(opened, target, ["127.0.0.40"], 4)
        for _ in range(15):
            for line in held:
                line.send(flood)
            answers = [line.answer() for line in held]
            statuses += [answer.status for answer in answers if answer is not None]
        other_producer.keep_going()

    assert len(statuses) == 60
    assert statuses.count(429) >= 59  # From a full bucket one passes, and is owed.


DOCUMENT = "/problems/repeated"


# Connections


TRIED = 400
"""Connections that are opened: HAProxy keeps 100 of an address."""
SOURCES = [f"127.0.0.{number}" for number in range(2, 22)]
"""The attackers'; the producer's is 127.0.0.1."""


@contextmanager
def held(port: int, sources: list[str], *sent: bytes, number: int = TRIED) -> Iterator[None]:
    with ExitStack() as stack:
        for index in range(number):
            with suppress(ConnectionResetError):
                line = stack.enter_context(
                    RawConnection(port, source=sources[index % len(sources)])
                )
                line.send(sent[index % len(sent)])
        yield


@pytest.fixture(scope="module")
def encrypted(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Target, ssl.SSLContext]]:
    folder = tmp_path_factory.mktemp("encrypted")
    authority = Authority(folder)
    ours = authority.issue("gateway")
    bundle = folder / "bundle.pem"
    bundle.write_bytes(ours.chain.read_bytes() + ours.key.read_bytes())
    tls = {"BIND_OPTIONS": f"ssl crt {bundle} alpn http/1.1"}
    with running_gateway(shared_broker.bootstrap, folder, haproxy=tls) as opened:
        target = Target(*opened, shared_broker.bootstrap, {})
        yield target, ssl.create_default_context(cafile=authority.file)


#: Of connections that wait: silent, in their headers, idle, and owing a body.
WAITING = (
    b"",
    b"POST /events HTTP/1.1\r\nhost: x\r\nx: ",
    request("GET", DOCUMENT),
    request("POST", "/nowhere", "content-length: 10"),
)
SOURCES_OF = pytest.mark.parametrize(
    "sources", [SOURCES[:1], SOURCES], ids=["one address", "many addresses"]
)


@SOURCES_OF
def test_idle_connections_keep_nobody_out(target: Target, sources: list[str]) -> None:
    with (
        OtherProducer(target.gateway, target.token) as one,
        held(target.gateway.port, sources, *WAITING),
    ):
        one.keep_going()


def test_answers_that_are_not_read_keep_nobody_out(target: Target) -> None:
    # The answers are larger than all that lies between two programs.
    with (
        held(target.gateway.port, SOURCES[:1], request("GET", "/openapi.json") * 50, number=90),
        OtherProducer(target.gateway, target.token) as one,
    ):
        one.keep_going()


@SOURCES_OF
def test_handshakes_that_do_not_end_keep_nobody_out(
    encrypted: tuple[Target, ssl.SSLContext], sources: list[str]
) -> None:
    """They count as connections of their address, silent or in their first word."""
    target, context = encrypted
    with (
        OtherProducer(target.gateway, target.token, tls=context) as one,
        held(target.gateway.port, sources, b"", b"\x16\x03\x01\x02\x00"),
    ):
        one.keep_going()


BUSY = 90
"""Connections of one address, which may have 100, that are busy all the time."""


def _signed_often(number: int) -> bytes:
    headers = signed(b"{}", at=now(), message_id=f"m{number}")
    headers["webhook-signature"] = "a " * 7_500 + "a"
    return post(b"{}", f"content-type: {STRUCTURED}", *lines(headers))


COSTLY = {
    "nothing else": lambda _: request("GET", "/nowhere"),
    "headers of many lines": lambda _: request("GET", "/nowhere", *["a:"] * 3_900),
    "headers that come whole": lambda _: request("GET", "/nowhere", *["a:"] * 15_000),
    "bodies in tiny chunks": lambda _: (
        request("POST", "/nowhere", "transfer-encoding: chunked")
        + b"1\r\nx\r\n" * 1_000
        + b"0\r\n\r\n"
    ),
    "many signatures": _signed_often,
}


@pytest.mark.parametrize("sent", COSTLY)
def test_busy_connections_keep_nobody_out(target: Target, sent: str) -> None:
    with (
        BusyConnections(
            target.gateway.port,
            COSTLY[sent],
            # One of its own: HAProxy refuses that of the case before for a while.
            sources=[f"127.0.0.{100 + list(COSTLY).index(sent)}"],
            number=BUSY,
        ) as busy,
        OtherProducer(target.gateway, target.token) as one,
    ):
        one.keep_going(10)
        assert wait_until(lambda: busy.answered > 0, seconds=30)


MANY = {
    "names that nobody knows": [
        event(n, data={f"k{n:x}": n for n in range(60)}) for n in range(62)
    ],
    "items that are no events": [1] * 500,
}


@pytest.mark.parametrize("items", MANY)
def test_many_bodies_of_a_producer_keep_no_other_out(target: Target, items: str) -> None:
    """Each takes tens of milliseconds, and is no large one: they are judged in slices."""
    sent = post(
        json.dumps(MANY[items]).encode(),
        f"content-type: {BATCH}",
        f"authorization: Bearer {target.others['mairies'].token}",
    )
    with (
        BusyConnections(target.gateway.port, lambda _: sent, sources=SOURCES[:1], number=40),
        OtherProducer(target.gateway, target.token) as one,
    ):
        one.keep_going(10)


def test_a_handshake_has_a_deadline(encrypted: tuple[Target, ssl.SSLContext]) -> None:
    target, _ = encrypted
    with RawConnection(target.gateway.port, seconds=20) as line:
        assert line.is_closed()


def test_one_producer_s_requests_keep_no_other_out(target: Target) -> None:
    hostile = f"authorization: Bearer {target.others['prives'].token}"
    with ExitStack() as stack, OtherProducer(target.gateway, target.token) as one:
        held = connections(stack, target, SOURCES, 200)
        for line in held:
            line.send(unfinished(hostile))
        one.keep_going()
        answered, _, _ = select(held, [], [], 30)
        answers = [line.answer() for line in answered]

    assert {answer and answer.status for answer in answers} >= {503}


def test_replayed_requests_keep_nobody_out(target: Target) -> None:
    signature = lines(signed(BODY, at=now(), secret=target.secret, message_id="m-intercepted"))
    intercepted = post(BODY, f"content-type: {STRUCTURED}", *signature)
    assert target.send(intercepted).status == 202
    with ExitStack() as stack, OtherProducer(target.gateway, target.token) as one:
        for number, line in enumerate(connections(stack, target, SOURCES, 200)):
            line.send(intercepted)
            line.answer()
            line.send(unfinished(*claimed(PRODUCER, number))[:1_000])
        one.keep_going()


def test_nothing_but_probes_is_taken_beside(target: Target) -> None:
    token = f"authorization: Bearer {target.token}"
    for sent in (post(BODY, f"content-type: {STRUCTURED}", token), request("GET", "/openapi.json")):
        answer = asked(target.gateway.probe_port, sent)
        assert answer.status == 404


# Secrets


def test_no_secret_is_in_answers_logs_metrics_or_topics(target: Target) -> None:
    before = len(target.letters())
    right = signed(BODY, at=now(), secret=target.secret)
    token = f"authorization: Bearer {target.token}"
    answers = [
        target.post(b"{", token),
        target.post(event(id=""), token),
        target.post(event(id=""), *lines({**right, "webhook-signature": "v1,AAAA"})),
        target.post(BODY, token + "x"),
        target.post(BODY, token, token),
        target.post(
            {}, token, "ce-id: 1", f"ce-secret: {target.token[:20]}", media_type="application/json"
        ),
        target.send(request("GET", f"/metrics?token={target.token}")),
        target.send(request("GET", f"/{target.token}", token)),
        target.send(request("GET", "/readyz", token)),
        target.send(request("BREW", "/events", token)),
        target.send(f"GET {target.token}\r\n\r\n".encode()),
        target.post(BODY, token, "content-length: 3"),
    ]
    letters = target.letters()[before:]
    assert letters
    shown = {
        "answers": b"".join(answer.body for answer in answers).decode(),
        "log": target.gateway.log,
        "metrics": target.gateway.metrics(),
        "dead letters": str([(one.headers, one.value) for one in letters if _is_ours(one.headers)]),
    }

    for secret in _recognisable(target):
        for where, text in shown.items():
            assert secret not in text, where


def _recognisable(target: Target) -> list[str]:
    random_part = target.token.removeprefix(f"srt_{PRODUCER}_")
    key = base64.b64decode(target.written_secret.removeprefix("whsec_") + "===")
    return [
        random_part,
        random_part[6:30],
        target.written_secret,
        target.written_secret[6:30],
        key.hex(),
        repr(key)[2:-1],
    ]


def _is_ours(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    # An attribute that a producer makes of its own token is its own affair, and stays its own.
    return any(name == PRODUCER_OF_LETTER for name, _ in headers) and not any(
        name == "ce_secret" for name, _ in headers
    )


def _secrets_file(target: Target) -> str:
    return (target.gateway.log_file.parent / "secrets.yaml").read_text()
