"""The assessor's judgements, its readiness and its lag."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from catalogue.loader import load_catalogue
from catalogue.terms import Term
from events.fact import Family
from streams.assessor.assessor import Assessor
from streams.state_store import StateStore
from tests.support.held_histories import HeldHistories
from tests.support.histories import event, uai
from tests.support.records import apply_events

CATALOGUE = load_catalogue()
PARIS = uai("0750001")


class ScriptedCollector(HeldHistories):
    def __init__(self) -> None:
        super().__init__(StateStore(CATALOGUE.terms))
        self.waits_for: str | None = "the histories of partitions 0"
        self.came = 0
        self.not_known: dict[Term, str] = {}
        self.left = 0
        self.late = 0

    def waiting_for(self) -> str | None:
        return self.waits_for

    def ages(self) -> dict[int, float]:
        return {3: 0.5}

    def unknown(self) -> dict[Term, str]:
        return self.not_known

    def report(self, name: str, day: str) -> None:
        apply_events(self.state_store, Family.SCHOOLS, [[event(name, PARIS, day)]])
        self.came += 1

    def poll(self) -> int:
        came, self.came = self.came, 0
        return came

    def lag(self) -> int:
        return self.left

    def overdue(self) -> int:
        return self.late


class MovableClock:
    def __init__(self) -> None:
        self.day = date(2018, 1, 1)
        self.seconds = 0.0

    def today(self) -> date:
        return self.day

    def now(self) -> datetime:
        return datetime.combine(self.day, time(), UTC)

    def timer(self) -> float:
        return self.seconds


class Stage:
    def __init__(self) -> None:
        self.collector = ScriptedCollector()
        self.clock = MovableClock()
        self.assessor = Assessor(CATALOGUE, self.clock, timer=self.clock.timer)

    def step(self, seconds: float = 0.0) -> None:
        self.clock.seconds += seconds
        self.assessor.step(self.collector)

    def connected(self) -> float | None:
        assessment = self.assessor.snapshot().assessment
        assert assessment is not None
        (judgement,) = (
            one
            for one in assessment.judgements
            if one.indicator.id == "schools_connected_ratio" and one.department is None
        )
        return None if judgement.value is None else float(judgement.value)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.collector.report("school.registered", "2016-01-01")
    stage.collector.waits_for = None
    stage.step()
    return stage


def test_judges_nothing_before_everything_is_read() -> None:
    stage = Stage()
    assert stage.assessor.readiness().waiting_for == "the workers"
    stage.collector.report("school.registered", "2016-01-01")
    stage.collector.left = 12
    stage.step()
    assert stage.assessor.snapshot().assessment is None
    assert stage.assessor.snapshot().lag == 12 + 1
    assert stage.assessor.readiness().waiting_for == "the histories of partitions 0"


def test_withholds_its_judgements_while_something_is_missing(stage: Stage) -> None:
    """One that misses an entity would look right; it is ready again once all is there."""
    stage.collector.waits_for = "states that can be read"
    stage.step(5)

    assert stage.assessor.snapshot().assessment is None
    assert stage.assessor.readiness().waiting_for == "states that can be read"

    stage.collector.waits_for = None
    stage.step(5)

    assert stage.connected() == 0
    assert stage.assessor.readiness().waiting_for is None


def test_judges_what_is_known_while_a_term_is_not(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    measure = CATALOGUE.indicator("schools_connected_ratio").measure
    stage.collector.not_known = {measure.numerator: "http://old:6066"}
    stage.step(5)

    assessment = stage.assessor.snapshot().assessment
    assert assessment is not None
    judged = {one.indicator.id for one in assessment.judgements}
    assert judged == {one.id for one in CATALOGUE.indicators} - {"schools_connected_ratio"}
    assert "indicators=schools_connected_ratio: the catalogue of http://old:6066" in caplog.text
    assert stage.assessor.snapshot().unjudged == 1

    stage.collector.not_known = {}
    stage.step(5)

    assert stage.connected() == 0
    assert stage.assessor.snapshot().unjudged == 0


def test_reports_overdue_records(stage: Stage) -> None:
    """It judges all the same: what is late may be about something else."""
    stage.collector.late = 12
    stage.collector.waits_for = None
    stage.step()
    assert stage.assessor.snapshot().overdue == 12
    assert stage.assessor.snapshot().assessment is not None


def test_what_was_read_and_not_judged_for_a_second_is_behind(stage: Stage) -> None:
    assert stage.assessor.snapshot().lag == 1
    stage.step()
    assert stage.assessor.snapshot().lag == 0
    stage.collector.report("school.connected", "2017-01-01")
    stage.collector.report("school.workspace_activated", "2017-01-01")
    stage.step(0.5)
    assert stage.connected() == 0
    assert stage.assessor.snapshot().lag == 2
    stage.step(0.5)
    assert stage.connected() == 1


def test_what_explains_is_found_with_the_judgements(stage: Stage) -> None:
    """A scrape that computes as long as they do is broken off on a busy machine."""
    stage.assessor = Assessor(CATALOGUE, stage.clock, timer=stage.clock.timer, explains=True)
    stage.step()

    assert "explained" in vars(stage.assessor.snapshot().assessment)


def test_rests_twice_as_long_as_a_judgement_takes() -> None:
    """A busy machine would do nothing else during a replay."""
    stage = Stage()
    stage.collector.report("school.registered", "2016-01-01")
    stage.collector.waits_for = None
    ticks = iter([0.0, 0.0, 3.0])
    stage.assessor = Assessor(
        CATALOGUE, stage.clock, timer=lambda: stage.clock.seconds + next(ticks, 3.0)
    )
    stage.step()
    stage.collector.report("school.connected", "2017-01-01")
    stage.step(seconds=1.0)
    assert stage.connected() == 0
