"""The end of a worker after a signal."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from streams import worker
from streams.batch_transport import ProduceFailedError
from tests.support.async_tests import played


class App:
    """Stops once `is_done`, and swallows its cancellation till then, as Faust does."""

    def __init__(self, *, is_done: bool, error: Exception | None = None) -> None:
        self.is_done = is_done
        self._error = error

    async def stop(self) -> None:
        while not self.is_done:
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(asyncio.Event().wait(), timeout=0.01)
        if self._error is not None:
            raise self._error


@pytest.mark.timeout(20)
@played
async def test_a_stop_that_does_not_get_on_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.05)
    app = App(is_done=False)

    with caplog.at_level(logging.WARNING):
        await worker._stop(app.stop())
    app.is_done = True

    assert [record.getMessage() for record in caplog.records] == [
        "stop cut short after 0 s; nothing is lost"
    ]


def test_a_stop_whose_last_commit_is_refused_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise the threads of Faust would keep the process."""
    app = App(is_done=True, error=GroupAuthorizationFailedError("smart-region-monitor"))

    with caplog.at_level(logging.WARNING):
        asyncio.run(worker._stop(app.stop()))

    (record,) = caplog.records
    assert "stop failed; nothing is lost cause=GroupAuthorizationFailedError" in record.getMessage()


def test_a_write_that_is_not_allowed_names_the_right(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(worker, "_exit", statuses.append)
    denial = TopicAuthorizationFailedError("smartregion.schools")
    failure = ProduceFailedError("smartregion.schools", 7, cause=denial)
    failure.__cause__ = denial

    worker._end_now(failure)

    assert statuses == [1]
    assert "topics acl --role worker" in caplog.text
