"""The page's process, before it asks for anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from boundary.web import Readiness
from catalogue.loader import load_catalogue
from operations.programs.addresses import free_port
from report import process
from report.follower import Follower
from report.ledger import EventLedger
from report.settings import load_page_settings
from report.site import PageSite
from tests.support.rights import mode


def test_temporary_files_are_their_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB makes them in the work folder, where events outgrow memory."""
    file = tmp_path / "spilled"

    def run(*_: object) -> Coroutine[Any, Any, int]:
        file.touch()
        return asyncio.sleep(0, 0)

    monkeypatch.setattr(process, "configure_logging", lambda *_: None)
    monkeypatch.setattr(process, "_run", run)
    assert process.run_page(load_page_settings(work_folder=tmp_path)) == 0
    assert mode(file) == 0o600


class WaitingFollower(Follower):
    done = threading.Event()

    def follow_figures(self, stopping: threading.Event) -> None:
        self.done.wait(30)
        stopping.set()

    follow_events = follow_figures

    def readiness(self) -> Readiness:
        return Readiness("the histories of partitions 0; http://10.1.2.3:6066: refused", {"lag": 1})


def test_readers_are_not_told_whom_the_page_asks() -> None:
    """That the figures are not known is for everybody; addresses and causes are in the log."""
    settings, site = load_page_settings(page_port=free_port()), PageSite()

    async def asked(follower: WaitingFollower) -> tuple[int, object]:
        running = asyncio.create_task(process._run(settings, follower, site))
        try:
            async with asyncio.timeout(30), ClientSession() as session:
                while True:
                    try:
                        url = f"http://127.0.0.1:{settings.page_port}/readyz"
                        async with session.get(url) as answer:
                            return answer.status, await answer.json()
                    except OSError:
                        await asyncio.sleep(0.05)
        finally:
            follower.done.set()
            assert await running == 0

    with EventLedger() as ledger:
        found = asyncio.run(asked(WaitingFollower(settings, load_catalogue(), ledger)))
    assert found == (503, {"ready": False, "waiting_for": "the figures"})
