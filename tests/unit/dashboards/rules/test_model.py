"""What rule files are made of."""

import pytest

from dashboards.rules.model import duration


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (5400, "90m"), (7200, "2h"), (345_600, "4d")],
)
def test_a_time_is_written_in_its_largest_whole_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written
