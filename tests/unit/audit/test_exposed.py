"""Reading what one worker shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from audit.exposed import (
    WorkerUnreadableError,
    addresses_of,
    metrics_url,
    parse_metrics,
    read_worker,
)
from catalogue import metrics
from tests.support.loopback import recording_server

READY = """\
smartregion_worker_ready 1
smartregion_as_of_timestamp_seconds 1.5300576e+09
smartregion_partitions_expected 8
smartregion_partition_shown{partition="0"} 1
smartregion_partition_shown{partition="5"} 1
smartregion_partition_shown{partition="6"} 0
smartregion_indicator_value{programme="p",indicator="i",department="77",partition="0"} 3
"""


@contextmanager
def serving(body: bytes, *, status: int = 200) -> Iterator[str]:
    """Answer every request with the same; gives the address."""
    with recording_server(status=status, body=body) as server:
        yield server.url


def test_reads_a_worker_over_http() -> None:
    with serving(READY.encode()) as url:
        worker = read_worker(url)

    assert worker.ready
    assert worker.url == f"{url}/metrics"


def test_shows_the_token_that_is_requested() -> None:
    with recording_server(body=READY.encode()) as server:
        read_worker(server.url, token="open-sesame")  # noqa: S106 - the test's
    assert server.secrets == ["Bearer open-sesame"]
    with serving(b"", status=401) as url, pytest.raises(WorkerUnreadableError, match="401"):
        read_worker(url)


def test_has_what_the_worker_exposes_of_itself() -> None:
    worker = parse_metrics("here", READY)

    assert worker.as_of == date(2018, 6, 27)
    assert worker.partitions_expected == 8
    assert worker.partitions_owned == {0, 5}
    assert [sample.value for sample in worker.of(metrics.INDICATOR_VALUE)] == [3.0]


@pytest.mark.parametrize(
    "text",
    [
        "{,\t== histogram+Inf",
        "smartregion_partitions_expected +Inf",
        "smartregion_partitions_expected NaN",
        "smartregion_as_of_timestamp_seconds 1e300",
        "smartregion_partition_shown 1",
        'smartregion_partition_shown{partition="a"} 1',
    ],
)
def test_refuses_metrics_that_no_worker_has(text: str) -> None:
    with pytest.raises(WorkerUnreadableError, match="not Prometheus text"):
        parse_metrics("there", text)


@pytest.mark.parametrize(("body", "status"), [(b"broken", 503), (b"\xff", 200)])
def test_refuses_an_answer_that_is_no_page(body: bytes, status: int) -> None:
    with serving(body, status=status) as url, pytest.raises(WorkerUnreadableError, match=url):
        read_worker(url)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("smartregion_assessor_ready 1", "the assessor answers"),
        ("smartregion_gateway_ready 0", "the gateway answers"),
        ("smartregion_page_ready 1", "the delegate's page answers"),
        ("up 1", "a program that is none of ours answers"),
    ],
)
def test_names_another_program_that_answers(text: str, name: str) -> None:
    """It read as a worker that is not ready."""
    with (
        serving(f"{text}\n".encode()) as url,
        pytest.raises(WorkerUnreadableError, match=f"none at {url}.*{name}"),
    ):
        read_worker(url)


def test_names_an_address_that_does_not_answer() -> None:
    with serving(b"") as url:
        pass

    with pytest.raises(WorkerUnreadableError, match=url):
        read_worker(url, wait_seconds=1)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("127.0.0.1:6066", "http://127.0.0.1:6066/metrics"),
        ("localhost:6066", "http://localhost:6066/metrics"),
        ("http://w:6066", "http://w:6066/metrics"),
        ("http://w:6066/", "http://w:6066/metrics"),
        ("https://w/behind/metrics", "https://w/behind/metrics"),
    ],
)
def test_completes_an_address(given: str, read: str) -> None:
    assert metrics_url(given) == read


@pytest.mark.parametrize(
    "address", ["ftp://w/metrics", "file:///etc/passwd", "http://", "http://["]
)
def test_refuses_an_address_of_another_kind(address: str) -> None:
    with pytest.raises(WorkerUnreadableError):
        metrics_url(address)


def test_a_name_stands_for_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (host, 6066)) for host in ("10.0.0.2", "10.0.0.1")]
    monkeypatch.setattr("streams.queries.addresses.getaddrinfo", lambda *_, **__: found)

    assert addresses_of("dns+http://workers:6066") == [
        "http://10.0.0.1:6066",
        "http://10.0.0.2:6066",
    ]
    assert addresses_of("workers:6066") == ["workers:6066"]


@pytest.mark.parametrize("url", ["dns+http://nobody.invalid:6066", "dns+http://workers"])
def test_a_name_without_addresses_is_reported(url: str) -> None:
    with pytest.raises(WorkerUnreadableError, match="no metrics at"):
        addresses_of(url)
