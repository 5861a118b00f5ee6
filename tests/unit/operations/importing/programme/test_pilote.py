"""A whole file of PILOTE, of which every line is accounted for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.importing.pilote import COLUMNS
from operations.importing.table import TableLayout, open_table
from tests.support.barometer import Barometer
from tests.support.tables import write_file

CELL = st.sampled_from(
    [
        *("IND-001", "IND-042", "IND-1", "D75", "R11", "FRANCE", "D01", "75", "2020-01-01"),
        *("31/12/2019", "31/31/2020", "va", "VI", "vc", "12,5", "40", "120", "1e9", "-3", ""),
    ]
) | st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=3)
LINE = st.tuples(
    st.sampled_from(["IND-001", "IND-042", "IND-1"]) | CELL,
    st.sampled_from(["D75", "R11", "D01", "FRANCE"]) | CELL,
    st.just(""),
    st.sampled_from(["2020-01-01", "31/12/2019"]) | CELL,
    st.sampled_from(["va", "VI", "vc"]) | CELL,
    st.sampled_from(["12,5", "40", "120", ""]) | CELL,
).map(";".join)


@given(st.lists(LINE, max_size=12), st.booleans())
def test_every_line_is_counted_exactly_once(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    percent: bool,  # noqa: FBT001 - drawn
) -> None:
    """Sent, there already, left aside or refused: whatever stands in the file."""
    folder = tmp_path_factory.mktemp("barometer")
    text = "\n".join((";".join(COLUMNS), *lines))
    table = open_table(write_file(folder, text, name="rows.csv"), TableLayout(("valeur",)))
    barometer = Barometer(folder, ["IND-001", "IND-042"] if percent else [])
    tally = barometer.import_text(text)
    assert tally.lines == sum(1 for _ in table.rows())
    refused = {refusal.line for refusal in barometer.refused}
    assert (tally.refused, tally.sent) == (len(refused), len(barometer.events))
    assert barometer.catalogue is not None


def test_a_later_file_corrects_promises(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As it corrects what was observed."""
    barometer = Barometer(tmp_path_factory.mktemp("barometer"))
    heading = ";".join(COLUMNS)
    for value in (80, 90):
        barometer.import_text(f"{heading}\nIND-042;R11;2030-12-31;vc;{value}\n")
    (milestone,) = barometer.catalogue.indicators[0].milestones
    assert milestone.target == 90
