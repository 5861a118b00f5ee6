"""A stub of Grafana, what asks it, and the time that passes for both."""

from collections.abc import Iterator

import pytest

from dashboards.publishing.access import Address, Token
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.retry_policy import RetryPolicy
from tests.support.grafana_stub import TOKEN, GrafanaStub
from tests.support.passing_time import PassingTime


@pytest.fixture
def time() -> PassingTime:
    """Give a clock that stands at 0."""
    return PassingTime()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, time: PassingTime) -> Iterator[GrafanaStub]:
    """Give a Grafana that listens; every request to it must be a documented one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with GrafanaStub(clock=time.clock) as stub:
        yield stub


@pytest.fixture
def grafana(stub: GrafanaStub, time: PassingTime) -> Iterator[Grafana]:
    """Give what asks the stub, with its token."""
    patience = RetryPolicy(total=20)
    address, token = Address.parse(stub.url), Token(TOKEN)
    with Grafana(address, token, patience, clock=time.clock, sleep=time.sleep) as grafana:
        yield grafana
