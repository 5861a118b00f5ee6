"""States in temporary files, by entity."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.work_folder import WorkFolder, WorkFolderFullError, WorkFolderUnusableError
from events.fact import Family
from streams.state_spool import MEMORY_BYTES, PARTS, SpooledState, StateSpool

STATES = st.builds(
    SpooledState,
    st.sampled_from(Family),
    st.integers(0, 65_535),
    st.integers(0, 2**63 - 1),
    st.integers(-1, 2**63 - 1),
    st.sampled_from([b"", b"a", b"b", "é".encode()]),
    st.none() | st.binary(max_size=8),
)


def add(spool: StateSpool, state: SpooledState) -> None:
    """Add a state as it is."""
    family, partition, offset, timestamp, key, value = state
    spool.add(family, partition, key, value, offset=offset, timestamp=timestamp)


@given(st.lists(STATES))
def test_what_is_added_comes_back_by_entity(states: list[SpooledState]) -> None:
    """Each entity's in one part, in their order; an empty value is none that is missing."""
    with StateSpool() as spool:
        for state in states:
            add(spool, state)
        parts = [list(part) for part in spool.parts()]

    assert len(parts) == PARTS
    assert sorted(map(repr, chain(*parts))) == sorted(map(repr, states))
    for key in {state.key for state in states}:
        of_entity = [[one for one in part if one.key == key] for part in parts]
        assert [one for one in of_entity if one] == [[one for one in states if one.key == key]]


def test_what_is_more_than_a_little_is_on_disk(tmp_path: Path) -> None:
    """In the folder that is named, without a name of its own."""
    state = SpooledState(Family.GRANTS, 3, 1, 2, b"key", bytes(MEMORY_BYTES + 1))
    with StateSpool(WorkFolder(tmp_path)) as spool:
        before = opened_in(tmp_path)
        add(spool, state)
        assert (before, opened_in(tmp_path), list(tmp_path.iterdir())) == (0, 1, [])
        assert list(chain(*spool.parts())) == [state]
    assert opened_in(tmp_path) == 0


def test_no_more_is_written_than_is_allowed() -> None:
    """The error says where, how much, and what to do."""
    with StateSpool(WorkFolder(megabytes=1)) as spool:
        spool.add(Family.GRANTS, 0, b"key", bytes(1_000_000))
        with pytest.raises(WorkFolderFullError, match=r"1 MB.*SMART_REGION_WORK_MB"):
            spool.add(Family.GRANTS, 0, b"key", bytes(100_000))


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(WorkFolderUnusableError, match="is no folder"):
        StateSpool(WorkFolder(tmp_path / "none"))


def opened_in(folder: Path) -> int:
    """Count the files of a folder that this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += folder in link.readlink().parents
        except OSError:  # That of the listing itself.
            continue
    return found
