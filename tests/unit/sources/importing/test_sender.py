"""Events that arrive once, whatever happens on the way."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from broker.errors import TopicsMissingError
from events.cloudevent import CloudEvent
from events.school import SchoolClosed, SchoolConnected
from sources.client import DeliveryReport, FailedDelivery
from sources.importing.event_building import Finding, FoundEvent, SkippedLine
from sources.importing.journal import open_journal
from sources.importing.sender import OUTDATED, REPEATED, Sender, Tally
from tests.support.tables import RECORDED
from tests.support.watched_publisher import FailingPublisher, RecordingPublisher


def found(
    line: int, *, day: date = date(2020, 1, 1), mbps: int = 100, later: int = 0
) -> FoundEvent:
    """Return a finding: what a lycée's link is from a day on, recorded so many hours later."""
    fact = SchoolConnected(uai="0750419Y", connected_on=day, downlink_mbps=mbps)
    time = RECORDED + timedelta(hours=later)
    return FoundEvent(line, CloudEvent(f"{day}-{mbps}-{later}", "urn:test", time, fact))


def days(count: int) -> list[FoundEvent]:
    first = date(2020, 1, 1)
    return [found(line, day=first + timedelta(line)) for line in range(2, count + 2)]


class Run:
    """One run after the other on the same journal; `arrived` is what all of them sent."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal.sqlite3"
        self.arrived: list[CloudEvent] = []
        self.refused: list[Diagnostic] = []

    def __call__(
        self,
        findings: Iterable[Finding],
        *,
        publisher: RecordingPublisher | None = None,
        chunk: int = 3,
    ) -> Tally:
        publisher = publisher or RecordingPublisher()
        with open_journal(self._journal, "kafka") as journal:
            sender = Sender(publisher, journal, on_refused=self.refused.append, chunk=chunk)
            try:
                sender.send("file.csv", findings)
            finally:
                self.arrived += publisher.events
        return sender.tally


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_line_that_is_repeated_is_sent_once(run: Run) -> None:
    tally = run([found(2), found(3)])
    assert (tally.sent, tally.aside[REPEATED], len(run.arrived)) == (1, 1, 1)


def test_lines_that_contradict_each_other_are_refused_from_the_second_on(run: Run) -> None:
    tally = run([found(2), found(7, mbps=200)])
    assert (tally.sent, tally.refused) == (1, 1)
    assert str(run.refused[0]) == (
        "file.csv:7: contradicts line 2, about the same on the same day: keep one"
    )


def test_a_correction_at_the_same_time_is_refused(run: Run) -> None:
    """Which of them counts could only be guessed."""
    run([found(2)])
    assert run([found(2, mbps=200)]).refused == 1
    assert "give a later --recorded-at" in str(run.refused[0])


def test_what_is_older_than_what_was_sent_is_said_not_to_count(run: Run) -> None:
    """A correction whose file has an earlier time, as one out of an archive, changes no figure."""
    run([found(2, mbps=100, later=1)])
    tally = run([found(2, mbps=200), found(3, day=date(2020, 1, 2))])
    assert (tally.sent, tally.sent_which) == (2, {OUTDATED: 1})


def test_what_did_not_arrive_is_reported_by_its_line(run: Run) -> None:
    with pytest.raises(SmartRegionError, match=r"file\.csv:7: did not arrive, value 1 "):
        run(days(9), publisher=FailingPublisher(5))
    assert run(days(9)) == Tally(sent=4, known=5)
    assert len(run.arrived) == len({event.id for event in run.arrived}) == 9


def test_an_unreachable_gateway_is_reported(run: Run) -> None:
    class Roadless(RecordingPublisher):
        def publish(self, event: CloudEvent) -> None:
            raise TopicsMissingError("broker:9092", [event.type])

    with pytest.raises(SmartRegionError, match=r"file\.csv:2: .*smart-region topics apply"):
        run(days(2), publisher=Roadless())


def test_what_is_refused_at_the_gateway_is_reported_by_its_line(run: Run) -> None:
    class Choosy(RecordingPublisher):
        def flush(self) -> DeliveryReport:
            refused = [FailedDelivery(one, "not yours", refused=True) for one in self.events[1:2]]
            self.events.clear()
            return DeliveryReport(2, failed=tuple(refused))

    assert run(days(3), publisher=Choosy()).sent == 2
    assert [str(refusal) for refusal in run.refused] == [
        "file.csv:3: is refused where it was sent to: not yours"
    ]
    assert run(days(3)) == Tally(sent=1, known=2)


def test_every_line_is_counted_once(run: Run) -> None:
    wrong = Diagnostic((), "is wrong", "x", "correct it", field="a", file="file.csv", line=3)
    tally = run([found(2), wrong, replace(wrong, field="b"), SkippedLine(4, "not ours")])
    assert (tally.lines, tally.refused, tally.problems.total()) == (3, 1, 2)
    # A lycée may be connected and closed on one day.
    closed = SchoolClosed(uai="0750419Y", closed_on=date(2020, 1, 1))
    assert run([FoundEvent(3, CloudEvent("c", "urn:test", RECORDED, closed))]).sent == 1
