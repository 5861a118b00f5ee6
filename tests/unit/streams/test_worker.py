"""The end of a worker after a signal."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest

from streams import worker


class App:
    """Stops once `is_done`, and swallows its cancellation till then, as Faust does."""

    def __init__(self, *, is_done: bool, error: Exception | None = None) -> None:
        self.is_done = is_done
        self._error = error

    async def stop(self) -> None:
        """Wait for batches."""
        while not self.is_done:
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(asyncio.Event().wait(), timeout=0.01)
        if self._error is not None:
            raise self._error


@pytest.mark.timeout(20)
def test_a_stop_that_does_not_get_on_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker ends after a time, whatever Faust waits for."""
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.05)

    async def scene() -> None:
        app = App(is_done=False)
        await worker._stop(app.stop())
        app.is_done = True

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())

    assert [record.getMessage() for record in caplog.records] == [
        "stop cut short after 0 s; nothing is lost"
    ]


def test_an_orderly_stop_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is waited for."""
    app = App(is_done=True)

    with caplog.at_level(logging.WARNING):
        asyncio.run(worker._stop(app.stop()))

    assert caplog.records == []


def test_a_stop_that_fails_is_raised() -> None:
    """As an error of the worker."""
    app = App(is_done=True, error=ConnectionError("the coordinator is away"))

    with pytest.raises(ConnectionError, match="the coordinator is away"):
        asyncio.run(worker._stop(app.stop()))
