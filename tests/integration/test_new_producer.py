"""A producer from its declaration to its first accepted event, by the printed commands."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.gateways import Gateway
from tests.support.kafka import KafkaBroker
from tests.support.requirements import require_programs


def test_the_printed_commands_send_the_first_event(
    broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway with the files takes the event as it was written, in the shell of an operator."""
    require_programs("curl", remedy="see deploy/debian-packages.sh")
    monkeypatch.chdir(tmp_path)
    files = {"producers": "producers.yaml", "gateway_secrets": "secrets.yaml", "clock": "system"}
    options = ("--id", "navette", "--contact", "Pôle lycées", "--types", "school.*", "--yes")
    made = run(broker, "producers", "new", *options, **files)
    assert made.returncode == 0, made.stderr
    printed = [line.strip() for line in made.stderr.splitlines()]
    authorise, send = printed[-2:]

    settings = {"SMART_REGION_PRODUCERS": str(tmp_path / files["producers"])}
    secrets = tmp_path / files["gateway_secrets"]
    with Gateway(broker.bootstrap, tmp_path, secrets=secrets, settings=settings) as gateway:
        done = subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                f"{authorise}\n{send} --write-out '\\n%{{http_code}}'",
            ],
            env={"PATH": "/usr/bin:/bin", "TOKEN": made.stdout.strip(), "GATEWAY": gateway.url},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    answer, _, status = done.stdout.rpartition("\n")
    assert status == "202", answer
    (receipt,) = json.loads(answer)["receipts"]
    assert (receipt["id"], receipt["topic"]) == ("navette-first-event", "smartregion.schools")
