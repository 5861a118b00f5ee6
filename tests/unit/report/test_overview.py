"""The news of the first page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from catalogue.history import History, StepFunction
from catalogue.model import Catalogue
from catalogue.publication import Publication, PublicationStep
from report.knowledge import Knowledge
from report.overview import overview_of
from tests.support.interim import known_with_interim
from tests.support.knowledge import shipped, view


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


@pytest.mark.parametrize(
    ("day", "is_new"),
    [(date(2018, 1, 20), True), (date(2018, 2, 13), True), (date(2018, 2, 20), False)],
    ids=str,
)
def test_what_was_published_more_than_30_days_ago_is_no_news(day: date, *, is_new: bool) -> None:
    """A yearly figure would be news all year."""
    enrolled = (
        shipped()
        .indicator("trainees_enrolled")
        .model_copy(update={"published": PublicationStep.ANNUAL})
    )
    programme = shipped().programme_of(enrolled.id).model_copy(update={"indicators": (enrolled,)})
    year_ends = (date(2016, 12, 31), date(2017, 12, 31))
    history = History(
        StepFunction(year_ends, (400, 900)),
        None,
        year_ends,
        publication=Publication(10, PublicationStep.ANNUAL, 15),
    )
    known = Knowledge(Catalogue(programmes=(programme,)), {(enrolled.id, None): history}, {})
    told = [one.text for one in overview_of(known, view(day)).changed]
    assert told == (["+500 (depuis le 31/12/2016), soit 900"] if is_new else [])
