"""Requests to a Prometheus' HTTP API: its retention, its data folder, the value of a series.

Each raises PrometheusUnhealthyError where the answer is not a Prometheus'.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.terminal import one_line

PROGRAMME_YEARS: Final = 15
PROGRAMME_RETENTION: Final = f"{PROGRAMME_YEARS}y"
"""The retention of our own Prometheus: from 2016 on, and years to come."""

FOR_GRACE_PERIOD: Final = "1m"
"""An alert that waits for less begins anew where Prometheus restarts. By its default of ten minutes
most would end meanwhile, with a message that all is well, and be sent again."""

ANSWER_SECONDS: Final = 5.0
OK: Final = 200
_CHECK_ADDRESS: Final = "check the address, and that Prometheus is up"

_SECONDS: Final = MappingProxyType(
    {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
)
_DURATION: Final = re.compile(r"(?:\d+(?:y|w|d|h|ms|m|s))+")
_PART: Final = re.compile(r"(\d+)(y|w|d|h|ms|m|s)")


class PrometheusUnhealthyError(SmartRegionError):
    """Prometheus does not answer, or does not do what figures and alerts need."""

    def __init__(self, url: str, *, problem: str, remedy: str) -> None:
        super().__init__(f"{shown_address(url)}: {one_line(problem)}: {remedy}")

    @classmethod
    def naming(
        cls, url: str, problem: str, found: Sequence[str], *, remedy: str
    ) -> PrometheusUnhealthyError:
        """Return the error that names the first three things found."""
        shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")  # noqa: PLR2004
        return cls(url, problem=f"{problem} ({shown})", remedy=remedy)


class RetentionTooShortError(PrometheusUnhealthyError):
    """Prometheus deletes what is as old as the programme's first days."""

    def __init__(self, url: str, *, retention: str, first: date, today: date) -> None:
        years = max(PROGRAMME_YEARS, math.ceil((today - first).days / 365) + 1)
        super().__init__(
            url,
            problem=(
                f"keeps {retention}, and {first} is {(today - first).days} days ago: it would"
                " delete such blocks within a minute, without a message"
            ),
            remedy=f"start it with --storage.tsdb.retention.time={years}y",
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a Prometheus keeps samples."""

    text: str
    """As runtimeinfo writes it: `15d`, `15y or 10GiB`."""
    seconds: float | None
    """None where nothing is deleted by age."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the retention of runtimeinfo: a duration, a size, or both."""
        durations = [part for part in text.split(" or ") if _DURATION.fullmatch(part)]
        if not durations:
            return cls(text, None)
        return cls(text, _seconds(durations[0]))

    def reaches(self, first: date, today: date) -> bool:
        """Return whether a block of that first day is kept today."""
        return self.seconds is None or (today - first).total_seconds() < self.seconds


def _seconds(duration: str) -> float:
    return sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(duration))


@contextmanager
def as_prometheus_answers(url: str) -> Iterator[None]:
    """Read answers: what is not where Prometheus has it raises PrometheusUnhealthyError."""
    try:
        yield
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise PrometheusUnhealthyError(
            url, problem="does not answer as Prometheus does", remedy=_CHECK_ADDRESS
        ) from error


def retention_of(url: str) -> Retention:
    """Return how long a Prometheus keeps samples; its flags say 0 where the default holds."""
    with as_prometheus_answers(url):
        info = get_prometheus(url, "/api/v1/status/runtimeinfo")
        return Retention.parse(str(info["storageRetention"]))


def longer_grace_period_of(url: str) -> str:
    """Return the grace period of a Prometheus' alerts where it is longer than FOR_GRACE_PERIOD."""
    with as_prometheus_answers(url):
        text = str(get_prometheus(url, "/api/v1/status/flags")["rules.alert.for-grace-period"])
        return text if _seconds(text) > _seconds(FOR_GRACE_PERIOD) else ""


def data_folder_of(url: str) -> Path:
    """Return the folder of its machine in which a Prometheus keeps its data."""
    with as_prometheus_answers(url):
        folder = get_prometheus(url, "/api/v1/status/flags")["storage.tsdb.path"]
        here = get_prometheus(url, "/api/v1/status/runtimeinfo")["CWD"]
        return Path(here, folder)


def value_at(url: str, series: str, day: date) -> float | None:
    """Return the value of a series at midnight (UTC) of a day; None where there is none."""
    moment = round(datetime.combine(day, time(), UTC).timestamp())
    query = urlencode({"query": series, "time": moment})
    with as_prometheus_answers(url):
        found = get_prometheus(url, f"/api/v1/query?{query}")["result"]
        return float(found[0]["value"][1]) if found else None


def get_prometheus(url: str, path: str) -> Mapping[str, Any]:
    """Return the data of a response."""
    try:
        usable_address(url)
        answer = http_get(f"{url.rstrip('/')}{path}", seconds=ANSWER_SECONDS)
        if answer.status == OK:
            data: Mapping[str, Any] = answer.json()["data"]
            return data
        problem = f"answers {path.partition('?')[0]} with status {answer.status}"
    except UnusableAddressError as error:
        raise PrometheusUnhealthyError(url, problem=error.problem, remedy=error.remedy) from None
    except NoAnswerError as error:
        problem = f"no answer ({error.cause})"
    except (KeyError, TypeError):
        problem = "does not answer as Prometheus does"
    raise PrometheusUnhealthyError(url, problem=problem, remedy=_CHECK_ADDRESS)
