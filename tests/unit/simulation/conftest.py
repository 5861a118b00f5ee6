"""One whole simulation, read once for all tests of it."""

from __future__ import annotations

import pytest

from tests.support.simulated import Story, read_story


@pytest.fixture(scope="session")
def story() -> Story:
    """The whole simulation of seed 2016."""
    return read_story(2016)
