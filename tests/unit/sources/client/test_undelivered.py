"""Events that are published together, and what did not arrive."""

from __future__ import annotations

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.fact import Family
from sources.client import DeliveryReport, FailedDelivery, publish_all
from tests.support.histories import event, uai
from tests.support.watched_publisher import RecordingPublisher

LYCEES = [event("school.closed", uai(f"075000{n}"), "2019-03-11") for n in (1, 2, 3)]
DATASETS = [event("dataset.withdrawn", f"d-{n}", "2019-03-11") for n in (1, 2)]


class HalfPublisher(RecordingPublisher):
    """Has no topic for datasets; the first event of another family is refused, the second lost."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        self.asked.append(event)
        if event.fact.FAMILY is Family.DATASETS:
            raise SmartRegionError("no topic")

    def flush(self) -> DeliveryReport:
        fates = zip(LYCEES, (True, False), strict=False)
        return DeliveryReport(1, tuple(FailedDelivery(one, "x", refused=r) for one, r in fates))


def test_what_is_lost_is_apart_from_what_is_refused() -> None:
    publisher = HalfPublisher()

    lost, refused = publish_all(publisher, [*DATASETS, *LYCEES])

    identities = [(one.source, one.id) for one in (*DATASETS, *LYCEES)]
    assert [*lost] == [*identities[:2], identities[3]]
    assert {one.cause for one in lost.values()} == {"no topic", "x"}
    assert [*refused] == [identities[2]]
    assert publisher.asked == [DATASETS[0], *LYCEES]
