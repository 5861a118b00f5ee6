"""Numbers of many lines added up."""

from hypothesis import given
from hypothesis import strategies as st

from sources.importing.event_building import LineOrigin
from sources.importing.mapped import Totals

LINES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 9)), max_size=12
)


@given(LINES)
def test_every_line_is_added_once_or_refused(lines: list[tuple[str, str, int]]) -> None:
    """Of each total, what is counted twice is refused the second time; nothing else is lost."""
    totals = Totals("value", "commune")
    expected: dict[str, dict[str, int]] = {}
    refused = 0
    for number, (territory, commune, value) in enumerate(lines, start=2):
        known = expected.setdefault(territory, {})
        refusals = totals.add(
            {"territory": territory, "value": value},
            LineOrigin("a.csv", number, {"commune": commune}, {}),
        )
        assert bool(refusals) == (commune in known)
        refused += len(refusals)
        known.setdefault(commune, value)
    assert {str(total.fields["territory"]): total.fields["value"] for total in totals} == {
        territory: sum(values.values()) for territory, values in expected.items()
    }
    assert sum(len(total.lines) for total in totals) + refused == len(lines)
