"""Errors in accessing a Kafka broker; each message names the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError

SHOWN_PARTITIONS = 3

#: The parts of a remedy: the command that alters a topic, and the variable that declares the value.
_ALTER_SETTINGS = (" (`smart-region topics apply --alter-settings`)", "")
#: No command alters these fields of a topic.
_REMEDIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "partitions": ("", " (SMART_REGION_PARTITIONS for events)"),
        "replication": ("", " (SMART_REGION_REPLICATION)"),
    }
)


class BrokerUnreachableError(SmartRegionError):
    """No broker answered at the given address within the time allowed.

    A broker may just close the connection when it refuses a password or a certificate: the remedy
    names the settings that `security_protocol` needs.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        waited_seconds: float,
        cause: str,
        security_protocol: str,
    ) -> None:
        to_check = ["the address", "SMART_REGION_SECURITY_PROTOCOL"]
        if security_protocol.startswith("SASL"):
            to_check.append("the user, the password and the mechanism (SMART_REGION_SASL_…)")
        if security_protocol.endswith("SSL"):
            to_check.append("the certificates (SMART_REGION_SSL_…)")
        super().__init__(
            f"broker: no Kafka broker answered over {security_protocol} within"
            f" {round(waited_seconds, 1):g} s, value {bootstrap!r} ({cause}):"
            f" check {', '.join(to_check)}, and that the broker is up"
        )


class LeaderMissingError(BrokerUnreachableError):
    """A broker answers, but a partition has no leader: its broker is down."""

    def __init__(self, bootstrap: str) -> None:
        SmartRegionError.__init__(
            self,
            f"broker: a partition has no leader, value {bootstrap!r}: start the broker that had it"
            " (`kafka-topics.sh --describe --unavailable-partitions` names the partitions), and run"
            " this again",
        )


class BrokerEntryError(SmartRegionError):
    """Authentication of our user or of the broker failed; retrying does not help."""

    def __init__(self, address: str, *, problem: str, remedy: str) -> None:
        super().__init__(f"broker: {problem}, value {address!r}: {remedy}")


class BrokerRefusedError(SmartRegionError):
    """The broker refused a request."""

    def __init__(self, action: str, subject: str, *, cause: str) -> None:
        super().__init__(
            f"broker: refused to {action}, value {subject!r} ({cause}):"
            " check the rights of this user and the broker's log"
        )


class SecuritySettingError(SmartRegionError):
    """A security setting of the broker is unusable; the message never repeats a secret."""

    def __init__(self, variable: str, value: str | None, *, remedy: str) -> None:
        super().__init__(f"{variable}: cannot be used, value {shown(value)}: {remedy}")


class TopicMissingError(SmartRegionError):
    """A topic to write to does not exist on the broker."""

    def __init__(self, topic: str, *, waited_seconds: float) -> None:
        super().__init__(
            f"topic: not found on the broker within {waited_seconds:g} s, value {topic!r}:"
            " create it with `smart-region topics apply`, and check that the broker is up"
        )


class TopicMismatchError(SmartRegionError):
    """A topic on the broker differs from its declaration."""

    def __init__(self, topic: str, field: str, *, expected: object, actual: object) -> None:
        self.topic = topic
        self.field = field
        self.actual = actual
        alter, declare = _REMEDIES.get(field, _ALTER_SETTINGS)
        super().__init__(
            f"{topic}.{field}: differs from the declaration, value {actual!r} instead of"
            f" {expected!r}: give the declared value to the topic{alter}, or declare the value it"
            f" has{declare}"
        )


class TopicsMissingError(SmartRegionError):
    """Event topics do not exist on the broker."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        super().__init__(
            f"topics: {', '.join(topics)} not found on {bootstrap}: create them with"
            " `smart-region topics apply`, or check the broker's address and this user's rights"
        )


class _TopicsBehindError(SmartRegionError):
    """Topics were not read to their end; `behind` has the records left on each partition."""

    MESSAGE: ClassVar[str]

    def __init__(
        self, bootstrap: str, behind: Mapping[str, int | None], *, waited_seconds: float
    ) -> None:
        super().__init__(
            self.MESSAGE.format(bootstrap=bootstrap, behind=_shown(behind), waited=waited_seconds)
        )


class TopicsStalledError(_TopicsBehindError):
    """The broker returned no more records before the end of the topics."""

    MESSAGE = (
        "topics: no record came from {bootstrap} within {waited:g} s for {behind}:"
        " check that the broker is up and that these partitions have a leader"
    )


class OpenTransactionError(_TopicsBehindError):
    """The end of the topics is behind a transaction that is still open."""

    MESSAGE = (
        "topics: a transaction on {bootstrap} is still open after {waited:g} s and holds back"
        " {behind}: try again once its producer or the broker has ended it (at most 15 minutes), or"
        " end it with Kafka's kafka-transactions.sh"
    )


class PositionsOutdatedError(SmartRegionError):
    """Partitions end before the offset up to which they were read."""

    def __init__(self, positions: Mapping[str, int]) -> None:
        self.positions = dict(positions)
        shown = [f"{one} ends before offset {offset}" for one, offset in positions.items()]
        others = len(shown) - SHOWN_PARTITIONS
        more = f" and {others} more" if others > 0 else ""
        super().__init__(
            f"positions: {', '.join(shown[:SHOWN_PARTITIONS])}{more}, up to which it was read: its"
            " topic was deleted and created again: delete what was read, and read from the"
            " beginning"
        )


class WorkersBehindError(SmartRegionError):
    """A consumer group has not committed all records of its topics in time."""

    def __init__(self, group: str, *, behind: int, waited_seconds: float, outcome: str) -> None:
        self.behind = behind
        super().__init__(
            f"{group}: {behind} records are not committed after {waited_seconds:.0f} s: start the"
            f" workers, or wait until their lag is 0, and run the command again; {outcome}"
        )


def _shown(behind: Mapping[str, int | None]) -> str:
    shown = ", ".join(
        f"{partition} ({'end unknown' if left is None else f'{left} records left'})"
        for partition, left in list(behind.items())[:SHOWN_PARTITIONS]
    )
    others = len(behind) - SHOWN_PARTITIONS
    return f"{shown} and {others} more" if others > 0 else shown
