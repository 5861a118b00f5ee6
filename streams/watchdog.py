"""The watchdog: ends a worker that is alive but does nothing."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING

from faust.exceptions import ConsumerNotStarted

from streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.membership import Membership
    from streams.settings import Settings

__all__ = ["CoordinatorFailedError", "NotReadyError", "StalledError", "Watchdog"]

logger = logging.getLogger(__name__)

_MAX_COORDINATOR_ERRORS = 5
_INTERVAL_SECONDS = 1.0


class CoordinatorFailedError(StreamsError):
    """The group coordinator failed again and again."""

    def __init__(self, errors: int, *, last: BaseException) -> None:
        super().__init__(
            f"coordinator: {errors} errors in a row, the last: {last!r}: check that the broker "
            "is up and that this user may read the group and the topics, then restart"
        )


class NotReadyError(StreamsError):
    """The worker did not become ready in time."""

    def __init__(self, seconds: float, *, waiting_for: str) -> None:
        super().__init__(
            f"ready_timeout: not ready after {seconds:.0f} s, still waiting for {waiting_for}: "
            "check the broker; raise SMART_REGION_READY_TIMEOUT if the state is simply large"
        )


class StalledError(StreamsError):
    """Records are waiting and none was worked through for too long."""

    def __init__(self, seconds: float, *, lag: int) -> None:
        super().__init__(
            f"stall_timeout: no batch in {seconds:.0f} s with {lag} records waiting: "
            "restart the worker; if it happens again, look at the broker and report it"
        )


class Watchdog:
    """Looks, each second, at what Faust does not look at.

    aiokafka parks a coordinator error until somebody asks for it, and consumes nothing meanwhile:
    Faust never asks. A recovery that ends in silence, or a stream that stands still, is caught by
    its deadline.
    """

    def __init__(
        self,
        settings: Settings,
        membership: Membership,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._membership = membership
        self._clock = clock
        self._errors = 0
        self._caught_up_at = clock()
        self._to_recover = 0
        self._recovered_at = clock()

    async def watch(self) -> None:
        """Watch until something is wrong for good; raises a StreamsError then."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once; raises a StreamsError where something is wrong for good."""
        await self._check_coordinator()
        self._check_progress()

    async def _check_coordinator(self) -> None:
        consumer = self._membership.consumer
        try:
            await asyncio.wait_for(consumer.check_errors(), timeout=self._settings.request_timeout)
        except ConsumerNotStarted:
            return
        except Exception as error:
            self._errors += 1
            self._membership.engine.meters.coordinator_errors += 1
            logger.warning("coordinator error count=%d error=%r", self._errors, error)
            if self._errors >= _MAX_COORDINATOR_ERRORS:
                raise CoordinatorFailedError(self._errors, last=error) from error
        else:
            self._errors = 0

    def _check_progress(self) -> None:
        now, membership = self._clock(), self._membership
        waiting_for = membership.waiting_for()
        if waiting_for is not None:
            waited = now - membership.unready_since
            if waited > self._settings.ready_timeout or self._recovery_stands_still(now):
                raise NotReadyError(waited, waiting_for=waiting_for)
            return
        lag = sum(membership.lag().values())
        if not lag:
            # Records that come after a quiet time find a worker that had nothing to do.
            self._caught_up_at = now
        idle = now - max(
            self._caught_up_at, membership.engine.progressed_at, membership.ready_since
        )
        if idle > self._settings.stall_timeout:
            raise StalledError(idle, lag=lag)

    def _recovery_stands_still(self, now: float) -> bool:
        """Tell whether changelog records are waiting and none has come for too long.

        A broker that goes away in the middle of a rebalance can leave Faust waiting for ever.
        """
        to_recover = self._membership.to_recover()
        if not to_recover or to_recover != self._to_recover:
            self._to_recover, self._recovered_at = to_recover, now
        return now - self._recovered_at > self._settings.stall_timeout
