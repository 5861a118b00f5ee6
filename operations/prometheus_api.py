"""A Prometheus' HTTP API, as far as we ask it: what it keeps, where, and what it knows of a day."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import urlencode

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.showing import one_line

__all__ = [
    "PROGRAMME_RETENTION",
    "PrometheusUnwellError",
    "Retention",
    "RetentionTooShortError",
    "ask_prometheus",
    "data_folder_of",
    "retention_of",
    "value_at",
]

PROGRAMME_YEARS: Final = 15
PROGRAMME_RETENTION: Final = f"{PROGRAMME_YEARS}y"
"""What our own Prometheus keeps: from 2016 on, with years to come."""

ANSWER_SECONDS: Final = 5.0
OK: Final = 200

_SECONDS: Final = MappingProxyType(
    {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
)
_DURATION: Final = re.compile(r"(?:\d+(?:y|w|d|h|ms|m|s))+")
_PART: Final = re.compile(r"(\d+)(y|w|d|h|ms|m|s)")


class PrometheusUnwellError(SmartRegionError):
    """Prometheus does not answer, or does not do what the figures and alerts need."""

    def __init__(self, url: str, *, problem: str, remedy: str) -> None:
        self.url = url
        self.problem = problem
        super().__init__(f"{shown_address(url)}: {one_line(problem)}: {remedy}")

    @classmethod
    def naming(
        cls, url: str, problem: str, found: Sequence[str], *, remedy: str
    ) -> PrometheusUnwellError:
        """Tell what was found, the first few of it."""
        shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")  # noqa: PLR2004
        return cls(url, problem=f"{problem} ({shown})", remedy=remedy)


class RetentionTooShortError(PrometheusUnwellError):
    """Prometheus deletes what is as old as the programme's first days."""

    def __init__(self, url: str, *, retention: str, first: date, today: date) -> None:
        self.retention = retention
        years = max(PROGRAMME_YEARS, math.ceil((today - first).days / 365) + 1)
        super().__init__(
            url,
            problem=(
                f"keeps {retention}, and {first} is {(today - first).days} days ago: it would"
                " delete such blocks within a minute, without a word"
            ),
            remedy=f"start it with --storage.tsdb.retention.time={years}y",
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a Prometheus keeps samples."""

    told: str
    """As it says it itself: `15d`, `15y or 10GiB`."""
    seconds: float | None
    """None where nothing is deleted for its age."""

    @classmethod
    def parse(cls, told: str) -> Self:
        """Read what runtimeinfo says: a duration, a size, or both."""
        durations = [part for part in told.split(" or ") if _DURATION.fullmatch(part)]
        if not durations:
            return cls(told, None)
        spans = (int(count) * _SECONDS[unit] for count, unit in _PART.findall(durations[0]))
        return cls(told, sum(spans))

    def reaches(self, first: date, today: date) -> bool:
        """Tell whether a block of that first day is kept today."""
        return self.seconds is None or (today - first) < timedelta(seconds=self.seconds)


def retention_of(url: str) -> Retention:
    """Ask what a Prometheus keeps; its flags tell 0 where its default counts.

    Raises as `ask_prometheus`.
    """
    return Retention.parse(
        str(ask_prometheus(url, "/api/v1/status/runtimeinfo")["storageRetention"])
    )


def data_folder_of(url: str) -> Path:
    """Ask in which folder of its machine a Prometheus keeps its data.

    Raises as `ask_prometheus`.
    """
    folder = ask_prometheus(url, "/api/v1/status/flags")["storage.tsdb.path"]
    here = ask_prometheus(url, "/api/v1/status/runtimeinfo")["CWD"]
    return Path(here, folder)


def value_at(url: str, series: str, day: date) -> float | None:
    """Ask for the one value of a series at midnight (UTC) of a day; None where there is none.

    Raises as `ask_prometheus`.
    """
    moment = round(datetime.combine(day, time(), UTC).timestamp())
    query = urlencode({"query": series, "time": moment})
    found = ask_prometheus(url, f"/api/v1/query?{query}")["result"]
    return float(found[0]["value"][1]) if found else None


def ask_prometheus(url: str, path: str) -> Mapping[str, Any]:
    """Ask the API. Raises PrometheusUnwellError where that is not who answers."""
    try:
        usable_address(url)
        answer = http_get(f"{url.rstrip('/')}{path}", seconds=ANSWER_SECONDS)
        if answer.status == OK:
            data: Mapping[str, Any] = answer.json()["data"]
            return data
        problem = f"answers {path.partition('?')[0]} with status {answer.status}"
    except UnusableAddressError as error:
        raise PrometheusUnwellError(url, problem=error.problem, remedy=error.remedy) from None
    except NoAnswerError as error:
        problem = f"no answer ({error.cause})"
    except (KeyError, TypeError):
        problem = "does not answer as Prometheus does"
    raise PrometheusUnwellError(
        url, problem=problem, remedy="check the address, and that Prometheus is up"
    )
