"""The check of Prometheus: its targets, rules, Alertmanager, restarts and retention."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from dashboards import conventions
from operations.prometheus_api import (
    FOR_GRACE_PERIOD,
    PrometheusUnhealthyError,
    RetentionTooShortError,
    as_prometheus_answers,
    get_prometheus,
    longer_grace_period_of,
    retention_of,
)

__all__ = ["check_prometheus"]

#: What the jobs of our programs begin with; `smart-region rules render` names them so.
OUR_JOBS: Final = "smart-region-"
OUR_SERIES: Final = conventions.TERRITORY_VALUE.name
RENDER: Final = "give it the files of `smart-region rules render`, and have it read them again"


def check_prometheus(url: str, *, since: date, today: date) -> str:
    """Return how many of our processes a Prometheus scrapes, and how long it keeps samples.

    Raises PrometheusUnhealthyError where it does not scrape them all, lacks the catalogue's rules,
    fails to evaluate one, has no Alertmanager, forgets at a restart since when alerts fire, or
    deletes samples as old as `since`.
    """
    with as_prometheus_answers(url):
        return _checked(url, since=since, today=today)


def _checked(url: str, *, since: date, today: date) -> str:
    scraped = get_prometheus(url, "/api/v1/targets?state=active")["activeTargets"]
    targets = [target for target in scraped if _job(target).startswith(OUR_JOBS)]
    if not targets:
        remedy = f"{RENDER}; one that has just started needs ten seconds"
        raise PrometheusUnhealthyError(url, problem="scrapes none of our processes", remedy=remedy)
    down = [
        f"{_job(target)} {target['labels'].get('instance', '')}"
        for target in targets
        if target.get("health") == "down"
    ]
    if down:
        remedy = "start them, or take them from its targets; its page /targets says why"
        raise PrometheusUnhealthyError.naming(url, "cannot scrape", down, remedy=remedy)
    _check_rules(url)
    if not get_prometheus(url, "/api/v1/alertmanagers").get("activeAlertmanagers"):
        remedy = "start one, and name it with `smart-region rules render --alertmanager`"
        raise PrometheusUnhealthyError(
            url, problem="has no Alertmanager, so that nobody is notified", remedy=remedy
        )
    if grace := longer_grace_period_of(url):
        problem = f"begins alerts anew at each start that wait for less than {grace}"
        remedy = f"start it with --rules.alert.for-grace-period={FOR_GRACE_PERIOD}"
        raise PrometheusUnhealthyError(url, problem=problem, remedy=remedy)
    retention = retention_of(url)
    if not retention.reaches(since, today):
        raise RetentionTooShortError(url, retention=retention.text, first=since, today=today)
    seen = f"{len(targets)} of our processes"
    return f"{url} sees {seen}, computes and alerts, keeps {retention.text or 'all'}"


def _check_rules(url: str) -> None:
    groups = get_prometheus(url, "/api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    if not any(rule.get("name") == OUR_SERIES for rule in rules):
        raise PrometheusUnhealthyError(url, problem="has not the catalogue's rules", remedy=RENDER)
    failing = [str(rule.get("name")) for rule in rules if rule.get("health") == "err"]
    if failing:
        remedy = "its page /rules says why"
        raise PrometheusUnhealthyError.naming(url, "fails to evaluate", failing, remedy=remedy)


def _job(target: Mapping[str, Any]) -> str:
    return str(target["labels"].get("job", ""))
