"""Descriptions of datasets, read or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.diagnostic import Diagnostic
from events.dataset import DatasetReleased, Licence, Theme, UpdateFrequency
from sources.harvest.portal_dataset import Described
from sources.harvest.reading import PortalDataset, ReadingRules, dataset_id_of, read_dataset

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


def read(
    described: Described = GOOD, **other: Any
) -> tuple[PortalDataset | None, list[Diagnostic]]:
    return read_dataset(replace(described, **other), ReadingRules(), today=TODAY)


def test_a_description_is_read() -> None:
    released = DatasetReleased(
        dataset_id="gares",
        released_on=date(2019, 3, 11),
        title="Gares",
        theme=Theme.TRANSPORT,
        publisher="Région",
        licence=Licence.OPEN_LICENCE,
        update_frequency=UpdateFrequency.MONTHLY,
    )
    assert read() == (PortalDataset(released, modified=date(2026, 5, 4)), [])


def test_all_that_is_missing_is_said_at_once() -> None:
    dataset, problems = read(Described(key="x"))

    assert dataset is None
    assert [one.field for one in problems] == ["title", "publisher", "theme", "licence"]
    assert all(one.remedy for one in problems)


def test_a_closed_licence_is_refused_and_never_to_be_called_open() -> None:
    """An unknown word may be given a code, and which ones there are is said."""
    closed, unknown = (str(read(licences=(word,))[1][0]) for word in ("CC BY-NC 4.0", "Libre"))

    assert "licence: forbids commercial use or changes, value 'CC BY-NC 4.0': " in closed
    assert "--licence" not in closed
    assert "--licence 'WORD=CODE', CODE one of open_licence, odbl, other_open" in unknown


@pytest.mark.parametrize(
    ("issued", "modified", "released_on", "problems"),
    [
        ("hier", "2059-01-01", TODAY, ["is not a day", "is yet to come"]),
        ("", "2026-05-04", date(2026, 5, 4), []),
        ("2008", "2019-03", date(2010, 1, 1), []),
        ("2019-03", "", date(2019, 3, 1), []),
    ],
)
def test_a_day_is_read_or_left_out(
    issued: str, modified: str, released_on: date, problems: list[str]
) -> None:
    """A year or a month is its first day, but none is before the monitor's first."""
    dataset, found = read(issued=issued, modified=modified)

    assert dataset is not None
    assert dataset.released.released_on == released_on
    assert [one.problem for one in found] == problems


def test_a_title_with_a_persons_data_is_refused() -> None:
    dataset, (problem,) = read(title="Contact : jeanne.durand@example.org")

    assert dataset is None
    assert "durand" not in str(problem)


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
        other = Described(key=key + "é", identifier=identifier and identifier + "é")
        assert made != dataset_id_of(other, prefix)
