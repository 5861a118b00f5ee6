"""Faust's tables, of which there are none, and what a rebalance needs of them."""

from __future__ import annotations

from typing import Any, Final

from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped

_NO_TOPIC: Final = frozenset({""})


class RebalanceEnd(Recovery):
    """Faust's recovery of tables, which without any seeks and resumes the streams.

    It begins again where a step takes too long.
    """

    mundane_level = "debug"

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ANN401, ASYNC109 - Faust's
        """Wait for a step.

        Faust takes a step that exceeds the timeout for the end of the worker, and resumes nothing
        any more. One lost answer of a broker is enough.
        """
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            self.log.warning("a step after a rebalance took %s s: it begins again", timeout)
            self.signal_recovery_start.set()
            raise RebalanceAgain from None


class NoTables(TableManager):
    """The app's tables: none."""

    mundane_level = "debug"

    @property
    def changelog_topics(self) -> set[str]:
        """Return a topic that nobody has.

        With any, Faust takes its own assignor: it is sticky, and gives a partition of all topics to
        one worker.
        """
        return set(_NO_TOPIC)

    @property
    def recovery(self) -> Recovery:
        """What resumes the streams after a rebalance."""
        if self._recovery is None:
            self._recovery = RebalanceEnd(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start without Faust's second for tables that are still declared."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
