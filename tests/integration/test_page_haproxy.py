"""The HAProxy before the page shares it between addresses."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.haproxy import Haproxy
from tests.support.raw_http import RawConnection, asked, proxied, request
from tests.support.served_page import page_over

READERS, STREAMS, ASKED = 200, 150, 100


@contextmanager
def front(folder: Path, **variables: str) -> Iterator[Haproxy]:
    """Yield an HAProxy before a page."""
    with (
        page_over() as page,
        page.serving() as address,
        Haproxy("page", folder, {"PAGE": urlsplit(address).netloc, **variables}) as haproxy,
    ):
        yield haproxy


def test_one_address_keeps_no_other_reader_out(tmp_path: Path) -> None:
    stopping = threading.Event()

    def read(port: int) -> None:
        while not stopping.is_set():
            with suppress(ConnectionResetError), RawConnection(port, source="127.0.0.2") as line:
                line.send(request("GET", "/", "connection: close"))
                line.answer()
            stopping.wait(0.2)  # As a reader whose page came, or was refused.

    with front(tmp_path) as haproxy, ExitStack() as stack:
        readers = [threading.Thread(target=read, args=(haproxy.port,)) for _ in range(READERS)]
        for _ in range(STREAMS):
            stream = stack.enter_context(RawConnection(haproxy.port, source="127.0.0.2"))
            stream.send(request("GET", "/changements"))
        for reader in readers:
            reader.start()
        try:
            found: Counter[int | None] = Counter()
            for _ in range(ASKED):
                with RawConnection(haproxy.port) as line:
                    line.send(request("GET", "/"))
                    answer = line.answer()
                found[None if answer is None else answer.status] += 1
            with RawConnection(haproxy.port) as line:
                line.send(request("GET", "/changements"))
                assert line.starts_with(b"HTTP/1.1 200")
        finally:
            stopping.set()
            for reader in readers:
                reader.join()

    assert found[200] >= ASKED - 1, found
    assert found.keys() <= {200, 503}


HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex(
    "000000 04 00 00000000"  # Settings.
    "000006 01 04 00000001 828684 410178"  # GET http://x/, whose body follows.
)
HOLDING = {
    "another spelling of the stream": request("GET", "/%63hangements"),
    "a body that does not end": request("GET", "/", "content-length: 100000"),
    "chunks that do not end": request("GET", "/", "transfer-encoding: chunked") + b"1\r\nx",
    "a body in HTTP/2": HTTP2,
    "another method": request("POST", "/", "content-length: 100000"),
    "answers that are not read": request("GET", "/donnees.json") * 20,
}


@pytest.mark.parametrize("sent", HOLDING)
def test_silence_keeps_no_other_reader_out(tmp_path: Path, sent: str) -> None:
    with front(tmp_path) as haproxy, ExitStack() as stack:
        for _ in range(40):
            line = stack.enter_context(socket.socket())
            # As far away, and with as little room.
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.bind(("127.0.0.2", 0))
            line.connect(("127.0.0.1", haproxy.port))
            line.sendall(HOLDING[sent])
        for _ in range(5):
            assert asked(haproxy.port, request("GET", "/")).status == 200


@pytest.mark.parametrize(
    ("path", "is_passed_on"),
    [
        ("/metrics", False),
        ("/healthz", False),
        ("/readyz", False),
        ("/%6detrics", False),
        ("/%68ealthz", False),
        ("/%72eadyz", False),
        ("/promesses%2Fa", False),
        ("/promesses/a", True),
        ("/entites/schools/a%2Fb", True),
    ],
)
def test_a_path_has_one_spelling(tmp_path: Path, path: str, *, is_passed_on: bool) -> None:
    """So that readers reach neither metrics nor probes."""
    with front(tmp_path) as haproxy:
        answer = asked(haproxy.port, request("GET", path))
    assert answer.status == 404
    assert ("Cette page n’existe pas" in answer.body.decode()) == is_passed_on


IDLE = 1_010
"""Connections of one reader: HAProxy keeps 300."""


def test_idle_connections_of_a_reader_count_behind_the_proxy_protocol(tmp_path: Path) -> None:
    """Those of the proxy do not: it has all readers."""
    with front(tmp_path, BIND_OPTIONS="accept-proxy") as haproxy, ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(RawConnection(haproxy.port)).send(proxied("192.0.2.1"))
        with suppress(ConnectionResetError), RawConnection(haproxy.port) as line:
            line.send(proxied("192.0.2.1") + request("GET", "/methode"))
            assert line.answer() is None
        assert asked(haproxy.port, proxied("192.0.2.2") + request("GET", "/methode")).status == 200


def test_idle_connections_of_a_trusted_proxy_keep_nobody_out(tmp_path: Path) -> None:
    with front(tmp_path, TRUSTED_PROXY="127.0.0.1") as haproxy, ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(RawConnection(haproxy.port))
        sent = request("GET", "/methode", "x-forwarded-for: 192.0.2.2")
        assert asked(haproxy.port, sent).status == 200


def test_readers_of_a_trusted_proxy_have_their_own_addresses(tmp_path: Path) -> None:
    """A reader with more open pages than an address may have keeps no other from following."""

    def follow(port: int, reader: str) -> RawConnection:
        line = stack.enter_context(RawConnection(port))
        line.send(request("GET", "/changements", f"x-forwarded-for: 192.0.2.9, {reader}"))
        return line

    with front(tmp_path, TRUSTED_PROXY="127.0.0.1") as haproxy, ExitStack() as stack:
        lines = [follow(haproxy.port, "192.0.2.1") for _ in range(101)]
        refused = [line for line in lines if line.starts_with(b"HTTP/1.1 503")]
        assert len(refused) == 1
        assert follow(haproxy.port, "192.0.2.2").starts_with(b"HTTP/1.1 200")
