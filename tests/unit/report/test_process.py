"""The page's process, before it asks for anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from report import process
from report.follower import Follower
from report.ledger import EventLedger
from report.settings import load_page_settings
from tests.support.audits import raw
from tests.support.rights import mode, usual_umask


@pytest.mark.parametrize("was_open", [False, True])
def test_the_ledger_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, was_open: bool
) -> None:
    """Whatever the umask: it has every event but those of trainings."""
    file = tmp_path / "ledger.duckdb"
    modes: dict[str, int] = {}

    def run(_: object, follower: Follower) -> Coroutine[Any, Any, int]:
        follower.ledger.append([raw("grant.committed", "grant-1", "2018-01-01")])
        modes.update({one.name: mode(one) for one in tmp_path.iterdir()})
        return asyncio.sleep(0, 0)

    monkeypatch.setattr(process, "configure_logging", lambda *_: None)
    monkeypatch.setattr(process, "_run", run)
    settings = load_page_settings(page_ledger=file)
    with usual_umask():
        if was_open:
            with EventLedger(file):
                assert mode(file) == 0o644
        assert process.run_page(settings) == 0

    assert modes == {file.name: 0o600, f"{file.name}.wal": 0o600}
    assert mode(file) == 0o600
