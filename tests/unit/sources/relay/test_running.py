"""What somebody is told who waits."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread, Timer
from threading import enumerate as enumerate_threads

from sources.client import DeliveryReport
from sources.relay.running import telling
from tests.support.histories import event, uai
from tests.support.waiting import wait_until
from tests.unit.sources.relay.test_relay import FakePublisher

SECONDS = 30.0
EVENT = event("school.connected", uai("0750001"), "2018-03-01")


class SlowPublisher(FakePublisher):
    """A publisher that answers once somebody was told."""

    def __init__(self, told: Event) -> None:
        super().__init__({})
        self.told = told

    def flush(self) -> DeliveryReport:
        """Deliver, late."""
        assert self.told.wait(SECONDS)
        return super().flush()


def said_of(told: Event) -> tuple[list[str], Callable[[str], None]]:
    """Return the lines that are said, and what says them."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        told.set()

    return lines, say


def test_what_is_waited_for_is_said_once() -> None:
    """Whoever watches knows it by then."""
    told = Event()
    lines, say = said_of(told)
    publisher = SlowPublisher(told)
    with telling("the gateway", lambda: publisher, say=say, seconds=0.01) as slow:
        for _ in range(2):
            slow.publish(EVENT)
            slow.flush()
    assert lines == ["waiting for the gateway"]
    assert len(publisher.arrived) == 2


def test_a_publisher_that_opens_slowly_is_waited_for_too() -> None:
    """A broker that is away is noticed then."""
    told = Event()
    lines, say = said_of(told)

    def opened() -> FakePublisher:
        assert told.wait(SECONDS)
        return FakePublisher({})

    with telling("the broker", opened, say=say, seconds=0.01):
        pass
    assert lines == ["waiting for the broker"]


def test_nothing_is_said_of_what_comes_at_once() -> None:
    """And nothing is left to say it later."""
    lines, say = said_of(Event())
    with telling("the gateway", lambda: FakePublisher({}), say=say, seconds=3600) as quick:
        quick.publish(EVENT)
        quick.flush()
        assert wait_until(lambda: not timers(), seconds=SECONDS)
    assert lines == []


def timers() -> list[Thread]:
    """Return what would still say something."""
    return [thread for thread in enumerate_threads() if isinstance(thread, Timer)]
