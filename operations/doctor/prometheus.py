"""Prometheus as the doctor looks at it: whether it sees the monitor, computes, and tells people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from dashboards import conventions
from operations.prometheus_api import (
    PrometheusUnwellError,
    RetentionTooShortError,
    ask_prometheus,
    retention_of,
)

__all__ = ["look_at_prometheus"]

#: What the jobs of our programs begin with; `smart-region rules render` names them so.
OUR_JOBS: Final = "smart-region-"
OUR_SERIES: Final = conventions.TERRITORY_VALUE.name
RENDER: Final = "give it the files of `smart-region rules render`, and have it read them again"


def look_at_prometheus(url: str, *, since: date, today: date) -> str:
    """Tell how many of our processes a Prometheus sees, and how long it keeps what they say.

    Raises PrometheusUnwellError where it sees none or not all, has not the catalogue's rules, fails
    to evaluate one, has no Alertmanager, or deletes what is as old as `since`.
    """
    targets = [target for target in _targets(url) if _job(target).startswith(OUR_JOBS)]
    if not targets:
        remedy = f"{RENDER}; one that has just started needs ten seconds"
        raise PrometheusUnwellError(url, problem="scrapes none of our processes", remedy=remedy)
    down = [
        f"{_job(target)} {target['labels'].get('instance', '')}"
        for target in targets
        if target.get("health") == "down"
    ]
    if down:
        remedy = "start them, or take them from its targets; its page /targets says why"
        raise PrometheusUnwellError.naming(url, "cannot scrape", down, remedy=remedy)
    _look_at_rules(url)
    if not ask_prometheus(url, "/api/v1/alertmanagers").get("activeAlertmanagers"):
        remedy = "start one, and name it with `smart-region rules render --alertmanager`"
        raise PrometheusUnwellError(
            url, problem="has no Alertmanager, so that nobody is told", remedy=remedy
        )
    retention = retention_of(url)
    if not retention.reaches(since, today):
        raise RetentionTooShortError(url, retention=retention.told, first=since, today=today)
    seen = f"{len(targets)} of our processes"
    return f"{url} sees {seen}, computes and alerts, keeps {retention.told or 'all'}"


def _look_at_rules(url: str) -> None:
    rules = list(_rules(url))
    if not any(rule.get("name") == OUR_SERIES for rule in rules):
        raise PrometheusUnwellError(url, problem="has not the catalogue's rules", remedy=RENDER)
    failing = [str(rule.get("name")) for rule in rules if rule.get("health") == "err"]
    if failing:
        remedy = "its page /rules says why"
        raise PrometheusUnwellError.naming(url, "fails to evaluate", failing, remedy=remedy)


def _targets(url: str) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = ask_prometheus(url, "/api/v1/targets?state=active")[
        "activeTargets"
    ]
    return found


def _job(target: Mapping[str, Any]) -> str:
    return str(target["labels"].get("job", ""))


def _rules(url: str) -> Iterator[Mapping[str, Any]]:
    for group in ask_prometheus(url, "/api/v1/rules")["groups"]:
        yield from group["rules"]
