"""Where programs beside this one may listen."""

import socket

from operations.programs.addresses import HOST, free_port, is_free


def test_the_usual_port_is_taken_unless_something_listens_there() -> None:
    usual = free_port()
    assert free_port(usual=usual) == usual

    with socket.create_server((HOST, usual)):
        assert is_free(free_port(usual=usual))
        assert not is_free(usual)


def test_connections_that_have_ended_are_no_hindrance() -> None:
    """A program that is started again at once gets its port back."""
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((HOST, port)):
            accepted, _ = server.accept()
            accepted.close()  # first: the connection's end is waited for on this side

    assert is_free(port)


def test_two_ports_are_never_the_same() -> None:
    """Though nothing listens on the first yet: one program may be given several."""
    ports = [free_port() for _ in range(600)]

    assert len({*ports}) == len(ports)
