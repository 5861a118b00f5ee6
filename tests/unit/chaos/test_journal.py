"""The journal of a run: it goes on where it ended, and is never another run's."""

from pathlib import Path

import pytest

from tests.chaos.faults import FaultKind, plan
from tests.chaos.journal import (
    AnotherRunError,
    Journal,
    JournalUnreadableError,
    MinuteResult,
    RunPlan,
)

PLAN = RunPlan(seed=1)


def result(minute: int, **counts: object) -> MinuteResult:
    """Return a minute's result with the faults that its plan has."""
    faults = tuple(plan(PLAN.seed, minute, workers=PLAN.workers))
    return MinuteResult.model_validate({"minute": minute, "faults": faults, **counts})


def test_a_run_goes_on_after_the_minutes_that_are_done(tmp_path: Path) -> None:
    """What was saved is read back whole, and the next minute follows."""
    path = tmp_path / "seed-1.json"
    journal = Journal.of(path, PLAN)
    assert journal.next_minute == 1

    done = {FaultKind.BROKER_KILL: 2}
    journal = journal.with_minute(result(1, sent=10)).with_minute(result(2, done=done))
    journal.save(path)

    assert Journal.of(path, PLAN) == journal
    assert Journal.of(path, PLAN).next_minute == 3
    assert [one.name for one in tmp_path.iterdir()] == ["seed-1.json"]


def test_a_journal_of_other_options_is_refused(tmp_path: Path) -> None:
    """A run at another rate is not added to this one; the error names the option."""
    path = tmp_path / "seed-1.json"
    Journal(plan=PLAN).save(path)
    with pytest.raises(AnotherRunError, match="rate was 2000, not 300"):
        Journal.of(path, RunPlan(seed=1, rate=300))


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    """Half a file says which one it is and what to do."""
    path = tmp_path / "seed-1.json"
    path.write_text('{"plan": {"seed"', encoding="utf-8")
    with pytest.raises(JournalUnreadableError, match=r"seed-1.json: .*: delete it"):
        Journal.of(path, PLAN)


def test_numbers_add_up_over_minutes() -> None:
    """Counts and faults are those of all minutes; a minute with a problem is a failed one."""
    journal = (
        Journal(plan=PLAN)
        .with_minute(result(1, sent=10, done={FaultKind.BROKER_KILL: 1}))
        .with_minute(result(2, sent=5, done={FaultKind.BROKER_KILL: 2}, problems=["differs"]))
    )
    assert journal.total("sent") == 15
    assert journal.faults_done[FaultKind.BROKER_KILL] == 3
    assert set(journal.faults_done) == set(FaultKind)
    assert [one.minute for one in journal.failed] == [2]
