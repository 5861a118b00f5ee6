"""When a service that ended is started again."""

from hypothesis import given
from hypothesis import strategies as st

from operations.stack.supervisor import (
    MAX_PAUSE,
    MAX_QUICK_EXITS,
    MIN_PAUSE,
    QUICK_SECONDS,
    RestartBackoff,
)

quick = st.floats(0, QUICK_SECONDS, exclude_max=True)
long = st.floats(QUICK_SECONDS, 1e6)


def lived(lengths: list[float]) -> list[float | None]:
    backoff, pauses = RestartBackoff(), []
    for length in lengths:
        # From zero each time: far from it, small differences would be lost.
        backoff.begin(0.0)
        pauses.append(backoff.end(length))
    return pauses


@given(st.lists(quick, min_size=MAX_QUICK_EXITS, max_size=MAX_QUICK_EXITS))
def test_each_quick_death_doubles_the_pause_and_the_fifth_is_the_last(lengths: list[float]) -> None:
    assert lived(lengths) == [0.5, 1.0, 2.0, 4.0, None]


@given(st.lists(st.one_of(quick, long), max_size=30))
def test_it_is_given_up_only_after_five_quick_deaths_in_a_row(lengths: list[float]) -> None:
    in_a_row = 0
    for length, pause in zip(lengths, lived(lengths), strict=True):
        in_a_row = in_a_row + 1 if length < QUICK_SECONDS else 0
        assert (pause is None) == (in_a_row >= MAX_QUICK_EXITS)
        assert pause is None or MIN_PAUSE <= pause <= MAX_PAUSE


def test_after_a_long_life_the_next_one_begins_soon() -> None:
    assert lived([1, 1, 1, 3600, 1]) == [0.5, 1.0, 2.0, 0.5, 0.5]
