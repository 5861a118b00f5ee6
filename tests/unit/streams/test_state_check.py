"""What the check of restored states finds, and what it lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import cast

import pytest
from faust.types import TP

from events.fact import Family
from events.topics import topic_name
from streams import state_check
from streams.batch_transport import BatchConsumer, Committed
from streams.changelog_tally import ChangelogTallies, ChangelogTally, Summary
from streams.commit_metadata import NO_METADATA, ChangelogExtent, CommitMetadata
from streams.settings import load_settings
from streams.state_check import (
    Extents,
    RecoveryEndedEarlyError,
    StateCheck,
    check_restored,
    fault_of,
    is_undecided,
)
from streams.topic_faults import FaultKind, TopicFault

EVENTS = topic_name(Family.SCHOOLS)
#: 50 events on their partition, ten records of states.
WHOLE = Extents(events_start=0, events_end=50, changelog_start=0, changelog_end=10)


def noted(start: int, end: int, *, offset: int = 50) -> Committed:
    """Return a committed offset beside which a changelog's extent is kept."""
    extent = ChangelogExtent(start=start, end=end)
    return Committed(offset, CommitMetadata(changelog=extent))


#: As a worker of 0.1 commits.
BARE = Committed(50, NO_METADATA)


def found(
    committed: Committed | None, extents: Extents = WHOLE, tally: ChangelogTally | None = None
) -> TopicFault | None:
    """Return what the check finds of a lycées' partition."""
    return fault_of(
        Family.SCHOOLS,
        3,
        app_id="monitor",
        committed=committed,
        extents=extents,
        tally=tally or ChangelogTally(),
    )


def confirmed(*, events_end: int = 50) -> ChangelogTally:
    """Return the tally of a log with one state, whose summary is right."""
    tally = ChangelogTally()
    planned = tally.plan([(b"a", b"1")], events_end=events_end)
    [(name, value)] = planned.headers
    tally.read(0, b"a", b"1", [(name, value)])
    return tally


@pytest.mark.parametrize(
    ("committed", "extents"),
    [
        (None, WHOLE),
        (None, WHOLE._replace(changelog_end=0)),
        (noted(0, 10, offset=0), WHOLE._replace(changelog_end=0)),
        (noted(0, 10), WHOLE),
        (noted(0, 4), WHOLE),
        (noted(0, 0), WHOLE._replace(changelog_end=0)),
        (noted(10, 10), WHOLE._replace(changelog_start=10)),
        (BARE, WHOLE),
        (BARE, WHOLE._replace(changelog_end=0)),
    ],
    ids=[
        "nothing committed",
        "nothing committed, nothing written",
        "rebuilt: offset 0",
        "all there",
        "more than was noted, by a crash before the commit",
        "all refused",
        "rebuilt, and all refused since",
        "0.1",
        "0.1 and empty: for the events to say",
    ],
)
def test_nothing_is_lost(committed: Committed | None, extents: Extents) -> None:
    """Where all is there, or will be read again."""
    assert found(committed, extents) is None


@pytest.mark.parametrize(
    ("committed", "extents", "problem"),
    [
        (noted(0, 10), WHOLE._replace(changelog_end=0), "is empty, and was written up to"),
        (noted(0, 10), WHOLE._replace(changelog_start=10), "is empty, and states were written"),
        (noted(0, 10), WHOLE._replace(changelog_end=9), "ends at offset 9"),
        (noted(0, 10), WHOLE._replace(changelog_start=4), "begins at offset 4, and did at 0"),
        (BARE, WHOLE._replace(changelog_start=4), "begins at offset 4, and did at 0"),
    ],
    ids=["made anew", "emptied", "cut at its end", "cut at its start", "0.1, cut at its start"],
)
def test_a_lost_changelog_is_found(committed: Committed, extents: Extents, problem: str) -> None:
    """With its name, and why."""
    fault = found(committed, extents)
    assert fault is not None
    assert str(fault).startswith(f"monitor-schools-changelog[3] {problem}")
    assert fault.fault is FaultKind.CHANGELOG_LOST


def test_a_summary_that_is_not_met_is_a_loss() -> None:
    """Offsets alone do not distinguish a compaction from a loss in the middle."""
    tally = ChangelogTally()
    summary = Summary(offset=0, entities=2, checksum=5).encode()
    tally.read(0, b"a", b"1", [("smartregion-states", summary)])
    assert "1 of the 2 entities" in str(found(noted(0, 10), tally=tally))


@pytest.mark.parametrize(("summary", "is_lost"), [(0, False), (1, True), (2, False), (None, False)])
def test_another_record_where_a_summary_was_is_a_loss(
    summary: int | None, *, is_lost: bool
) -> None:
    """A log that lost its end was written to by a worker of before, up to beyond its former end."""
    tally = confirmed()
    tally.read(1, b"b", b"late", None)
    extent = ChangelogExtent(start=0, end=2, summary=summary)
    fault = found(
        Committed(50, CommitMetadata(changelog=extent)), WHOLE._replace(changelog_end=2), tally
    )
    assert (fault is not None) is is_lost
    if fault is not None:
        assert "at offset 1 was a summary, and is another record" in str(fault)


