"""The gateway to practise at, as `make practice` starts it."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

from operations.programs.kafka import missing_requirement
from tests.support.guide import blocks_of
from tests.support.requirements import give_up

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


def test_a_reader_without_a_gateway_gets_one() -> None:
    """One of docs/sources.md; docs/producers.md has the same for lycées."""
    example = "entry-2019-008812"
    if reason := missing_requirement():
        give_up(reason)
    event = next(
        one.text for one in blocks_of(ROOT / "docs" / "sources.md") if f'"{example}"' in one.text
    )
    with subprocess.Popen(
        [sys.executable, "-m", "tests.practice", "formation"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as practice:
        try:
            exports = _exported(practice)
            receipts = _send(exports, event)
        finally:
            practice.send_signal(signal.SIGINT)

    assert [receipt["id"] for receipt in receipts] == [example]
    assert practice.returncode == 0
    assert not _answers(exports["BROKER"])
    assert not _answers(exports["GATEWAY"].removeprefix("http://"))


def _exported(practice: "subprocess.Popen[str]") -> dict[str, str]:
    assert practice.stdout is not None
    exports = {}
    for line in practice.stdout:
        if exported := re.fullmatch(r"export ([A-Z]+)=(\S+)\n", line):
            exports[exported[1]] = exported[2]
        if "BROKER" in exports:
            break
    return exports


def _send(exports: dict[str, str], event: str) -> list[dict[str, object]]:
    answer = requests.post(
        f"{exports['GATEWAY']}/events",
        data=event.encode(),
        headers={
            "Authorization": f"Bearer {exports['TOKEN']}",
            "Content-Type": "application/cloudevents+json",
        },
        timeout=SECONDS,
    )
    receipts: list[dict[str, object]] = answer.json()["receipts"]
    return receipts


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as line:
        return line.connect_ex((host, int(port))) == 0
