"""The rules for accepting a record's event, the same for every reader at any time.

A worker, an audit, an export and a report on producers return the same figures only if they accept
the same events. So a rule depends only on an event, its record, and the settings and declarations
that all programs share; never on earlier records.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

from pydantic import Field

from events.cloudevent import CloudEvent, decode
from events.dead_letters import HEADER_PREFIX
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.milestone import check_milestone
from events.producers.ownership import UNOWNED, Ownership
from events.records import Record

NO_TIMESTAMP: Final = -1
"""Kafka's value for a record without a timestamp."""
END_OF_TIME: Final = 2**63 - 1
"""Later than the time of any event, in microseconds since 1970."""
RECORDED_AT: Final = f"{HEADER_PREFIX}recorded-at"
"""The header with which an erasure keeps the timestamp of a record that it copies, in ms."""
TIME_TOLERANCE: Final = timedelta(hours=1)
"""By default, a producer's clock may be this far ahead of the broker's."""
LONGEST_TOLERANCE: Final = timedelta(days=date.max.toordinal())
"""No time is further ahead."""
ToleranceSeconds = Annotated[float, Field(ge=0, le=LONGEST_TOLERANCE.total_seconds())]
"""A tolerance as a setting."""

_MILLISECONDS: Final = re.compile(rb"[0-9]{1,15}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 UTC of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def latest_time(timestamp: int, tolerance: timedelta) -> int:
    """Return the latest `time` for a record's timestamp, in microseconds since 1970.

    `timestamp` is Kafka's, in milliseconds.
    """
    if timestamp < 0:
        return END_OF_TIME
    return timestamp * 1000 + tolerance // _MICROSECOND


def known_before(known_on: date | None) -> int:
    """Return the time before which records are known at the end of a day (UTC); None for all.

    It is in microseconds since 1970, like `RecordRules.known_at`.
    """
    if known_on is None:
        return END_OF_TIME
    return microseconds(datetime.combine(known_on, time(), UTC) + _DAY)


def time_ahead(event: CloudEvent, timestamp: int) -> ContractError:
    """Return the error of an event whose time is too far ahead of its record's timestamp."""
    written = _EPOCH + timedelta(milliseconds=timestamp)
    return ContractError(
        RefusalReason.TIME_AHEAD,
        "time",
        event.time.isoformat(),
        f"send when the fact was recorded; the broker had it at {written:%Y-%m-%dT%H:%M:%SZ}",
        problem="is later than the broker's clock",
    )


def no_timestamp(timestamp: int) -> ContractError:
    """Return the error of a record without a timestamp, which would bound its event's time."""
    return ContractError(
        RefusalReason.NO_TIMESTAMP,
        "timestamp",
        timestamp,
        "give the topic message.timestamp.type=LogAppendTime with"
        " `smart-region topics apply --alter-settings`, and replay the dead letter",
    )


@dataclass(frozen=True, slots=True)
class RecordRules:
    """The rules of a monitor's settings and declarations."""

    tolerance: timedelta = TIME_TOLERANCE
    """The maximum of an event's time minus its record's timestamp."""
    ownership: Ownership = UNOWNED
    """The sources that own facts."""
    live_since: date | None = None
    """The day (UTC) since which the broker's timestamps show when records became known."""
    lateness: timedelta = timedelta()
    """How long a producer may keep an event before it sends it, from `live_since` on."""
    milestones: Mapping[str, Collection[str]] | None = None
    """The milestones of the catalogue, by indicator; None if an explanation may name any."""

    def decode(self, record: Record, *, family: Family | None = None) -> CloudEvent:
        """Return the event of a record in a family's topic. Raises only ContractError."""
        event = decode(record.headers, record.value, family=family)
        self.judge(event, record.timestamp)
        return event

    def judge(self, event: CloudEvent, timestamp: int) -> None:
        """Check an event against its record's timestamp (Kafka's, in ms). Raises ContractError."""
        # The greater `time` wins: an event from the year 2999 would override every correction. The
        # broker's timestamp of a record is the same for every reader at any time.
        if timestamp < 0:
            raise no_timestamp(timestamp)
        if microseconds(event.time) > latest_time(timestamp, self.tolerance):
            raise time_ahead(event, timestamp)
        self.judge_content(event)

    def judge_content(self, event: CloudEvent) -> None:
        """Check an event against the declarations, whatever its time. Raises ContractError."""
        self.ownership.judge(event)
        if self.milestones is not None:
            check_milestone(event.fact, self.milestones)

    def known_at(self, event: CloudEvent, record: Record) -> int:
        """Return when a record became known, in microseconds since 1970.

        It is the event's `time`, as imported history states it. From `live_since` on, it is at the
        earliest `lateness` before the broker's timestamp: an event sent now changes no day that
        ended longer ago.
        """
        claimed = microseconds(event.time)
        if self.live_since is None:
            return claimed
        written = _written(event, record) * 1000
        if written < microseconds(datetime.combine(self.live_since, time(), UTC)):
            return claimed
        return max(claimed, written - self.lateness // _MICROSECOND)

    def final_on(self, day: date) -> date | None:
        """Return the first day from which the records known at the end of a day no longer change.

        None if they may always change: without `live_since`, nothing bounds when events are known.
        """
        if self.live_since is None:
            return None
        # The first whole day after it: a day ends at midnight.
        return max(self.live_since, day + _DAY) + -(-self.lateness // _DAY) * _DAY


def _written(event: CloudEvent, record: Record) -> int:
    """Return when the broker first had a record, in milliseconds since 1970.

    Only persons are erased, so only their records may be copies.
    """
    if event.fact.FAMILY.about_persons:
        for name, value in record.headers or ():
            if name == RECORDED_AT and value is not None and _MILLISECONDS.fullmatch(value):
                return min(int(value), record.timestamp)
    return record.timestamp


RULES: Final = RecordRules()
"""The default rules: the default tolerance, and no ownership."""
