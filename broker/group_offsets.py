"""How far a consumer group has come: the offsets that it has committed."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from broker.clients import BrokerSecurity, opened
from broker.errors import BrokerRefusedError

__all__ = ["GroupOffsets", "reached"]


class GroupOffsets:
    """A consumer group on a broker; open it with `with`."""

    def __init__(self, name: str, bootstrap: str, *, security: BrokerSecurity) -> None:
        self._name = name
        self._admin: Any = opened(KafkaAdminClient, bootstrap, security=security)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admin.close()

    def has_reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Tell whether everything before these offsets, by (topic, partition), is committed.

        A worker of ours commits a record only once all that it led to is on the broker and in
        its figures. Raises BrokerRefusedError.
        """
        try:
            committed = self._admin.list_group_offsets(self._name)[self._name]
        except KafkaError as error:
            if error.retriable:
                return False
            action = "tell the offsets of a group"
            raise BrokerRefusedError(action, self._name, cause=str(error)) from error
        return reached(committed, ends)


def reached(committed: Mapping[TopicPartition, Any], ends: Mapping[tuple[str, int], int]) -> bool:
    """Tell whether the committed offsets come up to the ends."""
    done = {(place.topic, place.partition): offset.offset for place, offset in committed.items()}
    return all(done.get(place, 0) >= end for place, end in ends.items())
