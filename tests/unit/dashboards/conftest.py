"""A stub of Grafana, what asks it, and the time that passes for both."""

from collections.abc import Iterator
from random import Random

import pytest
from pydantic import SecretStr

from boundary.retry_policy import RetryPolicy
from dashboards.grafana import Grafana
from tests.support.grafana_stub import TOKEN, GrafanaStub
from tests.support.passing_time import PassingTime


class LongestPauses(Random):
    """Chance that always chooses the end of a range."""

    def uniform(self, a: float, b: float) -> float:
        """Return the end."""
        return max(a, b)


@pytest.fixture
def time() -> PassingTime:
    """Return a clock that stands at 0."""
    return PassingTime()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, time: PassingTime) -> Iterator[GrafanaStub]:
    """Yield a Grafana that listens; every request to it must be a documented one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with GrafanaStub(clock=time.clock) as stub:
        yield stub


@pytest.fixture
def grafana(stub: GrafanaStub, time: PassingTime) -> Iterator[Grafana]:
    """Yield a client of the stub, with its token."""
    retries = RetryPolicy(90, 0.5, 8, time.clock, time.sleep, LongestPauses())
    with Grafana(stub.url, SecretStr(TOKEN), retries=retries) as grafana:
        yield grafana
