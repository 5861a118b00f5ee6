"""What of a table of persons is shown, and what an attentive reader can make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.suppression import Place, protect, published

ROWS, COLUMNS = ("75", "77", "78", "95"), ("early_leaver", "employee", "job_seeker", "other")
MIN_CELL = 11

Cells = Mapping[tuple[str, str], int]

counts = st.one_of(st.integers(0, 12), st.integers(0, 300), st.just(0), st.just(1))


def tables(
    rows: Sequence[str] = ROWS,
    columns: Sequence[str] = COLUMNS,
    values: st.SearchStrategy[int] = counts,
) -> st.SearchStrategy[Cells]:
    """Draw tables of persons, many cells of which are small or empty."""
    shapes = st.tuples(st.integers(1, len(rows)), st.integers(1, len(columns)))
    return shapes.flatmap(
        lambda shape: st.fixed_dictionaries(
            dict.fromkeys(product(rows[: shape[0]], columns[: shape[1]]), values)
        )
    )


def whole(cells: Cells) -> dict[Place, int]:
    """Add the margins to a table."""
    table: dict[Place, int] = defaultdict(int)
    for (row, column), value in cells.items():
        for place in product((row, None), (column, None)):
            table[place] += value
    return dict(table)


def sums(table: Mapping[Place, object]) -> Iterator[tuple[list[Place], Place]]:
    """Give each sum that a reader can check: the parts and their margin."""
    rows = sorted({row for row, _ in table if row is not None})
    columns = sorted({column for _, column in table if column is not None})
    for column in (*columns, None):
        yield [(row, column) for row in rows], (None, column)
    for row in (*rows, None):
        yield [(row, column) for column in columns], (row, None)


def determined(shown: Mapping[Place, int | None]) -> set[Place]:
    """Solve for the suppressed cells, exactly; return those that the published ones determine."""
    unknown = [place for place, value in shown.items() if value is None]
    rows: list[list[Fraction]] = []
    for parts, margin in sums(shown):
        row = [Fraction(0)] * (len(unknown) + 1)
        for place, sign in [*((part, 1) for part in parts), (margin, -1)]:
            value = shown[place]
            if value is None:
                row[unknown.index(place)] += sign
            else:
                row[-1] -= sign * value
        rows.append(row)
    eliminated: list[list[Fraction]] = []
    for at in range(len(unknown)):
        pivot = next((row for row in rows if row[at]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        pivot = [part / pivot[at] for part in pivot]
        rows, eliminated = (
            [[part - row[at] * own for part, own in zip(row, pivot, strict=True)] for row in some]
            for some in (rows, eliminated)
        )
        eliminated.append(pivot)
    alone = [row for row in eliminated if sum(map(bool, row[:-1])) == 1]
    return {unknown[next(at for at, part in enumerate(row) if part)] for row in alone}


@given(tables())
def test_no_suppressed_cell_can_be_computed(cells: Cells) -> None:
    """Rational elimination over all sums finds none of them."""
    assert determined(published(cells, MIN_CELL)) == set()


@given(tables(), st.data())
def test_the_solver_finds_a_cell_that_is_alone(cells: Cells, data: st.DataObject) -> None:
    """The test above can fail: one cell hidden alone is determined by its row."""
    table: dict[Place, int | None] = dict(whole(cells))
    lone = data.draw(st.sampled_from(sorted(cells)))
    assert determined({**table, lone: None}) == {lone}


@given(tables())
def test_what_is_published_is_nobody_or_enough(cells: Cells) -> None:
    """Margins too: 0, or at least `min_cell`; and it is the true count."""
    shown = {
        place: value for place, value in published(cells, MIN_CELL).items() if value is not None
    }
    assert all(value == 0 or value >= MIN_CELL for value in shown.values())
    assert shown == {place: whole(cells)[place] for place in shown}


@given(tables())
def test_empty_cells_are_published(cells: Cells) -> None:
    """A zero shows nobody, so it is not worth a doubt about the others."""
    suppressed = protect(cells, MIN_CELL)
    assert all(place not in suppressed for place, value in whole(cells).items() if value == 0)


@given(tables(values=st.sampled_from((0, 11, 12, 40, 300))))
def test_a_table_without_small_cells_is_published_whole(cells: Cells) -> None:
    """Nothing is suppressed for its own sake."""
    assert protect(cells, MIN_CELL) == frozenset()


@given(tables(), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_the_cells(cells: Cells, chance: Random) -> None:
    """Nor on whether an empty cell is listed: two replicas suppress the same cells."""
    listed = [item for item in cells.items() if item[1]]
    chance.shuffle(listed)
    assert protect(dict(listed), MIN_CELL) == protect(cells, MIN_CELL)


@given(tables(rows=("75", "77"), columns=("employee", "other"), values=st.integers(0, 7)))
def test_a_small_cell_could_as_well_be_large(cells: Cells) -> None:
    """Among all tables that fit what is published, one has `min_cell` persons or more there.

    Every filling of the suppressed cells is tried, none of them 0, as zeros are published.
    """
    min_cell = 4
    shown = published(cells, min_cell)
    inner = [place for place in cells if shown[place] is None]
    possible: dict[Place, set[int]] = defaultdict(set)
    for filling in product(range(1, 12), repeat=len(inner)):
        table = whole({**cells, **dict(zip(inner, filling, strict=True))})
        if all(value is None or table[place] == value for place, value in shown.items()):
            for place, value in shown.items():
                if value is None:
                    possible[place].add(table[place])
    small = [place for place, value in whole(cells).items() if 0 < value < min_cell]
    assert all(max(possible[place]) >= min_cell for place in small)


def test_one_small_cell_takes_three_others_with_it() -> None:
    """The smallest rectangle through it: its row's and its column's sums stay true."""
    cells = {
        ("75", "employee"): 3,
        ("75", "job_seeker"): 40,
        ("75", "other"): 90,
        ("77", "employee"): 25,
        ("77", "job_seeker"): 30,
        ("77", "other"): 80,
        ("78", "employee"): 70,
        ("78", "job_seeker"): 60,
        ("78", "other"): 20,
    }
    assert protect(cells, MIN_CELL) == {
        ("75", "employee"),
        ("75", "job_seeker"),
        ("77", "employee"),
        ("77", "job_seeker"),
    }


def test_two_small_cells_whose_sum_is_small_do_not_hide_each_other() -> None:
    """1 and 1 in a row whose others are published: a sum of 2, none being 0, tells both."""
    cells = {
        ("75", "employee"): 1,
        ("75", "other"): 1,
        ("75", "job_seeker"): 50,
        ("77", "employee"): 1,
        ("77", "other"): 1,
        ("77", "job_seeker"): 60,
    }
    suppressed = protect(cells, MIN_CELL)
    assert {("75", "job_seeker"), ("77", "job_seeker")} <= suppressed


def test_a_departement_with_few_persons_is_suppressed_as_a_whole() -> None:
    """Its total is a small cell as well, and the region's total minus the others' must not tell."""
    shown = published({("75", "employee"): 500, ("77", "employee"): 5, ("78", "employee"): 90}, 11)
    assert shown == {
        ("75", "employee"): 500,
        ("75", None): 500,
        ("77", "employee"): None,
        ("77", None): None,
        ("78", "employee"): None,
        ("78", None): None,
        (None, "employee"): 595,
        (None, None): 595,
    }


def test_what_names_no_departement_is_a_row_like_others() -> None:
    """It could be computed from the total: an empty name is not the margin."""
    suppressed = protect({("", "employee"): 4, ("75", "employee"): 60, ("77", "employee"): 90}, 11)
    assert suppressed == {("", "employee"), ("", None), ("75", "employee"), ("75", None)}


def test_a_table_of_few_persons_is_suppressed_whole() -> None:
    """Nothing can be told of three persons, nor that they are three."""
    assert set(published({("75", "employee"): 3}, 11).values()) == {None}


@pytest.mark.parametrize("cells", [{}, {("75", "employee"): 0}])
def test_a_table_of_nobody_has_nothing_to_hide(cells: Cells) -> None:
    """Neither an empty table nor one of zeros."""
    assert protect(cells, MIN_CELL) == frozenset()
