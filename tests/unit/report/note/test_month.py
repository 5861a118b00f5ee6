"""Months as they are written, and their days."""

from __future__ import annotations

from datetime import date

import pytest

from report.note.month import Month


@pytest.mark.parametrize(
    ("text", "since", "until", "french"),
    [
        ("2019-03", date(2019, 2, 28), date(2019, 3, 31), "de mars 2019"),
        ("2016-01", date(2015, 12, 31), date(2016, 1, 31), "de janvier 2016"),
        ("2020-02", date(2020, 1, 31), date(2020, 2, 29), "de février 2020"),
        ("2018-10", date(2018, 9, 30), date(2018, 10, 31), "d’octobre 2018"),
        ("2018-08", date(2018, 7, 31), date(2018, 8, 31), "d’août 2018"),
    ],
)
def test_a_month_has_its_days_and_its_name(
    text: str, since: date, until: date, french: str
) -> None:
    month = Month.parse(text)

    assert (month.since, month.until, month.of_text, str(month)) == (since, until, french, text)


@pytest.mark.parametrize("text", ["2019", "2019-13", "2019-3", "0000-01", "2019-03-31", "\x1b[2J"])
def test_another_text_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2019-03"):
        Month.parse(text)
