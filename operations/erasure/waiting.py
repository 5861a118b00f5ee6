"""Waiting until the workers have taken in what a topic holds."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from broker.administration import administering
from operations.erasure.errors import WorkersBehindError

if TYPE_CHECKING:
    from streams.settings import Settings

__all__ = ["wait_for_workers"]

PAUSE_SECONDS: Final = 0.3


def wait_for_workers(settings: Settings, topic: str, *, wait_seconds: float) -> None:
    """Return once the group has committed all that can be read of a topic by now.

    Raises WorkersBehindError, and as `administering`.
    """
    places = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
    give_up_at = monotonic() + wait_seconds
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        ends = {
            place: found.offset
            for place, found in admin.list_partition_offsets(
                dict.fromkeys(places, OffsetSpec.LATEST), isolation_level="read_committed"
            ).items()
        }
        while behind := _behind(admin, settings.app_id, ends):
            if monotonic() > give_up_at:
                raise WorkersBehindError(
                    settings.app_id, behind=behind, waited_seconds=wait_seconds
                )
            sleep(PAUSE_SECONDS)


def _behind(admin: Any, app_id: str, ends: dict[TopicPartition, int]) -> int:  # noqa: ANN401
    committed = {
        TopicPartition(place.topic, place.partition): offset.offset
        for place, offset in admin.list_group_offsets(app_id)[app_id].items()
    }
    return sum(max(end - max(committed.get(place, 0), 0), 0) for place, end in ends.items())
