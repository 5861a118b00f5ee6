"""The summary of a stack."""

import json
import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from events.cloudevent import decode_json
from events.producers.loader import load_producers
from events.producers.model import Producers
from events.producers.tokens import Scheme
from operations.stack.credentials import StackCredentials
from operations.stack.folder import Folder
from operations.stack.ports import Ports
from operations.stack.summary import address_lines, first_events

NOW = datetime(2026, 11, 25, 17, 0, 30, 5, tzinfo=UTC)
PORTS = Ports(
    kafka=1,
    controller=2,
    workers=(3, 4),
    assessor=5,
    gateway=6,
    prometheus=7,
    alertmanager=8,
    probes=9,
    page=10,
)
PRODUCERS = load_producers()


def test_every_address_has_a_line() -> None:
    """Of Prometheus and Alertmanager only what runs."""
    folder = Folder(Path("/stack"))

    both = list(address_lines(PORTS, folder, programs={"prometheus", "alertmanager"}))
    neither = list(address_lines(PORTS, folder, programs=()))

    assert both == [
        "page             http://127.0.0.1:10/",
        "gateway          http://127.0.0.1:6/events",
        "worker           http://127.0.0.1:3/metrics",
        "worker           http://127.0.0.1:4/metrics",
        "assessor         http://127.0.0.1:5/metrics",
        "Prometheus       http://127.0.0.1:7",
        "Alertmanager     http://127.0.0.1:8",
        "Kafka            127.0.0.1:1",
        "logs             /stack/logs",
        "secrets          /stack/secrets",
    ]
    assert [line for line in both if line not in neither] == both[5:7]


def test_the_first_events_keep_the_contract_and_show_no_secret(tmp_path: Path) -> None:
    """Their producer may send them, on their day; the token stays in its file."""
    credentials = StackCredentials.kept_in(tmp_path / "se crets", PRODUCERS)

    command = "\n".join(list(first_events(PORTS, PRODUCERS, credentials, NOW))[2:])

    words = shlex.split(command)
    events = [
        decode_json(json.dumps(one).encode())
        for one in json.loads(words[words.index("--data") + 1])
    ]
    assert [(one.fact.NAME, str(one.fact.effective_day)) for one in events] == [
        ("school.registered", "2026-11-25"),
        ("school.connected", "2026-11-25"),
    ]
    assert len({one.fact.entity_id for one in events}) == 1
    assert all(PRODUCERS.allowing("lycees", one.source, one.type) for one in events)
    assert "http://127.0.0.1:6/events" in words
    for file in credentials.folder.iterdir():
        assert file.read_text().strip() not in command


def test_their_token_is_no_argument(tmp_path: Path) -> None:
    """Everybody on the machine may list those; the command hands it over by a pipe."""
    credentials = StackCredentials.kept_in(tmp_path / "secrets", PRODUCERS)
    command = "\n".join(list(first_events(PORTS, PRODUCERS, credentials, NOW))[2:])
    curl = tmp_path / "curl"
    curl.touch(mode=0o755)
    curl.write_text('#!/bin/sh\necho "$@"\necho ---\ncat\n')

    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    arguments, _, piped = done.stdout.partition("---\n")
    token = credentials.file_of("lycees", Scheme.BEARER).read_text().strip()
    assert piped == f"Authorization: Bearer {token}\n"
    assert token not in arguments
    assert "--header @-" in arguments


def test_where_nobody_may_send_them_none_are_proposed(tmp_path: Path) -> None:
    """A declaration of one's own may be about anything."""
    only = Producers(producers=tuple(one for one in PRODUCERS if one.id == "open-data"))
    credentials = StackCredentials.kept_in(tmp_path, only)

    assert list(first_events(PORTS, only, credentials, NOW)) == []
