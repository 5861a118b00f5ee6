"""One whole simulation, read once for all tests of it."""

from __future__ import annotations

import pytest

from catalogue.loader import load_catalogue
from streams.state_store import StateStore
from tests.support.past_figures import state_store_of
from tests.support.simulated import Story, read_story


@pytest.fixture(scope="session")
def story() -> Story:
    return read_story(2016)


@pytest.fixture(scope="session")
def state_store(story: Story) -> StateStore:
    return state_store_of(load_catalogue(), [event for _, event in story.events])
