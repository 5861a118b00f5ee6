"""Clients of a gateway that send a request again as soon as it was answered."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

_AT_ONCE = 65_536
_SECONDS = 0.2
"""Between two checks for the end."""


class BusyConnections:
    """Keeps connections busy in a context, with one thread for all of them.

    One that was closed is opened anew. `sent` returns each request, given the connection's number.
    """

    def __init__(
        self, port: int, sent: Callable[[int], bytes], *, sources: list[str], number: int
    ) -> None:
        """Take the gateway's port, what is sent, and from which addresses in turn."""
        self.answered = 0
        """Number of answers."""
        self._port = port
        self._sent = sent
        self._sources = sources
        self._number = number
        self._selector = selectors.DefaultSelector()
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
        for key in list(self._selector.get_map().values()):
            self._close(key)
        self._selector.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(_SECONDS):
                line, number = key.fileobj, key.data
                assert isinstance(line, socket.socket)
                try:
                    if line.recv(_AT_ONCE):
                        self.answered += 1
                        line.sendall(self._sent(number))
                        continue
                except OSError:
                    pass
                self._close(key)
                self._open(number)

    def _open(self, number: int) -> None:
        source = self._sources[number % len(self._sources)]
        while not self._over.is_set():
            with ExitStack() as opened, suppress(ConnectionError):
                line = opened.enter_context(
                    socket.create_connection(
                        ("127.0.0.1", self._port), timeout=20, source_address=(source, 0)
                    )
                )
                line.sendall(self._sent(number))
                self._selector.register(line, selectors.EVENT_READ, number)
                opened.pop_all()
                return
            self._over.wait(0.1)  # The address has as many as it may.

    def _close(self, key: selectors.SelectorKey) -> None:
        assert isinstance(key.fileobj, socket.socket)
        self._selector.unregister(key.fileobj)
        key.fileobj.close()
