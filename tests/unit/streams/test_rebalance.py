"""What of Faust's tables a rebalance needs."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from faust.tables.recovery import RebalanceAgain, ServiceStopped

from tests.support.group_member import build_app, consumer_of


def tables() -> Any:  # noqa: ANN401 - Faust's
    """Return the tables of an app that is not started. Needs a running loop."""
    app = build_app()
    consumer_of(app)
    return cast("Any", app.tables)


def test_a_step_without_an_answer_begins_again() -> None:
    """Faust would take it for the end of the worker, and never resume its streams."""

    async def unanswered() -> bool:
        recovery = tables().recovery
        with pytest.raises(RebalanceAgain):
            await recovery._wait(asyncio.Event().wait(), timeout=0.01)
        return bool(recovery.signal_recovery_start.is_set())

    assert asyncio.run(unanswered())


def test_the_end_of_the_worker_ends_the_step() -> None:
    """Not every stop is a timeout."""

    async def stopped() -> bool:
        recovery = tables().recovery
        recovery._stopped.set()
        with pytest.raises(ServiceStopped):
            await recovery._wait(asyncio.Event().wait(), timeout=5)
        return bool(recovery.signal_recovery_start.is_set())

    assert not asyncio.run(stopped())


def test_a_start_does_not_wait_for_tables_that_are_declared_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faust sleeps for a second there, during which a restarted worker shows nothing."""
    done: list[str] = []

    async def note(what: str) -> None:
        done.append(what)

    async def scene() -> None:
        none = tables()
        monkeypatch.setattr(none, "sleep", lambda _: note("slept"))
        monkeypatch.setattr(none, "_update_channels", lambda: note("registered"))
        monkeypatch.setattr(none.recovery, "start", lambda: note("recovery"))
        await none.on_start()

    asyncio.run(scene())
    assert done == ["registered", "recovery"]
