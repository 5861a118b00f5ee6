"""The news of the first page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from report.overview import overview_of
from tests.support.interim import known_with_interim
from tests.support.knowledge import view


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2017, 12, 31), []),
        (date(2018, 1, 1), ["jalon « La moitié » : manqué, à risque auparavant"]),
        (date(2018, 1, 30), ["jalon « La moitié » : manqué, à risque auparavant"]),
        (date(2018, 1, 31), []),
    ],
    ids=str,
)
def test_a_milestone_on_the_way_that_is_missed_is_news(
    tmp_path: Path, day: date, told: list[str]
) -> None:
    """The promise is shown against the next one by then: nothing else would tell of it."""
    news = [one.text for one in overview_of(known_with_interim(tmp_path), view(day)).changed]
    assert [text for text in news if "La moitié" in text] == told
