"""Descriptions of datasets, read or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from events.dataset import DatasetReleased, Licence, Theme, UpdateFrequency
from sources.harvest.portal_dataset import Described
from sources.harvest.reading import ReadingRules, dataset_id_of, read_dataset

TODAY = date(2026, 11, 27)
GOOD = Described(
    key="gares",
    identifier="gares",
    title="Gares",
    publisher="Région",
    themes=("Transports",),
    licences=("Licence Ouverte",),
    frequency="MONTHLY",
    issued="2019-03-11T08:00:00+01:00",
    modified="2026-05-04",
)


def test_a_description_is_read() -> None:
    read = read_dataset(GOOD, ReadingRules(), today=TODAY)

    assert read.problems == ()
    assert read.dataset is not None
    assert read.dataset.theme is Theme.TRANSPORT
    assert read.dataset.licence is Licence.OPEN_LICENCE
    assert read.dataset.frequency is UpdateFrequency.MONTHLY
    assert read.dataset.issued == date(2019, 3, 11)


def test_all_that_is_missing_is_said_at_once() -> None:
    read = read_dataset(Described(key="x"), ReadingRules(), today=TODAY)

    assert read.dataset is None
    assert [one.field for one in read.problems] == ["title", "publisher", "theme", "licence"]
    assert all(one.remedy for one in read.problems)


def test_a_closed_licence_is_refused_and_never_to_be_called_open() -> None:
    """An unknown word may be given a code, and which ones there are is said."""
    closed, unknown = (
        str(read_dataset(replace(GOOD, licences=(word,)), ReadingRules(), today=TODAY).problems[0])
        for word in ("CC BY-NC 4.0", "Libre")
    )

    assert "licence: forbids commercial use or changes, value 'CC BY-NC 4.0': " in closed
    assert "--licence" not in closed
    assert "--licence 'WORD=CODE', CODE one of open_licence, odbl, other_open" in unknown


def test_a_wrong_day_is_left_out() -> None:
    wrong = replace(GOOD, issued="hier", modified="2059-01-01")

    read = read_dataset(wrong, ReadingRules(), today=TODAY)

    assert read.dataset is not None
    assert (read.dataset.issued, read.dataset.modified) == (None, None)
    assert [one.problem for one in read.problems] == ["is not a day", "is yet to come"]


def test_a_year_and_a_month_are_their_first_day() -> None:
    read = read_dataset(
        replace(GOOD, issued="2008", modified="2019-03"), ReadingRules(), today=TODAY
    )

    assert read.dataset is not None
    assert (read.dataset.issued, read.dataset.modified) == (date(2010, 1, 1), date(2019, 3, 1))


def test_a_title_with_a_persons_data_is_refused() -> None:
    read = read_dataset(
        replace(GOOD, title="Contact : jeanne.durand@example.org"), ReadingRules(), today=TODAY
    )

    assert read.dataset is None
    assert "durand" not in str(read.problems[0])


@given(
    st.text(max_size=300),
    st.text(min_size=1, max_size=300),
    st.from_regex(r"[A-Za-z0-9._:-]{0,20}", fullmatch=True),
)
def test_every_key_makes_an_identifier_of_the_contract(
    identifier: str, key: str, prefix: str
) -> None:
    made = dataset_id_of(Described(key=key, identifier=identifier), prefix)

    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", made)
    assert made.startswith(prefix)
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", identifier):
        other = Described(key=key + "é", identifier=identifier + "é")
        assert made != dataset_id_of(other, prefix)


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=12), st.text(max_size=12))
def test_whatever_is_read_fits_the_contract(
    title: str, publisher: str, issued: str, modified: str
) -> None:
    described = replace(GOOD, title=title, publisher=publisher, issued=issued, modified=modified)

    read = read_dataset(described, ReadingRules(publisher="Région"), today=TODAY)

    if read.dataset is None:
        assert read.problems
        return
    DatasetReleased(
        dataset_id=read.dataset.dataset_id,
        released_on=read.dataset.issued or TODAY,
        title=read.dataset.title,
        theme=read.dataset.theme,
        publisher=read.dataset.publisher,
        licence=read.dataset.licence,
        update_frequency=read.dataset.frequency,
    )
