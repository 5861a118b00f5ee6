"""A chart as a file of its own."""

import re

import pytest

from catalogue.progress import MilestoneStatus
from report.charts.bars import BarRow, bars
from report.charts.standalone import standalone
from tests.support.drawings import parsed

CHART = bars("b", "Lycées", "", [BarRow("Paris", 1, "100 %", MilestoneStatus.MISSED)])


def test_a_file_has_its_colours_inside() -> None:
    """As plain rules on light paper, without variables, conditions or pointers."""
    found = parsed(standalone(CHART, type_size=13))
    [style] = [one.text or "" for one in found.iter("{http://www.w3.org/2000/svg}style")]

    assert ".chart .status-missed{color: #a5182c;}" in style
    assert "font-size: 13px;" in style
    assert not re.search(r"var\(|@|:hover|:focus|clamp|/\*|\{\}", style)
    assert (found.get("width"), found.get("viewBox")) == ("560", f"0 0 560 {found.get('height')}")


def test_only_a_chart_becomes_a_file() -> None:
    """Its size is what it says."""
    with pytest.raises(ValueError, match="<svg/>"):
        standalone("<svg/>")
