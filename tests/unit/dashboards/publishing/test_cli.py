"""The commands `smart-region boards plan` and `apply`."""

from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smart_region import main
from tests.support.boards import BOARDS
from tests.support.grafana_stub import TOKEN, GrafanaStub


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a token in the environment."""
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", TOKEN)


@pytest.fixture(autouse=True)
def soon(stub: GrafanaStub) -> None:
    """Let rights come at once: the command waits by a real clock."""
    stub.rights_seconds = 0


def run(command: str, *arguments: str) -> Result:
    """Run a command of `smart-region boards`; the token is not in its output."""
    result = CliRunner().invoke(main, ["boards", command, *arguments])
    assert TOKEN not in result.output
    return result


def test_plan_shows_all_boards_and_writes_nothing(stub: GrafanaStub) -> None:
    result = run("plan", "--grafana", stub.url)
    assert result.exit_code == 0, result.output
    assert f"{len(BOARDS)} boards: {len(BOARDS)} new" in result.output
    assert stub.writes == []


def test_apply_publishes_the_catalogue_s_boards_once(stub: GrafanaStub) -> None:
    first, second = (run("apply", "--grafana", stub.url) for _ in range(2))
    assert first.output.endswith(f"{len(BOARDS)} boards: {len(BOARDS)} new\ndone\n")
    assert second.output.endswith("as they should be\nnothing to do\n")
    assert set(stub.boards) == set(BOARDS)


def test_apply_says_what_it_waits_for(stub: GrafanaStub) -> None:
    """An editor's rights on the new folder come some time after it was made."""
    # Each look at the clock is a second later: the first question is too early on any machine.
    stub.clock, stub.rights_seconds = count().__next__, 2
    result = run("apply", "--grafana", stub.url)
    assert result.exit_code == 0, result.output
    assert result.stderr == (
        "waiting for Grafana to let this account into its folder, 90 s at most\n"
    )
    assert set(stub.boards) == set(BOARDS)


def test_a_board_changed_by_hand_ends_in_one_line(stub: GrafanaStub) -> None:
    """After the plan, which names the board and the change."""
    run("apply", "--grafana", stub.url)
    stub.boards["smart-region-pipeline"].model["refresh"] = "5s"
    result = run("apply", "--grafana", stub.url)
    assert result.exit_code == 2
    assert "--force overwrites it\n    ~ refresh\n" in result.stdout
    assert result.stderr.startswith("Error: boards: changed by hand, value ")
    assert result.stderr.count("\n") == 1


def test_prune_and_force_are_passed_on(stub: GrafanaStub) -> None:
    run("apply", "--grafana", stub.url)
    changed = stub.boards["smart-region-pipeline"]
    changed.model["refresh"] = "5s"
    changed.model["uid"] = "smart-region-gone"
    stub.boards["smart-region-gone"] = stub.boards.pop("smart-region-pipeline")
    assert run("apply", "--grafana", stub.url, "--prune", "--force").exit_code == 0
    assert set(stub.boards) == set(BOARDS)


def test_the_token_may_be_in_a_file(stub: GrafanaStub, tmp_path: Path) -> None:
    """The file goes before the environment."""
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("another")
    result = run("plan", "--grafana", stub.url, "--token-file", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "answered 401 (Invalid API key)" in result.stderr


def test_a_wrong_address_ends_in_one_line() -> None:
    result = run("plan", "--grafana", "localhost")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
