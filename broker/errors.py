"""Errors in accessing a Kafka broker; each message names the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from boundary.errors import SmartRegionError

_SHOWN_PARTITIONS = 3

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
    """Topics do not exist on the broker."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        super().__init__(
            f"topics: {', '.join(topics)} not found on {bootstrap}: create them with"
            " `smart-region topics apply`, or check the broker's address and this user's rights"
        )


class TopicsStalledError(SmartRegionError):
    """Topics were not read to their end; `behind` has the records left on each partition.

    Either the broker returned no more records, or the rest is behind an open transaction.
    """

    def __init__(
        self,
        bootstrap: str,
        behind: Mapping[str, int | None],
        *,
        waited_seconds: float,
        in_transaction: bool = False,
    ) -> None:
        partitions = _shown(
            [
                f"{partition} ({'end unknown' if left is None else f'{left} records left'})"
                for partition, left in behind.items()
            ]
        )
        waited = f"{waited_seconds:g} s"
        if in_transaction:
            message = (
                f"topics: a transaction on {bootstrap} is still open after {waited} and holds back"
                f" {partitions}: try again once its producer or the broker has ended it (at most 15"
                " minutes), or end it with Kafka's kafka-transactions.sh"
            )
        else:
            message = (
                f"topics: {bootstrap} returned no record within {waited} for {partitions}: check"
                " that the broker is up and that these partitions have a leader"
            )
        super().__init__(message)


class PositionsOutdatedError(SmartRegionError):
    """Partitions end before the offset up to which they were read."""

    def __init__(self, positions: Mapping[str, int]) -> None:
        ends = [f"{one} ends before offset {offset}" for one, offset in positions.items()]
        super().__init__(
            f"positions: {_shown(ends)}, up to which it was read: its topic was deleted and created"
            " again: delete what was read, and read from the beginning"
        )


def _shown(partitions: Sequence[str]) -> str:
    others = len(partitions) - _SHOWN_PARTITIONS
    more = f" and {others} more" if others > 0 else ""
    return ", ".join(partitions[:_SHOWN_PARTITIONS]) + more
