"""What the doctor says of a Prometheus."""

from collections.abc import Iterator

import pytest

from catalogue import rule_names
from streams.doctor.errors import PrometheusUnwellError
from streams.doctor.prometheus import look_at_prometheus
from streams.programs.addresses import free_address
from tests.support.prometheus_stub import PrometheusStub, prometheus_stub


@pytest.fixture
def stub() -> Iterator[PrometheusStub]:
    """Give a Prometheus with which everything is well."""
    with prometheus_stub() as stub:
        yield stub


def test_a_well_one_is_told_with_what_it_sees(stub: PrometheusStub) -> None:
    """Targets of others are not counted."""
    assert "sees 1 of our processes" in look_at_prometheus(stub.url)


def test_one_that_scrapes_others_only_lacks_our_files(stub: PrometheusStub) -> None:
    """Without a target of ours no figure reaches it."""
    stub.scrape("node", "up")

    with pytest.raises(PrometheusUnwellError, match=r"scrapes none of our .* rules render"):
        look_at_prometheus(stub.url)


def test_a_process_that_it_cannot_scrape_is_named(stub: PrometheusStub) -> None:
    """With its job and its address, so that somebody can start it."""
    stub.scrape("smart-region-gateway", "down")

    with pytest.raises(PrometheusUnwellError, match=r"smart-region-gateway 127\.0\.0\.1:6066"):
        look_at_prometheus(stub.url)


def test_one_without_the_catalogues_rules_lacks_them(stub: PrometheusStub) -> None:
    """It would scrape, and neither board nor alert would have a figure."""
    stub.evaluate(("somebody:else:sum", "ok"))

    with pytest.raises(PrometheusUnwellError, match="has not the catalogue's rules"):
        look_at_prometheus(stub.url)


def test_a_rule_that_fails_is_named(stub: PrometheusStub) -> None:
    """A rule in error computes nothing, and nobody is woken by it."""
    stub.evaluate((rule_names.TERRITORY_VALUE.name, "ok"), ("MilestoneMissed", "err"))

    with pytest.raises(PrometheusUnwellError, match=r"fails to evaluate .*MilestoneMissed"):
        look_at_prometheus(stub.url)


def test_one_without_an_alertmanager_wakes_nobody(stub: PrometheusStub) -> None:
    """Alerts that nobody hears are a fault."""
    stub.data["/api/v1/alertmanagers"] = {"activeAlertmanagers": []}

    with pytest.raises(PrometheusUnwellError, match="no Alertmanager"):
        look_at_prometheus(stub.url)


def test_something_else_at_the_address_is_told(stub: PrometheusStub) -> None:
    """A wrong port leads to another server."""
    stub.data.clear()

    with pytest.raises(PrometheusUnwellError, match=r"status 404.*check the address"):
        look_at_prometheus(stub.url)


def test_nobody_at_the_address_is_told() -> None:
    """It is down, or elsewhere."""
    with pytest.raises(PrometheusUnwellError, match="no answer"):
        look_at_prometheus(f"http://{free_address()}")


def test_only_the_web_is_asked() -> None:
    """A file is no Prometheus."""
    with pytest.raises(PrometheusUnwellError, match="no address of the Web"):
        look_at_prometheus("file:///etc/hostname")
