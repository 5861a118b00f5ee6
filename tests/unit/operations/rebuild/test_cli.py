"""The command `smart-region rebuild`, with a procedure that a test holds."""

from __future__ import annotations

import signal

import pytest
from click.testing import CliRunner

from smart_region import main


def test_a_closed_terminal_sets_back_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the changelogs would keep a policy that no worker starts with."""
    set_back: list[str] = []

    def cut_short(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            set_back.append("cleanup.policy")

    monkeypatch.setattr("operations.rebuild.procedure.plan_rebuild", lambda *_: [])
    monkeypatch.setattr("operations.rebuild.procedure.rebuild", cut_short)

    result = CliRunner().invoke(main, ["rebuild", "--yes"])

    assert set_back == ["cleanup.policy"]
    assert result.exit_code == 129
    assert result.stderr.startswith("interrupted by SIGHUP: run it again")
