"""Being refused by a broker that is not there, without a trace in other tests."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def refused_connections() -> Iterator[None]:
    """Refuse connections, as where no broker listens.

    kafka-python leaves the socket of a refused connection to the garbage collector, which warns:
    it is collected here, where that is known, and not in the middle of another test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()
