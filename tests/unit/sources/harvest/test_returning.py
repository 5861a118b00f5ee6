"""Datasets that vanish and come back, in the figures that the core makes of the events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from streams.histories import histories_of
from tests.support.harvests import NOW, harvest
from tests.support.past_figures import state_store_of
from tests.support.portals import Portal, dataset, portal

CATALOGUE = load_catalogue()
HOUR = 1 / 24


@pytest.fixture
def served() -> Iterator[Portal]:
    """Yield a portal with three datasets, one of them without a day of release."""
    entries = [dataset(f"d-{number}") for number in range(3)]
    del entries[0]["metas"]["dcat"]["issued"], entries[0]["metas"]["default"]["modified"]
    with portal(*entries) as found:
        yield found


def figure(events: list[CloudEvent], indicator: str, *, days: float = 0) -> Fraction | None:
    known = histories_of(state_store_of(CATALOGUE, events), CATALOGUE)
    return known[indicator, None].value((NOW + timedelta(days=days)).date())


@pytest.mark.parametrize("first", [0, 3])
def test_what_is_back_counts_again(served: Portal, tmp_path: Path, first: int) -> None:
    """Also on the day on which it was first seen, and as often as it vanishes on one day."""
    file = tmp_path / "state.json"
    whole = served.datasets
    events, _ = harvest(served, file, with_data=True)
    for number in range(2):
        gone = first + (2 * number + 1) * HOUR
        served.datasets = whole[1:]
        events += harvest(served, file, with_data=True, days=gone)[0]
        assert figure(events, "datasets_released", days=gone) == 2
        served.datasets = whole
        events += harvest(served, file, with_data=True, days=gone + HOUR)[0]

        for name, value in (
            ("datasets_released", 3),
            ("datasets_fresh_ratio", Fraction(1, 3)),
            ("datasets_usable_ratio", 1),
        ):
            assert figure(events, name, days=gone) == value, name
    assert harvest(served, file, with_data=True, days=first + 5 * HOUR)[0] == []


def test_the_data_of_what_is_back_are_reported(served: Portal, tmp_path: Path) -> None:
    """What was found earlier on the day is reported again; otherwise the data are requested."""
    file = tmp_path / "state.json"
    whole = served.datasets
    events, _ = harvest(served, file, with_data=True)
    served.datasets = whole[1:]
    events += harvest(served, file, days=1)[0]
    served.data["d-0"] = b"gare;voyageurs\n"
    served.datasets = whole
    events += harvest(served, file, days=1 + HOUR)[0]
    assert figure(events, "datasets_usable_ratio", days=1) == 1

    events += harvest(served, file, with_data=True, days=1 + 2 * HOUR)[0]
    assert figure(events, "datasets_usable_ratio", days=1) == Fraction(2, 3)
