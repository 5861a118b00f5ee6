"""Addresses on this machine for programs that are started beside this one."""

from __future__ import annotations

import random
import socket
from collections import deque
from typing import Final

HOST: Final = "127.0.0.1"

PORTS: Final = range(15_000, 32_000)
"""Below those that Linux takes for outgoing connections: the port of a program that has ended must
still be free when it is started again."""

#: What this process was given last: a program may not listen there yet.
_given: Final[deque[int]] = deque(maxlen=1_000)


def free_port(*, usual: int | None = None) -> int:
    """Return a port on which nothing listens: the usual one if it is free.

    Otherwise each call returns another one, although nothing listens on the last one yet.
    """
    if usual is not None and is_free(usual):
        return usual
    # Not the seeded generator: two runs on one machine should try different ports.
    chance = random.SystemRandom()
    while (port := chance.choice(PORTS)) in _given or not is_free(port):
        pass
    _given.append(port)
    return port


def free_address() -> str:
    """Return the address, HOST:PORT, of a free port."""
    return address_of(free_port())


def address_of(port: int) -> str:
    """Return a port's address as HOST:PORT."""
    return f"{HOST}:{port}"


def is_free(port: int) -> bool:
    """Return whether a program could listen on a port now."""
    with socket.socket() as probe:
        # As servers do: connections in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
