"""Sets of offsets held as runs."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from events.offset_runs import OffsetRuns

RUNS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=30)


@given(RUNS)
def test_runs_are_the_union_of_what_was_added(added: list[tuple[int, int]]) -> None:
    runs, expected = OffsetRuns(), set[int]()
    for first, more in added:
        runs.add(first, first + more)
        expected.update(range(first, first + more + 1))

    assert [one for first, last in runs.runs for one in range(first, last + 1)] == sorted(expected)
    assert len(runs) == len(expected)
    assert {one for one in range(80) if one in runs} == expected


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_missing_runs_are_the_difference(known: set[int], wanted: set[int]) -> None:
    missing = OffsetRuns(sorted(known)).missing(OffsetRuns(sorted(wanted)).runs)

    assert [one for first, last in missing for one in range(first, last + 1)] == sorted(
        wanted - known
    )


@given(st.sets(st.integers(0, 200)))
def test_runs_are_as_few_as_possible(offsets: set[int]) -> None:
    runs = OffsetRuns(offsets)

    assert all(last + 1 < first for (_, last), (first, _) in pairwise(runs.runs))
