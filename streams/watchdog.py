"""The watchdog: ends a worker that is alive but does nothing."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ConsumerNotStarted

from boundary.errors import SmartRegionError
from broker.preflight import preflight

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.membership import Membership
    from streams.settings import Settings

__all__ = [
    "DENIALS",
    "CoordinatorFailedError",
    "NotAllowedError",
    "NotReadyError",
    "StalledError",
    "Watchdog",
]

logger = logging.getLogger(__name__)

_MAX_COORDINATOR_ERRORS = 5
_INTERVAL_SECONDS = 1.0
#: How often a broker that does not know us is asked why.
_KNOCK_SECONDS = 5.0

#: What the client raises where this user may not do something: no attempt will end otherwise.
DENIALS = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)


class NotAllowedError(SmartRegionError):
    """The broker does not allow this user what a worker does."""

    def __init__(self, denial: BaseException) -> None:
        super().__init__(
            f"broker: does not allow this user a worker's work, value {denial!r}: give it the "
            "rights with `smart-region topics acl --role worker --principal USER`, then restart"
        )


class CoordinatorFailedError(SmartRegionError):
    """The group coordinator failed again and again."""

    def __init__(self, errors: int, *, last: BaseException) -> None:
        remedy = (
            "another program is a member of this worker's group: give it a group of its own"
            if isinstance(last, InconsistentGroupProtocolError)
            else "check that the broker is up and that this user may read the group and the topics"
        )
        super().__init__(
            f"coordinator: {errors} errors in a row, the last: {last!r}: {remedy}, then restart"
        )


class NotReadyError(SmartRegionError):
    """The worker did not become ready in time."""

    def __init__(self, seconds: float, *, waiting_for: str) -> None:
        super().__init__(
            f"ready_timeout: not ready after {seconds:.0f} s, still waiting for {waiting_for}: "
            "check the broker; raise SMART_REGION_READY_TIMEOUT if the state is simply large"
        )


class StalledError(SmartRegionError):
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
        self._security = settings.security().pinned()
        self._knocked_at = clock()

    async def watch(self) -> None:
        """Watch until something is wrong for good; raises a SmartRegionError then."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once; raises a SmartRegionError where something is wrong for good."""
        await self._check_coordinator()
        await self._check_entry()
        self._check_progress()

    async def _check_coordinator(self) -> None:
        consumer = self._membership.consumer
        try:
            await asyncio.wait_for(consumer.check_errors(), timeout=self._settings.request_timeout)
        except ConsumerNotStarted:
            return
        except DENIALS as error:
            raise NotAllowedError(error) from error
        except Exception as error:
            self._errors += 1
            self._membership.engine.meters.coordinator_errors += 1
            logger.warning("coordinator error count=%d error=%r", self._errors, error)
            if self._errors >= _MAX_COORDINATOR_ERRORS:
                raise CoordinatorFailedError(self._errors, last=error) from error
        else:
            self._errors = 0

    async def _check_entry(self) -> None:
        """Raise BrokerEntryError where the broker is silent since it does not let us in any more.

        The client would try again for ever, with the password that it was given.
        """
        now = self._clock()
        silent_for = self._membership.consumer.unheard_for()
        if min(silent_for, now - self._knocked_at) < _KNOCK_SECONDS:
            return
        self._knocked_at = now
        await preflight(self._settings.broker.split(","), self._security)

    def _check_progress(self) -> None:
        now, membership = self._clock(), self._membership
        waiting_for = membership.waiting_for()
        if waiting_for is not None:
            if membership.faults():
                # No restart mends it: an operator has to be told, and finds it running. What
                # changed for good ends the worker by the watch over its topics.
                return
            waited = now - membership.unready_since
            if waited > self._settings.ready_timeout or self._recovery_stands_still(now):
                raise NotReadyError(waited, waiting_for=waiting_for)
            return
        lag = membership.workable()
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
