"""The news of the first page."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

import pytest

import catalogue
from catalogue.loader import load_catalogue
from report.knowledge import Knowledge
from report.overview import overview_of
from tests.support.knowledge import knowledge, view

INTERIM: Final = """    milestones:
      - id: half
        title: La moitié
        target: 0.5
        day: 2017-12-31
        scope: [region, departments]
        source: Un jalon intermédiaire.
      - id: all_connected
"""


@pytest.fixture
def known(tmp_path: Path) -> Knowledge:
    """Return the simulated figures beside a promise with a milestone on the way."""
    folder = tmp_path / "programmes"
    shutil.copytree(Path(catalogue.__file__).parent / "programmes", folder)
    file = folder / "lycees.yaml"
    text = file.read_text(encoding="utf-8")
    with_interim = text.replace("    milestones:\n      - id: all_connected\n", INTERIM, 1)
    assert with_interim != text
    file.write_text(with_interim, encoding="utf-8")
    return Knowledge(load_catalogue(folder), knowledge().histories, {})


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
    known: Knowledge, day: date, told: list[str]
) -> None:
    """The promise is shown against the next one by then: nothing else would tell of it."""
    news = [one.text for one in overview_of(known, view(day)).changed]
    assert [text for text in news if "La moitié" in text] == told
