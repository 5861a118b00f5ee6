"""What the doctor finds that no other program of ours would have said."""

from __future__ import annotations

from collections.abc import Mapping

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError

__all__ = [
    "BrokersMissingError",
    "ClockSkewError",
    "NothingToLookAtError",
    "RecordsDeletedError",
    "TopicsAbsentError",
]

SHOWN = 3


class NothingToLookAtError(SmartRegionError):
    """What a check is about was not given; no reason to worry."""

    def __init__(self, *, told: str) -> None:
        super().__init__(told)


class BrokersMissingError(SmartRegionError):
    """There are fewer brokers than a record has copies."""

    def __init__(self, *, brokers: int, replication: int) -> None:
        self.brokers = brokers
        self.replication = replication
        super().__init__(
            f"brokers: {brokers} where SMART_REGION_REPLICATION asks for {replication}: start the"
            " others, or ask for less"
        )


class TopicsAbsentError(SmartRegionError):
    """Declared topics are not on the broker."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"{topic}: is not on the broker, or not for this user to see: create what is missing"
            " with `smart-region topics apply`"
        )


class RecordsDeletedError(SmartRegionError):
    """Events are no longer on their topics."""

    def __init__(self, starts: Mapping[str, int]) -> None:
        self.starts = dict(starts)
        shown = ", ".join(f"{place} at {start}" for place, start in list(starts.items())[:SHOWN])
        more = f" and {len(starts) - SHOWN} more" if len(starts) > SHOWN else ""
        super().__init__(
            f"topics: do not begin at 0 any more: {shown}{more}: what was before is deleted, and no"
            " audit or rebuild counts it; see docs/runbooks/RecordsDeleted.md"
        )


class ClockSkewError(SmartRegionError):
    """This machine's clock and another's do not agree."""

    def __init__(self, url: str, *, seconds: float, most: float) -> None:
        self.url = url
        self.seconds = seconds
        way = "ahead of" if seconds > 0 else "behind"
        super().__init__(
            f"{shown_address(url)}: this machine's clock is {abs(seconds):.0f} s {way} its clock,"
            f" more than {most:.0f}: let both follow a time server; the gateway refuses what seems"
            " to come from the future"
        )
