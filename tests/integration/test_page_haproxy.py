"""The HAProxy before the page shares it between addresses."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.haproxy import Haproxy
from tests.support.raw_http import RawConnection, request
from tests.support.served_page import page_over

READERS, STREAMS, ASKED = 200, 500, 100


def test_one_address_keeps_no_other_reader_out(tmp_path: Path) -> None:
    stopping = threading.Event()

    def read(port: int) -> None:
        while not stopping.is_set():
            with suppress(ConnectionResetError), RawConnection(port, source="127.0.0.2") as line:
                line.send(request("GET", "/", "connection: close"))
                line.answer()
            stopping.wait(0.2)  # As a reader whose page came, or was refused.

    with page_over() as page, page.serving() as address, ExitStack() as stack:
        haproxy = stack.enter_context(Haproxy("page", tmp_path, {"PAGE": urlsplit(address).netloc}))
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


def test_readers_reach_neither_metrics_nor_probes(tmp_path: Path) -> None:
    with (
        page_over() as page,
        page.serving() as address,
        Haproxy("page", tmp_path, {"PAGE": urlsplit(address).netloc}) as haproxy,
    ):
        for path in ("/metrics", "/healthz", "/readyz"):
            with RawConnection(haproxy.port) as line:
                line.send(request("GET", path))
                answer = line.answer()
            assert answer is not None
            assert answer.status == 404


def test_readers_of_a_trusted_proxy_have_their_own_addresses(tmp_path: Path) -> None:
    """A reader with more open pages than an address may have keeps no other from following."""

    def follow(port: int, reader: str) -> RawConnection:
        line = stack.enter_context(RawConnection(port))
        line.send(request("GET", "/changements", f"x-forwarded-for: 192.0.2.9, {reader}"))
        return line

    with page_over() as page, page.serving() as address, ExitStack() as stack:
        variables = {"PAGE": urlsplit(address).netloc, "TRUSTED_PROXY": "127.0.0.1"}
        haproxy = stack.enter_context(Haproxy("page", tmp_path, variables))
        lines = [follow(haproxy.port, "192.0.2.1") for _ in range(101)]
        refused = [line for line in lines if line.starts_with(b"HTTP/1.1 503")]
        assert len(refused) == 1
        assert follow(haproxy.port, "192.0.2.2").starts_with(b"HTTP/1.1 200")
