"""The command `smart-region relay postgres`, without a database."""

from __future__ import annotations

import signal

import pytest
from click.testing import CliRunner

from smart_region import main

pytest.importorskip("psycopg")


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--once",), 143)])
def test_a_signal_ends_it_and_cuts_one_round_short(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], status: int
) -> None:
    def connect(_: str) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("sources.relay.outbox.Outbox", connect)

    result = CliRunner().invoke(main, ["relay", "postgres", *options])

    assert result.exit_code == status
    assert result.stdout == "0 sent, 0 refused\n"
