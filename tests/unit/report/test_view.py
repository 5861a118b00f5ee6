"""What a reader chose, as an address."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.territories import TERRITORY_NAMES
from events.identifiers import FIRST_DAY
from report.errors import BAD_REQUEST, PageError
from report.view import View, parse_view

TODAY = date(2020, 12, 31)
days = st.dates(FIRST_DAY, TODAY)
views = st.builds(
    View, days, st.none() | days, st.sampled_from(sorted(TERRITORY_NAMES)), st.just(TODAY)
)


def parsed(query: str, today: date = TODAY) -> View:
    return parse_view(dict(parse_qsl(query.removeprefix("?"))), today)


@given(views)
def test_a_view_is_what_its_address_says(view: View) -> None:
    assert parsed(view.query()) == view


@given(views, st.integers(1, 3000))
def test_a_permanent_link_shows_the_same_days_later(view: View, later: int) -> None:
    found = parsed(view.permanent(), TODAY + timedelta(days=later))
    assert (found.as_of, found.known_on) == (view.as_of, view.known_on or TODAY)


def test_without_parameters_it_is_today_in_the_region() -> None:
    assert parsed("") == View(TODAY, None, "region", TODAY)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("as_of=hier", "as_of"),
        ("as_of=20190630", "as_of"),
        ("as_of=2019-W26-7", "as_of"),
        ("as_of=2021-01-01", "as_of"),
        ("as_of=2009-12-31", "as_of"),
        ("as_of=2019-02-30", "as_of"),
        ("as_of=\uff12\uff10\uff11\uff19-06-30", "as_of"),
        ("known_on=2021-01-01", "known_on"),
        ("territory=13", "territory"),
        ("territory=<script>", "territory"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, parameter: str) -> None:
    with pytest.raises(PageError, match=f"^{parameter} : ") as raised:
        parsed(query)
    assert raised.value.status == BAD_REQUEST
