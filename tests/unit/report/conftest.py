"""The page that most tests of this folder ask."""

from collections.abc import Iterator

import pytest

from tests.support.served_page import ServedPage, page_over


@pytest.fixture(scope="module")
def page() -> Iterator[ServedPage]:
    with page_over() as made:
        yield made
