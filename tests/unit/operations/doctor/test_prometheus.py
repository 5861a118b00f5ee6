"""The check of a Prometheus."""

from collections.abc import Iterator
from datetime import date

import pytest

from dashboards import conventions
from operations.doctor.prometheus import PrometheusUnhealthyError, check_prometheus
from operations.programs.addresses import free_address
from tests.support.prometheus_stub import PrometheusStub, prometheus_stub


def run(url: str) -> str:
    return check_prometheus(url, since=date(2016, 1, 1), today=date(2026, 11, 26))


@pytest.fixture
def stub() -> Iterator[PrometheusStub]:
    with prometheus_stub() as stub:
        yield stub


def test_one_that_passes_is_reported_with_its_targets(stub: PrometheusStub) -> None:
    assert "sees 1 of our processes, computes and alerts" in run(stub.url)


def test_one_that_scrapes_others_only_lacks_our_files(stub: PrometheusStub) -> None:
    stub.scrape("node", "up")

    with pytest.raises(PrometheusUnhealthyError, match=r"scrapes none of our .* rules render"):
        run(stub.url)


@pytest.mark.parametrize("health", ["down", "unknown"])
def test_a_process_that_it_does_not_scrape_is_named(stub: PrometheusStub, health: str) -> None:
    stub.scrape("smart-region-gateway", health)

    with pytest.raises(PrometheusUnhealthyError, match=r"smart-region-gateway 127\.0\.0\.1:6066"):
        run(stub.url)


def test_one_without_the_catalogues_rules_lacks_them(stub: PrometheusStub) -> None:
    """It would scrape, and neither board nor alert would have a figure."""
    stub.evaluate(("somebody:else:sum", "ok"))

    with pytest.raises(PrometheusUnhealthyError, match="has not the catalogue's rules"):
        run(stub.url)


def test_a_rule_that_fails_is_named(stub: PrometheusStub) -> None:
    stub.evaluate((conventions.TERRITORY_VALUE.name, "ok"), ("MilestoneMissed", "err"))

    with pytest.raises(PrometheusUnhealthyError, match=r"fails to evaluate .*MilestoneMissed"):
        run(stub.url)


def test_one_without_an_alertmanager_wakes_nobody(stub: PrometheusStub) -> None:
    stub.data["/api/v1/alertmanagers"] = {"activeAlertmanagers": []}

    with pytest.raises(PrometheusUnhealthyError, match="no Alertmanager"):
        run(stub.url)


def test_an_alertmanager_that_is_away_wakes_nobody(stub: PrometheusStub) -> None:
    """Prometheus lists what it is told of, whether it answers or not; it counts what failed."""
    stub.notify(f"http://{free_address()}")
    stub.failed = 3

    with pytest.raises(PrometheusUnhealthyError, match=r"3 notifications failed.*start it"):
        run(stub.url)


def test_an_alertmanager_that_is_reached_from_elsewhere_alone_is_not_vouched_for(
    stub: PrometheusStub,
) -> None:
    """It may be on a network of Prometheus' own."""
    address = free_address()
    stub.notify(f"http://{address}/alerts")

    told = run(stub.url)

    assert f"Alertmanager http://{address}/alerts does not answer from here" in told
    assert "computes and alerts" not in told


def test_one_that_begins_alerts_anew_is_reported(stub: PrometheusStub) -> None:
    """By default, each that waits for less than ten minutes: they would end with each restart."""
    stub.data["/api/v1/status/flags"] = {"rules.alert.for-grace-period": "10m"}

    with pytest.raises(PrometheusUnhealthyError, match=r"less than 10m: .*grace-period=1m"):
        run(stub.url)


@pytest.mark.parametrize("message", ["15d", "10y", "10y or 512MiB"])
def test_one_that_deletes_the_years_is_reported(stub: PrometheusStub, message: str) -> None:
    """By default it keeps 15 days, and deletes without a message."""
    stub.data["/api/v1/status/runtimeinfo"] = {"storageRetention": message}

    with pytest.raises(PrometheusUnhealthyError, match=rf"keeps {message}, .*retention\.time=15y"):
        run(stub.url)


@pytest.mark.parametrize("message", ["11y", "10y52w", "10GiB", "", "4015d or 10GiB"])
def test_one_that_keeps_them_is_well(stub: PrometheusStub, message: str) -> None:
    """By time; what is bounded by size alone has no age."""
    stub.data["/api/v1/status/runtimeinfo"] = {"storageRetention": message}

    assert f"keeps {message}" in run(stub.url)


def test_something_else_at_the_address_is_reported(stub: PrometheusStub) -> None:
    stub.data.clear()

    with pytest.raises(PrometheusUnhealthyError, match=r"status 404.*check the address"):
        run(stub.url)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("targets", []),
        ("targets", {"activeTargets": [{}]}),
        ("rules", {"groups": [{"rules": None}]}),
        ("alertmanagers", "none"),
        ("status/runtimeinfo", {}),
        ("status/runtimeinfo", {"storageRetention": "9" * 5_000 + "y"}),
    ],
)
def test_another_form_of_answers_is_reported(stub: PrometheusStub, path: str, data: object) -> None:
    stub.data[f"/api/v1/{path}"] = data

    with pytest.raises(PrometheusUnhealthyError, match="does not answer as Prometheus does"):
        run(stub.url)


def test_nothing_at_the_address_is_reported() -> None:
    with pytest.raises(PrometheusUnhealthyError, match="no answer"):
        run(f"http://{free_address()}")


def test_only_the_web_is_requested() -> None:
    with pytest.raises(PrometheusUnhealthyError, match="not an http or https address"):
        run("file:///etc/hostname")