def test_a_confirmed_log_may_begin_anywhere() -> None:
    """What was deleted had been replaced by later records."""
    assert found(noted(0, 10), WHOLE._replace(changelog_start=4), confirmed()) is None


@pytest.mark.parametrize(
    ("committed", "tally"),
    [(noted(0, 10), ChangelogTally()), (BARE, ChangelogTally()), (None, confirmed())],
    ids=["noted", "0.1", "offsets forgotten by the broker"],
)
def test_events_that_were_read_and_are_gone_are_found(
    committed: Committed | None, tally: ChangelogTally
) -> None:
    """The topic was created again: the client would restart at its beginning without an error."""
    fault = found(committed, WHOLE._replace(events_end=20), tally)
    assert fault is not None
    assert str(fault).startswith("smartregion.schools[3] ends at offset 20, and was read up to 50")
    assert fault.fault is FaultKind.EVENTS_LOST


@pytest.mark.parametrize(
    ("committed", "end", "undecided"),
    [
        (BARE, 0, True),
        (BARE, 10, False),
        (noted(0, 0), 0, False),
        (None, 0, False),
        (Committed(0, NO_METADATA), 0, False),
    ],
)
def test_only_an_empty_changelog_of_an_older_release_is_undecided(
    committed: Committed | None,
    end: int,
    undecided: bool,  # noqa: FBT001 - a case
) -> None:
    """Otherwise offsets and summaries show it."""
    assert is_undecided(committed, WHOLE._replace(changelog_end=end)) is undecided


@pytest.mark.parametrize(
    ("committed", "restored"),
    [(None, 0), (BARE, 0), (noted(0, 10), 10), (noted(0, 10), 12), (noted(0, 10, offset=0), 0)],
    ids=[
        "nothing committed",
        "0.1",
        "all of it",
        "more, by a crash before the commit",
        "made anew before any event was done: all are read again",
    ],
)
def test_a_recovery_that_reached_what_was_written_is_whole(
    committed: Committed | None, restored: int
) -> None:
    """What was written is the changelog's end beside the committed offset."""
    check_restored("monitor-schools-changelog", 3, committed, restored)


def test_a_recovery_that_ended_before_what_was_written_ends_the_worker() -> None:
    """The broker had told a lower end for a moment: the end asked for later does not show it."""
    with pytest.raises(RecoveryEndedEarlyError, match=r"\[3\]: .* ended at offset 9.* up to 10"):
        check_restored("monitor-schools-changelog", 3, noted(0, 10), 9)


class Broker:
    """What a consumer of two lycées' partitions hears, an end too low at each of some attempts."""

    def __init__(self, *low: set[int]) -> None:
        self._low = iter(low)
        self.asked: list[set[int]] = []

    def assignment(self) -> set[TP]:
        """Return the partitions of events."""
        return {TP(EVENTS, 0), TP(EVENTS, 1)}

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return the same offset for each, and ten records of states."""
        return {tp: noted(0, 10) for tp in tps}

    async def earliest_offsets(self, *tps: TP) -> Mapping[TP, int]:
        """Return that nothing was deleted."""
        return dict.fromkeys(tps, 0)

    async def highwaters(self, *tps: TP) -> Mapping[TP, int]:
        """Return the ends of this attempt."""
        low = next(self._low)
        self.asked.append({tp.partition for tp in tps})
        return {tp: 50 if tp.topic == EVENTS else 10 - (tp.partition in low) for tp in tps}

    def restored_end(self, _: TP) -> int:
        """Return the end that the recovery had."""
        return 10

    def metadata_of(self, _: TP) -> CommitMetadata:
        """Return that nothing else is committed."""
        return NO_METADATA

    def set_metadata(self, _: TP, __: CommitMetadata) -> None:
        """Keep nothing."""


def faults_of(broker: Broker) -> list[TopicFault]:
    """Return what the check finds there."""
    check = StateCheck(load_settings(app_id="monitor"), ChangelogTallies())
    return asyncio.run(check.faults(cast("BatchConsumer", broker)))


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_check, "ATTEMPT_INTERVAL_SECONDS", 0.0)


@pytest.mark.usefixtures("_at_once")
def test_ends_that_are_too_low_one_after_the_other_are_no_loss() -> None:
    """As where brokers are restarted in turn: each partition was right at one attempt."""
    broker = Broker({0}, {0}, {0, 1}, {1})

    assert faults_of(broker) == []
    assert broker.asked == [{0, 1}, {0}, {0}, {0}]


@pytest.mark.usefixtures("_at_once")
def test_a_loss_hides_behind_no_other_and_shows_none_that_there_is_not() -> None:
    """One partition has lost a record; the other's end is too low at the last attempt alone."""
    [fault] = faults_of(Broker({0}, {0}, {0}, {0, 1}))

    assert str(fault).startswith("monitor-schools-changelog[0] ends at offset 9")
