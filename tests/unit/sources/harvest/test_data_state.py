"""What is known of data from asking for them, judged on the data alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dataset import DataState, UpdateFrequency
from sources.harvest.data_state import (
    DataOutcome,
    FoundData,
    KnownData,
    Validators,
    probed,
    remember,
)

DAY = date(2026, 5, 4)
MONTH = timedelta(days=31)


def data(text: str, **other: object) -> FoundData:
    return FoundData.model_validate({"outcome": DataOutcome.DATA, "fingerprint": text, **other})


FAILED = FoundData(outcome=DataOutcome.FAILED, why="status 403")
EMPTY = FoundData(outcome=DataOutcome.EMPTY, why="no record")
SAME = FoundData(outcome=DataOutcome.SAME)


def known(*found: FoundData) -> KnownData:
    last: KnownData | None = None
    for number, one in enumerate(found):
        last = remember(last, one, DAY + timedelta(days=number))
    assert last is not None
    return last


def state(*addresses: KnownData, on: date) -> DataState:
    return probed("gares", addresses, UpdateFrequency.MONTHLY, on).data_state


def test_data_that_are_first_seen_have_changed_when_the_server_says() -> None:
    """Or else today; a day to come is no day."""
    assert known(data("a", changed_on=DAY - MONTH)).changed_on == DAY - MONTH
    assert known(data("a")).changed_on == DAY
    assert known(data("a", changed_on=DAY + MONTH)).changed_on == DAY


def test_data_change_with_their_content_alone() -> None:
    """A server that gives its own day to every answer does not make old data new."""
    today = DAY + timedelta(days=1)

    assert known(data("a"), data("a", changed_on=today)).changed_on == DAY
    assert known(data("a"), data("b", changed_on=DAY - MONTH)).changed_on == today
    assert known(data("a"), SAME).changed_on == DAY


def test_data_that_were_away_have_not_changed() -> None:
    """They come back as they were."""
    assert known(data("a"), FAILED, EMPTY, data("a")).changed_on == DAY


def test_a_server_s_mark_is_kept_while_data_are_away() -> None:
    marks = Validators(etag='"1"')
    assert known(data("a", validators=marks), FAILED).validators == marks


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        (UpdateFrequency.DAILY, 1),
        (UpdateFrequency.WEEKLY, 7),
        (UpdateFrequency.MONTHLY, 31),
        (UpdateFrequency.QUARTERLY, 92),
        (UpdateFrequency.ANNUAL, 366),
    ],
)
def test_data_are_stale_after_their_frequency_and_a_week(
    frequency: UpdateFrequency, days: int
) -> None:
    address = known(data("a"))
    last = DAY + timedelta(days=days + 7)

    assert probed("x", [address], frequency, last).data_state is DataState.CURRENT
    found = probed("x", [address], frequency, last + timedelta(days=1))
    assert (found.data_state, found.unchanged_days) == (DataState.STALE, days + 8)


def test_data_that_were_not_read_to_their_end_are_not_called_stale() -> None:
    """They may have changed behind. Nor are irregular ones: nothing was promised."""
    later = DAY + 9 * MONTH
    found = probed("x", [known(data("a", is_whole=False))], UpdateFrequency.DAILY, later)
    assert (found.data_state, found.unchanged_days) == (DataState.CURRENT, 0)
    irregular = probed("x", [known(data("a"))], UpdateFrequency.IRREGULAR, later)
    assert irregular.data_state is DataState.CURRENT


def test_the_addresses_of_a_dataset_count_together() -> None:
    good, away, empty = known(data("a")), known(FAILED), known(EMPTY)

    assert state(good, good, on=DAY) is DataState.CURRENT
    assert state(good, away, on=DAY) is DataState.PARTIAL
    assert state(good, empty, on=DAY) is DataState.PARTIAL
    assert state(empty, empty, on=DAY) is DataState.EMPTY
    assert state(empty, away, on=DAY) is DataState.UNAVAILABLE
    assert state(away, on=DAY) is DataState.UNAVAILABLE
    assert state(on=DAY) is DataState.UNAVAILABLE
    assert probed("x", [good, away], UpdateFrequency.DAILY, DAY).failing_distributions == 1


found_data = st.one_of(
    st.sampled_from([FAILED, EMPTY, SAME]),
    st.builds(
        data,
        st.sampled_from("abc"),
        is_whole=st.booleans(),
        changed_on=st.one_of(st.none(), st.dates(DAY - MONTH, DAY + MONTH)),
    ),
)


@given(st.lists(found_data, min_size=1, max_size=10))
def test_data_are_never_newer_than_the_last_probe_with_other_data(found: list[FoundData]) -> None:
    """Nor from the future; and their report fits the contract."""
    last: KnownData | None = None
    changed = DAY
    for number, one in enumerate(found):
        today = DAY + timedelta(days=number)
        if one.outcome is DataOutcome.DATA and one.fingerprint != (
            last.fingerprint if last else ""
        ):
            changed = today
        last = remember(last, one, today)
        assert last.changed_on is None or last.changed_on <= changed
        report = probed("x", [last], UpdateFrequency.DAILY, today)
        assert report.failing_distributions in (0, 1)
        assert report.unchanged_days <= (today - (last.changed_on or today)).days
