"""The commands about producers."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from events.producers.cli import producers
from events.producers.model import load_producers
from events.producers.secrets import load_secrets, token_digest, token_owner
from tests.support.private_files import private_file

DECLARED = len(load_producers().producers)

WRONG = """\
producers:
  - id: lycees
    title: Lycées
    contact: somebody
    sources: ["/lycees"]
    types: [scool.*]
    quota: { events_per_second: 1, burst: 1 }
    expected_every: weekly
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMART_REGION_PRODUCERS", "SMART_REGION_GATEWAY_SECRETS"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(producers, arguments)


def test_a_mistake_is_reported_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "producers.yaml"
    file.write_text(WRONG, encoding="utf-8")
    result = run("check", "--producers", str(file))
    assert result.stdout == (
        f"{file}:6: producers[lycees].types[0]: is no event, value 'scool.*': write 'school.*'\n"
    )
    assert (result.stderr, result.exit_code) == ("1 to correct\n", 1)


def test_facts_without_an_owner_are_reported(tmp_path: Path) -> None:
    """It is no mistake: so it is in every declaration from before there were owners."""
    file = tmp_path / "producers.yaml"
    file.write_text(WRONG.replace("scool.*", "school.closed"), encoding="utf-8")
    result = run("check", "--producers", str(file))
    assert (result.stdout, result.exit_code) == ("1 producer: correct\n", 0)
    assert result.stderr == "no owner, so that the latest word counts: school.closed\n"


def test_the_secrets_are_checked_with_it(tmp_path: Path) -> None:
    text = f"lycee: {{bearer_sha256: [{token_digest('x')}]}}"
    file = private_file(tmp_path / "secrets.yaml", text)
    result = run("check", "--secrets", str(file))
    assert (result.exit_code, "lycee: is not a declared producer" in result.stdout) == (1, True)
    file.write_text(f"lycees: {{bearer_sha256: [{token_digest('x')}]}}")
    assert run("check", "--secrets", str(file)).stdout == (
        f"{DECLARED} producers, 1 with secrets: correct\n"
    )


def test_the_producers_are_listed() -> None:
    lines = run("list").stdout.splitlines()
    first = lines.index("equipement: Équipement numérique des lycées")
    assert lines[first : first + 7] == [
        "equipement: Équipement numérique des lycées",
        "  sources: urn:iledefrance:equipement",
        "  types: equipment.*",
        "  owns: equipment.*",
        "  quota: 500 events/s, 2000 at once",
        "  expected: monthly",
        "  contact: Pôle lycées",
    ]
    assert "  owns: indicator.observed (ARCEP-*)" in lines


@pytest.mark.parametrize("scheme", ["bearer", "signature"])
def test_an_issued_secret_opens_the_gateway(tmp_path: Path, scheme: str) -> None:
    result = run("issue", "lycees", "--scheme", scheme)
    secret, *lines = result.stdout.splitlines()
    file = private_file(tmp_path / "secrets.yaml", "\n".join(lines))
    lycees = load_secrets(file).of("lycees")
    assert lycees is not None
    if scheme == "bearer":
        assert token_owner(secret) == "lycees"
        assert lycees.has_token(secret)
    else:
        assert [one.reveal() for one in lycees.signing] == [secret]


def test_nothing_is_issued_to_who_is_not_declared() -> None:
    result = run("issue", "lycee", "--scheme", "bearer")
    assert result.exit_code == 2
    assert "'lycee' is not declared: write 'lycees'" in result.stderr
    assert result.stdout == ""
