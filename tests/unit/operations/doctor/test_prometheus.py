"""The check of a Prometheus."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from boundary.errors import SmartRegionError
from dashboards import conventions
from operations.doctor.prometheus import check_prometheus
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


def _away(stub: PrometheusStub) -> None:
    """Prometheus lists what it is told of, whether it answers or not; it counts what failed."""
    stub.notify(f"http://{free_address()}")
    stub.failed = 3


#: By default each alert that waits for less than ten minutes ends with a restart.
GRACE = {"rules.alert.for-grace-period": "10m"}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda stub: stub.scrape("node", "up"), r"scrapes none of our .* rules render"),
        (lambda stub: stub.scrape("smart-region-gateway", "down"), r"region-gateway 127\.0\.0\.1:"),
        (lambda stub: stub.scrape("smart-region-gateway", "unknown"), "smart-region-gateway 127"),
        # It would scrape, and neither board nor alert would have a figure.
        (lambda stub: stub.evaluate(("else:sum", "ok")), "has not the catalogue's rules"),
        (
            lambda stub: stub.evaluate(
                (conventions.TERRITORY_VALUE.name, "ok"), ("MilestoneMissed", "err")
            ),
            r"fails to evaluate .*MilestoneMissed",
        ),
        (
            lambda stub: stub.data.update({"/api/v1/alertmanagers": {"activeAlertmanagers": []}}),
            "no Alertmanager",
        ),
        (_away, r"3 notifications failed.*start it"),
        (
            lambda stub: stub.data.update({"/api/v1/status/flags": GRACE}),
            r"less than 10m: .*grace-period=1m",
        ),
        (lambda stub: stub.data.clear(), r"status 404.*check the address"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(
    stub: PrometheusStub, spoil: Callable[[PrometheusStub], object], problem: str
) -> None:
    spoil(stub)

    with pytest.raises(SmartRegionError, match=problem):
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


@pytest.mark.parametrize("message", ["15d", "10y", "10y or 512MiB"])
def test_one_that_deletes_the_years_is_reported(stub: PrometheusStub, message: str) -> None:
    """By default it keeps 15 days, and deletes without a message."""
    stub.data["/api/v1/status/runtimeinfo"] = {"storageRetention": message}

    with pytest.raises(SmartRegionError, match=rf"keeps {message}, .*retention\.time=15y"):
        run(stub.url)


@pytest.mark.parametrize("message", ["11y", "10y52w", "10GiB", "", "4015d or 10GiB"])
def test_one_that_keeps_them_is_well(stub: PrometheusStub, message: str) -> None:
    """By time; what is bounded by size alone has no age."""
    stub.data["/api/v1/status/runtimeinfo"] = {"storageRetention": message}

    assert f"keeps {message}" in run(stub.url)


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

    with pytest.raises(SmartRegionError, match="does not answer as Prometheus does"):
        run(stub.url)


def test_nothing_at_the_address_is_reported() -> None:
    with pytest.raises(SmartRegionError, match="no answer"):
        run(f"http://{free_address()}")


def test_only_the_web_is_requested() -> None:
    with pytest.raises(SmartRegionError, match="not an http or https address"):
        run("file:///etc/hostname")
