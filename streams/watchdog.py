"""The watchdog: ends a worker that makes no progress."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from math import inf
from time import monotonic

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ConsumerNotStarted

from boundary.errors import SmartRegionError
from broker.preflight import preflight
from broker.settings import addresses_of
from streams.membership import Membership
from streams.settings import Settings

logger = logging.getLogger(__name__)

_MAX_COORDINATOR_ERRORS = 5
_INTERVAL_SECONDS = 1.0
#: How often a worker that is not ready logs what it is waiting for.
_WAITING_SECONDS = 30.0
#: The minimum time without a heartbeat before a preflight, and between two preflights.
_PREFLIGHT_SECONDS = 5.0

#: The client's errors for missing rights, which no retry resolves.
DENIALS = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)


class NotAllowedError(SmartRegionError):
    """This user lacks the broker rights that a worker needs."""

    def __init__(self, denial: BaseException) -> None:
        super().__init__(
            f"broker: does not allow this user a worker's work, value {denial!r}: give it the "
            "rights with `smart-region topics acl --role worker --principal USER`, then restart"
        )


class Watchdog:
    """Checks each second what Faust does not check.

    aiokafka keeps a coordinator error until it is requested, and fetches nothing meanwhile; Faust
    never requests it. Timeouts detect a recovery or a stream without progress.
    """

    def __init__(
        self, settings: Settings, membership: Membership, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._settings = settings
        self._membership = membership
        self._clock = clock
        self._errors = 0
        self._caught_up_at = clock()
        self._to_recover = 0
        self._recovered_at = clock()
        #: When processed records were last read.
        self._moved_at = -inf
        self._faulty_at = -inf
        self._told_at = clock()
        self._security = settings.security().pinned()
        self._preflight_at = clock()

    async def run(self) -> None:
        """Check each second; raise a SmartRegionError if the worker must end."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Check once; raise a SmartRegionError if the worker must end."""
        await self._check_coordinator()
        await self._check_access()
        self._membership.look_at_lag()
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
                raise SmartRegionError(
                    f"coordinator: {self._errors} errors in a row, the last: {error!r}:"
                    f" {_remedy_of(error)}, then restart"
                ) from error
        else:
            self._errors = 0

    async def _check_access(self) -> None:
        """Raise BrokerEntryError if heartbeats fail because the broker refuses this client.

        The client itself would retry with the same password for ever.
        """
        now = self._clock()
        silent_for = self._membership.consumer.seconds_since_heartbeat()
        if min(silent_for, now - self._preflight_at) < _PREFLIGHT_SECONDS:
            return
        self._preflight_at = now
        await preflight(addresses_of(self._settings.broker), self._security)

    def _check_progress(self) -> None:
        now, membership = self._clock(), self._membership
        # A worker that a quota of the broker holds back is slow, not stalled: after a restart it
        # would have more to read.
        unthrottled = membership.consumer.seconds_since_throttle()
        waiting_for = membership.waiting_for()
        if waiting_for is not None:
            if membership.waits_for_repair():
                # A restart would not fix it, and the metrics of a running worker report it.
                # `TopicWatch` ends the worker if a topic has changed permanently.
                self._faulty_at = now
                return
            is_stalled = self._recovery_is_stalled(now)
            waited = now - max(membership.unready_since, self._faulty_at)
            # A log may be of any length, as long as reading it makes progress.
            left = now - max(membership.unready_since, self._faulty_at, self._moved_at)
            if min(left, unthrottled) > self._settings.ready_timeout or (
                is_stalled and unthrottled > self._settings.stall_timeout
            ):
                raise SmartRegionError(
                    f"ready_timeout: not ready after {waited:.0f} s, still waiting for"
                    f" {waiting_for}: check the broker; raise SMART_REGION_READY_TIMEOUT if the"
                    " state is simply large"
                )
            if min(waited, now - self._told_at) >= _WAITING_SECONDS:
                self._told_at = now
                logger.warning("not ready seconds=%.0f waiting_for=%s", waited, waiting_for)
            return
        lag = membership.processable()
        if not lag:
            # Time without records does not count as a stall.
            self._caught_up_at = now
        idle = now - max(
            self._caught_up_at, membership.engine.progressed_at, membership.ready_since
        )
        if lag and not unthrottled and now - self._told_at >= _WAITING_SECONDS:
            self._told_at = now
            logger.warning("held back by a quota of the broker waiting=%d", lag)
        if min(idle, unthrottled) > self._settings.stall_timeout:
            raise SmartRegionError(
                f"stall_timeout: no batch in {idle:.0f} s with {lag} records waiting: restart the"
                " worker; if it happens again, look at the broker and report it"
            )

    def _recovery_is_stalled(self, now: float) -> bool:
        """Return True if no processed record was read within the stall timeout.

        A broker that stops during a rebalance can make Faust wait for ever.
        """
        to_recover = self._membership.to_catch_up()
        if to_recover < self._to_recover:
            self._moved_at = now
        if not to_recover or to_recover != self._to_recover:
            self._to_recover, self._recovered_at = to_recover, now
        return now - self._recovered_at > self._settings.stall_timeout


def _remedy_of(error: BaseException) -> str:
    if isinstance(error, InconsistentGroupProtocolError):
        return "another program is a member of this worker's group: give it a group of its own"
    return "check that the broker is up and that this user may read the group and the topics"
