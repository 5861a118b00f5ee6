"""Where a stack's processes listen."""

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from operations.programs.addresses import HOST
from operations.stack.ports import Ports


def test_every_process_has_a_port_of_its_own() -> None:
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
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((HOST, 9090))
        except OSError:
            pass  # somebody else holds it: as good
        else:
            taken.listen()

        assert Ports().prometheus != 9090


def test_the_next_start_has_the_same_ports(tmp_path: Path) -> None:
    """Also those that are chosen at random: an import's journal remembers the address."""
    file = tmp_path / "ports.json"

    assert Ports.kept_in(file) == Ports.kept_in(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_port_that_was_taken_meanwhile_is_changed_alone(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = Ports.kept_in(file)
    with socket.socket() as taken:
        taken.bind((HOST, before.controller))
        taken.listen()
        after = Ports.kept_in(file)

    assert after.controller != before.controller
    assert replace(after, controller=before.controller) == before
    assert Ports.kept_in(file) == after


@pytest.mark.parametrize("text", ["", "[]", '{"kafka": "x"}'])
def test_a_broken_file_is_written_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)

    assert Ports.kept_in(file) == Ports.kept_in(file)
