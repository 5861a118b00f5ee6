"""The outcome as programs read it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import cast

import pytest

from audit.exposed import Exposed, WorkerUnreadableError
from audit.ledger import RecordCounts
from boundary.errors import SmartRegionError
from catalogue.figure import figures_of
from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from events.errors import RefusalReason
from simulation.demo import run
from simulation.demo.run import AuditCount, DemoOutcome, Watch, summary
from simulation.demo.screen import ScreenFrame
from simulation.demo.system import DemoSystem
from tests.support.figure_histories import reported

LAST_DAY = date(2020, 12, 31)
ACCOUNT = RecordCounts(
    produced=78_063,
    accepted=77_353,
    refused=48,
    duplicates=662,
    misrouted=0,
    forwarded=0,
    refusals={RefusalReason.INVALID_JSON: 48},
)


def outcome() -> DemoOutcome:
    catalogue = load_catalogue()
    half = reported(Reading(1, 2, date(2020, 12, 1)))
    judged = judge_all(catalogue, {("schools_connected_ratio", "77"): half}, LAST_DAY)
    figures = tuple(figures_of(catalogue, judged, LAST_DAY))
    return DemoOutcome.of(LAST_DAY, ACCOUNT, figures, AuditCount(compared=312, different=0))


def test_the_document_has_exactly_these_fields() -> None:
    document = json.loads(outcome().model_dump_json())

    assert list(document) == [
        "as_of",
        "produced",
        "accepted",
        "refused",
        "duplicates",
        "figures",
        "audit",
    ]
    assert document["as_of"] == "2020-12-31"
    assert document["produced"] == 78_063
    assert document["audit"] == {"compared": 312, "different": 0}


def test_a_figure_has_its_territory_and_progress() -> None:
    figures = json.loads(outcome().model_dump_json())["figures"]

    assert {
        "programme": "lycees",
        "indicator": "schools_connected_ratio",
        "department": "77",
        "value": 0.5,
        "target": 1.0,
        "progress_rate": 50.0,
        "status": "at_risk",
    } in figures
    region = next(figure for figure in figures if figure["department"] is None)
    assert region["value"] is None


def test_the_summary_is_for_people() -> None:
    assert summary(outcome()) == (
        "évènements : 78\u202f063 · acceptés : 77\u202f353 · refusés : 48 · en double : 662",
        "chiffres recomptés : 312 · différents : 0",
    )


TODAY = date(2016, 5, 4)


@dataclass
class Watched:
    address: str | None = None
    sent: int = 12
    ended: bool = False

    @property
    def clock(self) -> "Watched":
        return self

    @property
    def replay(self) -> "Watched":
        return self

    @property
    def worker(self) -> "Watched":
        return self

    @property
    def assessor(self) -> "Watched":
        return self

    def now(self) -> datetime:
        return datetime(2016, 5, 4, 12, tzinfo=UTC)

    def today(self) -> date:
        return TODAY

    def check(self) -> None:
        if self.ended:
            raise SmartRegionError("worker: status 1 (enough)")


@dataclass
class Shown:
    frames: list[ScreenFrame] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Print nothing."""

    def note(self, text: str) -> None:
        """Print nothing."""

    def show(self, frame: ScreenFrame) -> None:
        self.frames.append(frame)


def watching(system: Watched, screen: Shown) -> Watch:
    return Watch(cast("DemoSystem", system), load_catalogue(), screen)


def test_a_worker_that_starts_is_shown_without_figures() -> None:
    screen = Shown()

    watching(Watched(), screen).refresh()

    assert screen.frames == [ScreenFrame(TODAY, 12, (), None)]


def test_a_worker_that_does_not_answer_is_shown_without_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(url: str, **_: object) -> Exposed:
        raise WorkerUnreadableError(url, cause="timed out")

    monkeypatch.setattr(run, "read_exposed", refuse)
    screen = Shown()

    watching(Watched(address="worker:6066"), screen).refresh()

    assert screen.frames == [ScreenFrame(TODAY, 12, (), "worker:6066")]


def test_the_stage_is_shown_while_a_condition_is_awaited() -> None:
    screen = Shown()
    answers = iter([False, False, False, True])

    watching(Watched(), screen).until(lambda: next(answers))

    assert len(screen.frames) == 1


def test_a_stage_that_ends_ends_the_wait() -> None:
    with pytest.raises(SmartRegionError, match=r"status 1 \(enough\)"):
        watching(Watched(ended=True), Shown()).until(lambda: False)
