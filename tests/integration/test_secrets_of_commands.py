"""Commands that send a token, between a server that sends them away and a proxy that listens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from operations.programs.addresses import free_address
from tests.support.commands import captured, run_inside_with
from tests.support.loopback import RecordingServer, recording_server
from tests.support.private_files import private_file

TOKEN: Final = f"srt_lycees_{'x' * 43}"
PASSWORD: Final = "hunter2"  # noqa: S105 - not one
SECONDS: Final = 60.0
NOWHERE: Final = f"http://user:{PASSWORD}@127.0.0.1:1"


@pytest.fixture
def other() -> Iterator[RecordingServer]:
    with recording_server() as other:
        yield other


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return private_file(tmp_path / "token", TOKEN)


def run(*arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return captured(
        [sys.executable, "-m", "smart_region", *arguments],
        env={**inherited, "SMART_REGION_BROKER": free_address(), **environ},
        input=given,
        timeout=SECONDS,
    )


def call(*arguments: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    proxies = {name: None for name in os.environ if "proxy" in name.lower()}
    broker = {"SMART_REGION_BROKER": free_address()}
    return run_inside_with({**proxies, **broker, **environ}, *arguments, standard_input=given)


def test_the_metrics_token_follows_no_redirect(other: RecordingServer, token: Path) -> None:
    """A worker's address that was taken over sends the audit elsewhere."""
    with recording_server(status=302, headers={"Location": f"{other.url}/metrics"}) as worker:
        done = run("audit", "--against", worker.url, SMART_REGION_METRICS_TOKEN_FILE=str(token))

    assert worker.secrets == [f"Bearer {TOKEN}"]
    assert other.lines == []
    assert done.returncode == 3
    assert "HTTP status 302" in done.stderr


EVENT: Final = (
    '{"specversion": "1.0", "id": "1", "source": "urn:region-idf:lycees", "time":'
    ' "2019-01-01T00:00:00Z", "type": "fr.iledefrance.smartregion.school.connected.v1",'
    ' "data": {"uai": "0750419Y", "connected_on": "2018-12-31", "downlink_mbps": 1000}}\n'
)


#: Commands that send a token to an address.
SENDING: Final = {
    "audit": ("audit", "--against", "{url}"),
    "emit": ("emit", "--gateway", "{url}", "--secret", "{token}"),
    "boards": ("boards", "plan", "--grafana", "{url}", "--token-file", "{token}"),
    "doctor": ("doctor", "--grafana", "{url}", "--token-file", "{token}"),
}


def sending(command: str, url: str, token: Path) -> list[str]:
    return [one.format(url=url, token=token) for one in SENDING[command]]


@pytest.mark.parametrize("command", ["audit", "emit", "boards"])
def test_no_proxy_hears_a_token_for_this_machine(command: str, token: Path) -> None:
    with recording_server(status=404) as server, recording_server(status=502) as proxy:
        run(
            *sending(command, server.url, token),
            given=EVENT,
            SMART_REGION_METRICS_TOKEN_FILE=str(token),
            http_proxy=proxy.url,
            HTTP_PROXY=proxy.url,
            all_proxy=proxy.url,
        )

    assert proxy.lines == []
    assert set(server.secrets) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("command", SENDING)
def test_no_token_goes_to_another_machine_in_the_clear(command: str, token: Path) -> None:
    arguments = sending(command, "http://far.invalid", token)
    environ = {"SMART_REGION_METRICS_TOKEN_FILE": str(token)}
    refused = call(*arguments, given=EVENT, **environ)
    assert "would send a secret unencrypted" in refused.stdout + refused.stderr
    assert "--plain-http" in refused.stdout + refused.stderr

    if command != "emit":  # It would try again for a minute.
        allowed = call(*arguments, "--plain-http", **environ)
        assert "would send a secret" not in allowed.stdout + allowed.stderr


@pytest.mark.parametrize("rights", [0o644, 0o604, 0o666])
def test_a_grafana_token_that_all_may_read_is_refused(
    rights: int, other: RecordingServer, token: Path
) -> None:
    token.chmod(rights)

    done = call("boards", "plan", "--grafana", other.url, "--token-file", str(token))

    assert done.returncode == 2
    assert f"is open to everybody on this machine, value {rights:04o}" in done.stderr
    assert other.lines == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("health", NOWHERE),
        ("health", f"ftp://user:{PASSWORD}@h"),
        ("doctor", "--prometheus", NOWHERE, "--grafana", NOWHERE),
        ("doctor", "--prometheus", f"http://user:{PASSWORD} @h", "--grafana", f"x:{PASSWORD}@h"),
        ("audit", "--against", NOWHERE),
        ("audit", "--against", f"user:{PASSWORD}@127.0.0.1:1"),
        ("audit", "--against", f"dns+http://user:{PASSWORD}@127.0.0.1:port"),
        ("boards", "plan", "--grafana", f"http://user:{PASSWORD}@h:port/ x"),
        ("emit", "--gateway", f"ftp://user:{PASSWORD}@h", "--secret", "{token}"),
        ("emit", "--gateway", NOWHERE, "--secret", "{token}"),
        ("audit", "--bootstrap", f"user:{PASSWORD}@127.0.0.1:1"),
        ("emit", "--bootstrap", f"user:{PASSWORD}@127.0.0.1:1"),
    ],
    ids=" ".join,
)
def test_no_password_of_an_address_is_repeated(
    arguments: tuple[str, ...], token: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = call(*(one.replace("{token}", str(token)) for one in arguments), given=EVENT)

    assert done.returncode != 0
    assert PASSWORD not in done.stdout + done.stderr + caplog.text
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["worker", "assessor", "gateway", "emit", "audit", "topics apply"]
)
@pytest.mark.parametrize(
    "chosen",
    [
        {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "PLAIN"},
        {"SECURITY_PROTOCOL": "SASL_SSL", "SSL_CHECK_HOSTNAME": "false"},
    ],
    ids=["in the clear", "no host check"],
)
def test_no_program_discloses_a_password_unasked(command: str, chosen: dict[str, str]) -> None:
    credentials = {"SASL_USERNAME": "worker", "SASL_PASSWORD": PASSWORD}
    environ = {f"SMART_REGION_{name}": value for name, value in (chosen | credentials).items()}

    done = call(*command.split(), **environ)

    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert "SMART_REGION_INSECURE_BROKER" in line
    assert PASSWORD not in line
