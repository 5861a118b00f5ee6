"""What the workers have not read, before their figures are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click
import pytest

from audit import workers_lag
from audit.workers_lag import (
    COMMIT_SECONDS,
    present_sums,
    report_overdue,
    wait_for_workers,
)
from broker.errors import BrokerRefusedError, BrokerUnreachableError, WorkersBehindError
from streams.settings import Settings
from streams.topic_fold import FoldedStates
from tests.support.knowledge import shipped

WORKERS: Final = "http://127.0.0.1:6066"
SETTINGS: Final = Settings(broker="broker:9092", app_id="monitor", workers=WORKERS)


class Group:
    """The wait for a group, which ends with an error or without."""

    def __init__(self, error: Exception | None = None) -> None:
        self.waits: list[float] = []
        self._error = error

    def __call__(self, *_: object, wait_seconds: float, **__: object) -> None:
        self.waits.append(wait_seconds)
        if self._error is not None:
            raise self._error


def behind() -> WorkersBehindError:
    return WorkersBehindError("monitor", behind=12_000, waited_seconds=5, outcome="nothing")


def waited(
    monkeypatch: pytest.MonkeyPatch,
    group: Group,
    seconds: float | None,
    settings: Settings = SETTINGS,
) -> list[str]:
    monkeypatch.setattr(workers_lag, "wait_for_group", group)
    reported: list[str] = []
    wait_for_workers(settings, seconds, report=reported.append)
    return reported


def test_says_what_is_not_in_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(behind())

    (line,) = waited(monkeypatch, group, None)

    assert line.startswith("not in these figures: 12000 records")
    assert "--wait" in line
    assert group.waits == [COMMIT_SECONDS]


def test_workers_that_have_read_all_are_not_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited(monkeypatch, Group(), None) == []


def test_a_wait_that_was_asked_for_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(behind())

    with pytest.raises(WorkersBehindError):
        waited(monkeypatch, group, 600.0)

    assert group.waits == [600.0]


@pytest.mark.parametrize("seconds", [None, 600.0])
def test_who_may_not_describe_the_group_takes_the_figures_all_the_same(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None
) -> None:
    group = Group(BrokerRefusedError("administer", "topics", cause="no right"))

    if seconds is None:
        assert waited(monkeypatch, group, seconds) == []
    else:
        with pytest.raises(BrokerRefusedError):
            waited(monkeypatch, group, seconds)


def test_workers_that_are_asked_need_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that asks them may know none."""
    group = Group(behind())
    asking = Settings(workers=WORKERS)

    assert waited(monkeypatch, group, None, asking) == []
    assert group.waits == []
    assert not wait_for_workers(asking, None, report=lambda _: None)
    with pytest.raises(WorkersBehindError):
        waited(monkeypatch, group, 1.0, asking)


def test_a_broker_that_does_not_answer_leaves_the_workers_histories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = BrokerUnreachableError(
        "broker:9092", waited_seconds=10, cause="refused", security_protocol="PLAINTEXT"
    )

    assert waited(monkeypatch, Group(away), None) == []
    with pytest.raises(BrokerUnreachableError):
        waited(monkeypatch, Group(away), 60.0)


def test_says_what_the_workers_tell_themselves() -> None:
    reported: list[str] = []
    report_overdue(12_000, report=reported.append)
    (line,) = reported
    assert line.startswith("not in these figures: 12000 records that the workers have had for 10 s")


class TestPresentSums:
    def test_without_workers_the_events_are_folded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folded = FoldedStates([])
        monkeypatch.setattr(workers_lag, "fold_topics", lambda *_, **__: folded)

        assert present_sums(Settings(), shipped(), None, report=lambda _: None) is folded
        with pytest.raises(click.BadParameter, match="SMART_REGION_WORKERS"):
            present_sums(Settings(), shipped(), 60.0, report=lambda _: None)

    def test_named_workers_report_what_they_lack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = FoldedStates([])

        def read(*_: object, on_overdue: Callable[[int], None]) -> FoldedStates:
            on_overdue(12)
            return found

        monkeypatch.setattr(workers_lag, "read_histories", read)
        lines: list[str] = []

        assert (
            present_sums(Settings(workers=WORKERS), shipped(), None, report=lines.append) is found
        )
        (line,) = lines
        assert line.startswith("not in these figures: 12 records")
