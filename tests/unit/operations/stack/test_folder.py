"""The folder of a stack: its lock, its secrets and its ports."""

import socket
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.producers.model import Producers, load_producers
from events.producers.secrets import Scheme, load_secrets, token_digest
from operations.programs.addresses import HOST
from operations.stack.folder import (
    ALERTING,
    GATEWAY_SECRETS,
    KAFKA,
    LOGS,
    SECRETS,
    Ports,
    held_folder,
    keep_secrets,
    secret_file,
)
from tests.support.rights import mode

PRODUCERS = load_producers()


def test_two_stacks_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        held_folder(tmp_path),
        pytest.raises(SmartRegionError, match=r"another stack runs in .*--folder"),
        held_folder(tmp_path),
    ):
        pass

    with held_folder(tmp_path) as folder:
        assert (folder / LOGS).is_dir()


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(SmartRegionError, match=r"cannot keep anything in .*Not a directory"),
        held_folder(tmp_path / "file" / "stack"),
    ):
        pass


def test_what_it_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir(0o755)

    with held_folder(tmp_path) as folder:
        parts = (LOGS, KAFKA, SECRETS, ALERTING)
        assert [mode(folder / part) for part in parts] == [0o700] * 4
        keep_secrets(folder / SECRETS, PRODUCERS)
        assert {mode(file) for file in (folder / SECRETS).iterdir()} == {0o600}
        Ports.kept_in(folder / "ports.json")
        assert mode(folder / "ports.json") == 0o600


def test_the_gateway_knows_every_declared_producer_by_what_it_was_given(tmp_path: Path) -> None:
    keep_secrets(tmp_path, PRODUCERS)

    secrets = load_secrets(tmp_path / GATEWAY_SECRETS, PRODUCERS)
    assert list(secrets.root) == [producer.id for producer in PRODUCERS]
    token = secret_file(tmp_path, "lycees", Scheme.BEARER).read_text().strip()
    known = [one.get_secret_value() for one in secrets.root["lycees"].bearer_sha256]
    assert known == [token_digest(token)]
    signing = secret_file(tmp_path, "lycees", Scheme.SIGNATURE).read_text().strip()
    assert [one.reveal() for one in secrets.root["lycees"].signing] == [signing]


def test_secrets_hold_at_the_next_start_for_those_that_are_still_declared(tmp_path: Path) -> None:
    """The gateway would refuse a file with an undeclared producer."""
    keep_secrets(tmp_path, PRODUCERS)
    before = {file: file.read_text() for file in tmp_path.iterdir()}
    keep_secrets(tmp_path, PRODUCERS)
    assert {file: file.read_text() for file in tmp_path.iterdir()} == before

    fewer = Producers(producers=PRODUCERS.producers[:2])
    keep_secrets(tmp_path, fewer)

    known = load_secrets(tmp_path / GATEWAY_SECRETS, fewer)
    assert list(known.root) == [producer.id for producer in fewer]


def test_every_process_has_a_port_of_its_own() -> None:
    ports = [port for _, port in Ports()]

    assert len({*ports}) == len(ports) == 12


def test_the_next_start_has_the_same_ports_but_for_those_that_are_taken(tmp_path: Path) -> None:
    """Also those that are chosen at random: an import's journal remembers the address."""
    file = tmp_path / "ports.json"
    before = Ports.kept_in(file)
    with socket.socket() as taken:
        taken.bind((HOST, before.controller))
        taken.listen()
        after = Ports.kept_in(file)

    assert after.controller != before.controller
    assert after.model_copy(update={"controller": before.controller}) == before
    assert Ports.kept_in(file) == after


@pytest.mark.parametrize("text", ["", "[]", '{"kafka": "x"}'])
def test_a_broken_file_of_ports_is_written_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)

    assert Ports.kept_in(file) == Ports.kept_in(file)
