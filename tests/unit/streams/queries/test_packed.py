"""Packed series: nothing is lost in some bytes a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from streams.queries.packed import PackedSeries

DAYS = st.integers(1, date.max.toordinal())
FEW_DAYS = st.integers(736000, 736005)
#: As large as sums of cents may become, and larger than any machine's integer.
AMOUNTS = st.integers(-(10**25), 10**25).filter(bool)
Content: TypeAlias = tuple[Mapping[int, int], frozenset[int]]
CONTENTS: st.SearchStrategy[Content] = st.tuples(
    st.dictionaries(FEW_DAYS | DAYS, AMOUNTS, max_size=8),
    st.frozensets(FEW_DAYS | DAYS, max_size=8),
)


def content_of(series: PackedSeries | None) -> Content:
    return ({}, frozenset()) if series is None else (series.steps, frozenset(series.reports))


def summed(parts: list[Content]) -> Content:
    steps: Counter[int] = Counter()
    for one, _ in parts:
        steps.update(dict(one))
    return {day: amount for day, amount in steps.items() if amount}, frozenset[int]().union(
        *(reports for _, reports in parts)
    )


@given(CONTENTS)
def test_what_is_packed_is_unpacked(content: Content) -> None:
    assert content_of(PackedSeries.of(*content)) == content


@given(st.lists(CONTENTS, max_size=4), st.lists(CONTENTS, max_size=3), st.data())
def test_a_sum_is_that_of_its_present_parts(
    before: list[Content], added: list[Content], data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(range(len(before)))) if before else st.just(set()))
    packed = [PackedSeries.of(*one) for one in before]
    base = PackedSeries.total(None, (), packed)

    total = PackedSeries.total(
        base, [packed[one] for one in gone], [PackedSeries.of(*one) for one in added]
    )

    stays = [one for number, one in enumerate(before) if number not in gone]
    assert content_of(total) == summed([*stays, *added])


def test_a_sum_of_nothing_is_none() -> None:
    """An empty series would stay for ever."""
    one = PackedSeries.of({736000: 1}, [736000])
    assert PackedSeries.total(one, [one], ()) is None
    assert PackedSeries.total(None, (), ()) is None


def test_a_day_takes_some_bytes() -> None:
    days = range(736000, 736000 + 3652)
    series = PackedSeries.of({day: 1 + day % 7 for day in days}, days)
    assert len(series.packed_steps) + len(series.packed_reports) < 2 * len(days)
