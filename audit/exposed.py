"""The samples that one worker exposes on /metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.terminal import one_line
from catalogue import metrics
from streams.queries.addresses import WorkersUnknownError, parse_workers

METRICS_PATH: Final = "/metrics"
WAIT_SECONDS: Final = 10.0
OK: Final = 200
_OTHERS: Final = {
    metrics.ASSESSOR_READY: "the assessor",
    metrics.GATEWAY_READY: "the gateway",
    metrics.PAGE_READY: "the delegate's page",
}
"""What each metric is exposed by."""


class WorkerUnreadableError(SmartRegionError):
    """A worker's metrics could not be read or parsed."""

    def __init__(self, url: str, *, cause: str, problem: str = "no metrics at") -> None:
        super().__init__(
            f"worker: {problem} {shown_address(url)} ({one_line(cause)}):"
            " check the address, and that `smart-region worker` runs there"
        )


@dataclass(frozen=True, slots=True)
class Exposed:
    """One worker's samples by the name of their metric; `url` is where they were read."""

    url: str
    samples: Mapping[str, Sequence[Sample]]

    def of(self, metric: metrics.Metric) -> Sequence[Sample]:
        """Return every sample of a metric; none where the worker does not expose it."""
        return self.samples.get(metric.name, ())

    @property
    def ready(self) -> bool:
        """True where the worker's state is rebuilt."""
        return self.single(metrics.WORKER_READY) == 1

    @property
    def as_of(self) -> date | None:
        """The worker's day."""
        seconds = self.single(metrics.AS_OF)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()

    @property
    def partitions_expected(self) -> int:
        """How many partitions there are on all workers; 0 where it is not exposed."""
        return int(self.single(metrics.PARTITIONS_EXPECTED) or 0)

    @property
    def partitions_owned(self) -> frozenset[int]:
        """The partitions whose figures the worker exposes."""
        owned = self.of(metrics.PARTITION_SHOWN)
        return frozenset(int(sample.labels["partition"]) for sample in owned if sample.value)

    def single(self, metric: metrics.Metric) -> float | None:
        """Return the value of a metric of one sample; None where the worker does not expose it."""
        return next((sample.value for sample in self.of(metric)), None)


def read_worker(
    url: str,
    *,
    token: str | None = None,
    plain_http: bool = False,
    wait_seconds: float = WAIT_SECONDS,
) -> Exposed:
    """Read a worker's metrics, as `read_exposed` has it.

    Raises `WorkerUnreadableError` also where what answers is another program.
    """
    exposed = read_exposed(url, token=token, plain_http=plain_http, wait_seconds=wait_seconds)
    if exposed.single(metrics.WORKER_READY) is None:
        found = (name for metric, name in _OTHERS.items() if exposed.of(metric))
        cause = f"{next(found, 'a program that is none of ours')} answers"
        raise WorkerUnreadableError(exposed.url, cause=cause, problem="none at")
    return exposed


def read_exposed(
    url: str,
    *,
    token: str | None = None,
    plain_http: bool = False,
    wait_seconds: float = WAIT_SECONDS,
) -> Exposed:
    """Read a program's metrics; `token` is the bearer token of its /metrics, if it needs one.

    The token goes over http to this machine alone, unless `plain_http`; and it follows no
    redirect. Raises `WorkerUnreadableError` where there is nothing to read.
    """
    address = metrics_url(url)
    try:
        answer = http_get(address, seconds=wait_seconds, token=token, plain_http=plain_http)
        if answer.status != OK:
            raise WorkerUnreadableError(address, cause=f"HTTP status {answer.status}")
        text = answer.body.decode()
    except UnusableAddressError as error:
        raise WorkerUnreadableError(address, cause=f"{error.problem}: {error.remedy}") from None
    except (NoAnswerError, UnicodeDecodeError) as error:
        raise WorkerUnreadableError(address, cause=str(error)) from error
    return parse_metrics(address, text)


def parse_metrics(url: str, text: str) -> Exposed:
    """Parse the text read at `url`. Raises `WorkerUnreadableError` where it is no metrics."""
    samples: dict[str, list[Sample]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
        exposed = Exposed(url, samples)
        # What the monitor's own metrics say is read now: they may be those of another program.
        exposed.as_of, exposed.partitions_expected, exposed.partitions_owned  # noqa: B018
    except (ValueError, LookupError, OverflowError) as error:
        raise WorkerUnreadableError(url, cause=f"not Prometheus text: {error}") from error
    return exposed


def metrics_url(url: str) -> str:
    """Return an address with the path: `host:port` and `http://host:port` get /metrics."""
    address = url if "://" in url else f"http://{url}"
    try:
        parts = usable_address(address)
    except UnusableAddressError as error:
        raise WorkerUnreadableError(url, cause=f"{error.problem}: {error.remedy}") from None
    return address if parts.path.strip("/") else parts._replace(path=METRICS_PATH).geturl()


def base_url(url: str) -> str:
    """Return the scheme and the host of an address, as `metrics_url` takes it."""
    return urlsplit(metrics_url(url))._replace(path="", query="", fragment="").geturl()


def addresses_of(url: str) -> list[str]:
    """Return an address, or those of a name that is written as `dns+http://NAME:PORT`.

    Raises `WorkerUnreadableError` where the name has none.
    """
    if "dns+" not in url:
        return [url]
    try:
        return sorted(one.url for one in parse_workers(url).targets())
    except (ValueError, WorkersUnknownError) as error:
        raise WorkerUnreadableError(url, cause=str(error)) from None
