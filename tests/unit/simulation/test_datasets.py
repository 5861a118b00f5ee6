"""Datasets: 320 released, six withdrawn, updated while anybody cares."""

from __future__ import annotations

from datetime import date, timedelta

from events.dataset import (
    DatasetProbed,
    DatasetReleased,
    DatasetUpdated,
    DatasetWithdrawn,
    DataState,
    UpdateFrequency,
)
from simulation.datasets import DATASETS
from tests.support.simulated import Story

DAYS = {
    UpdateFrequency.DAILY: 1,
    UpdateFrequency.WEEKLY: 7,
    UpdateFrequency.MONTHLY: 31,
    UpdateFrequency.QUARTERLY: 92,
    UpdateFrequency.ANNUAL: 366,
    UpdateFrequency.IRREGULAR: 10_000,
}
GRACE = timedelta(days=7)


def test_320_datasets_are_released_and_six_withdrawn(story: Story) -> None:
    """Of each frequency as many as declared."""
    released = story.latest(DatasetReleased).values()
    frequencies = [dataset.update_frequency for dataset in released]
    assert {key: frequencies.count(key) for key in UpdateFrequency} == dict(DATASETS)
    assert len(story.latest(DatasetWithdrawn)) == 6


def test_a_withdrawn_dataset_is_updated_no_more(story: Story) -> None:
    """Its last update comes before."""
    updated = story.latest(DatasetUpdated)
    withdrawn = story.latest(DatasetWithdrawn)
    assert all(
        updated[key].updated_on < fact.withdrawn_on
        for key, fact in withdrawn.items()
        if key in updated
    )


def test_a_tenth_goes_stale(story: Story) -> None:
    """About nine datasets in ten are fresh at the end."""
    end = date(2020, 12, 31)
    gone = story.latest(DatasetWithdrawn)
    updated = story.latest(DatasetUpdated)
    there = {key: fact for key, fact in story.latest(DatasetReleased).items() if key not in gone}
    fresh = sum(
        max(fact.released_on, updated[key].updated_on if key in updated else date.min)
        + timedelta(days=DAYS[fact.update_frequency])
        + GRACE
        >= end
        for key, fact in there.items()
    )
    assert 0.84 < fresh / len(there) < 0.95


def test_what_goes_stale_is_found_by_its_data(story: Story) -> None:
    """A probe says so of each, of some that they are away, and of none after its withdrawal."""
    gone = story.latest(DatasetWithdrawn)
    probed = story.latest(DatasetProbed)
    states = [fact.data_state for key, fact in probed.items() if key not in gone]
    assert probed.keys() == story.latest(DatasetReleased).keys()
    assert 0.84 < states.count(DataState.CURRENT) / len(states) < 0.95
    assert all(probed[key].probed_on < fact.withdrawn_on for key, fact in gone.items())
    away = [one for one in story.facts(DatasetProbed) if one.data_state == DataState.UNAVAILABLE]
    assert 5 < len(away) < 40
