"""The proxy between clients and brokers: it passes, delays, cuts and falls silent as it is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from operations.programs.addresses import HOST
from tests.support.tcp_proxy import CUT, HALF_OPEN, OPEN, Condition, TcpProxies, TcpProxy


@contextmanager
def echo() -> Iterator[int]:
    """Serve one connection after the other, and give back what comes; yield the port."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    try:
                        while piece := line.recv(100):
                            line.sendall(piece)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """Yield a proxy before an echo."""
    with echo() as port, TcpProxies() as proxies:
        yield proxies.before(port)


def connect(proxy: TcpProxy) -> socket.socket:
    """Return a connection through the proxy."""
    return socket.create_connection((HOST, proxy.port), timeout=5)


def echoed(line: socket.socket) -> bytes:
    """Send something and return what comes back; nothing where the connection ended."""
    try:
        line.sendall(b"question")
        return line.recv(100)
    except ConnectionError:
        return b""


def test_it_passes_both_ways_with_a_delay(proxy: TcpProxy) -> None:
    """Each direction comes so much later."""
    with connect(proxy) as line:
        assert echoed(line) == b"question"
        proxy.set(Condition(delay=0.1))
        began = monotonic()
        assert echoed(line) == b"question"
        assert monotonic() - began >= 0.2


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_is_over(proxy: TcpProxy) -> None:
    """Clients see it at once."""
    with connect(proxy) as line:
        assert echoed(line) == b"question"
        proxy.set(CUT)
        assert echoed(line) == b""
    with connect(proxy) as line:
        assert echoed(line) == b""
    proxy.set(OPEN)
    with connect(proxy) as line:
        assert echoed(line) == b"question"


def test_half_open_connections_are_silent_and_then_gone(proxy: TcpProxy) -> None:
    """Nothing comes and nothing ends while it lasts; afterwards the connection is unknown."""
    with connect(proxy) as line:
        assert echoed(line) == b"question"
        proxy.set(HALF_OPEN)
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            echoed(line)
        line.settimeout(5)
        proxy.set(OPEN)
        assert echoed(line) == b""
