"""What `smart-region relay postgres --once` says of a PostgreSQL outbox, and how it ends."""

from __future__ import annotations

import json
from threading import Timer
from threading import enumerate as enumerate_threads
from typing import Self

import pytest
from click.testing import CliRunner, Result

from events.cloudevent import CloudEvent
from smart_region import main
from sources.client import DeliveryReport, FailedDelivery
from tests.support.histories import uai
from tests.support.postgres import Database
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

LYCEES = (uai("0750001"), uai("0750002"))


class AwayPublisher:
    """A publisher that takes the first event, and loses the others after a while."""

    def __init__(self) -> None:
        self._events: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        """Queue an event."""
        self._events.append(event)

    def flush(self) -> DeliveryReport:
        """Answer once the waiting caller was notified."""
        assert wait_until(lambda: not any(map(is_timer, enumerate_threads())), seconds=30)
        lost = [FailedDelivery(event, "gone") for event in self._events[1:]]
        return DeliveryReport(1, tuple(lost))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def is_timer(thread: object) -> bool:
    """Return whether a thread will do something later."""
    return isinstance(thread, Timer)


def relayed(database: str) -> Result:
    """Run the command in this process; its two outputs are in one, as on a terminal."""
    return CliRunner().invoke(main, ["relay", "postgres", "--once", "--database", database])


@pytest.fixture(autouse=True)
def broker_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the command a publisher that loses events."""
    monkeypatch.setattr("sources.relay.cli.open_publisher", lambda *_: AwayPublisher())


def test_what_is_away_is_named_and_the_count_is_last(database: Database) -> None:
    """Events that arrived before are in the count."""
    with database.connected() as connection:
        for lycee in LYCEES:
            connection.execute(
                "SELECT smart_region.emit('school.connected', %s, '2018-03-01', %s)",
                (lycee, json.dumps({"downlink_mbps": 1000})),
            )
    result = relayed(database.url())
    error, count = result.output.splitlines()
    assert error.startswith("Error: outbox: not every event arrived, value 1 missing (gone)")
    assert count == "1 sent, 0 refused"
    assert result.exit_code == 2


def test_an_error_of_the_database_comes_before_the_count(database: Database) -> None:
    """As every other."""
    result = relayed(database.user("a_stranger"))
    error, count = result.output.splitlines()
    assert error.startswith("Error: outbox: cannot be used (permission denied")
    assert count == "0 sent, 0 refused"
    assert result.exit_code == 2
