"""Where a stack's processes listen."""

import socket

from operations.programs.addresses import HOST
from operations.stack.ports import Ports


def test_every_process_has_a_port_of_its_own() -> None:
    """Whatever else runs on this machine."""
    chosen = Ports()

    ports = {
        chosen.kafka,
        chosen.controller,
        *chosen.workers,
        chosen.assessor,
        chosen.gateway,
        chosen.prometheus,
        chosen.alertmanager,
    }
    assert len(ports) == 8


def test_a_port_that_is_taken_is_left_alone() -> None:
    """Another stack, or a Prometheus of the machine's own, goes on."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((HOST, 9090))
        except OSError:
            pass  # somebody else holds it: as good
        else:
            taken.listen()

        assert Ports().prometheus != 9090
