"""The check of Prometheus: its targets, rules, Alertmanager, restarts and retention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.http_client import NoAnswerError, http_get
from boundary.terminal import counted
from dashboards import conventions
from operations.prometheus_api import (
    ANSWER_SECONDS,
    FOR_GRACE_PERIOD,
    PrometheusUnhealthyError,
    RetentionTooShortError,
    as_prometheus_answers,
    get_prometheus,
    longer_grace_period_of,
    retention_of,
)

#: What the jobs of our programs begin with; `smart-region rules render` names them so.
OUR_JOBS: Final = "smart-region-"
_ALERTS: Final = "/api/v2/alerts"
"""What Prometheus adds to the address of an Alertmanager."""
_FAILED: Final = re.compile(
    r"^prometheus_notifications_errors_total(?:\{.*\})? ([0-9.e+]+)$", re.MULTILINE
)
OUR_SERIES: Final = conventions.TERRITORY_VALUE.name
RENDER: Final = "give it the files of `smart-region rules render`, and have it read them again"


def check_prometheus(url: str, *, since: date, today: date) -> str:
    """Return how many of our processes a Prometheus scrapes, and how long it keeps samples.

    Raises PrometheusUnhealthyError where it does not scrape them all, lacks the catalogue's rules,
    fails to evaluate one, has no Alertmanager or notifies it in vain, forgets at a restart since
    when alerts fire, or deletes samples as old as `since`.
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
        if target.get("health") != "up"
    ]
    if down:
        remedy = (
            "start them, or take them from its targets; its page /targets says why, and one that"
            " has just started needs ten seconds"
        )
        raise PrometheusUnhealthyError.naming(url, "cannot scrape", down, remedy=remedy)
    _check_rules(url)
    does = _alerting(url)
    if grace := longer_grace_period_of(url):
        problem = f"begins alerts anew at each start that wait for less than {grace}"
        remedy = f"start it with --rules.alert.for-grace-period={FOR_GRACE_PERIOD}"
        raise PrometheusUnhealthyError(url, problem=problem, remedy=remedy)
    retention = retention_of(url)
    if not retention.reaches(since, today):
        raise RetentionTooShortError(url, retention=retention.text, first=since, today=today)
    seen = f"{len(targets)} of our processes"
    return f"{url} sees {seen}, {does}, keeps {retention.text or 'all'}"


def _check_rules(url: str) -> None:
    groups = get_prometheus(url, "/api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    if not any(rule.get("name") == OUR_SERIES for rule in rules):
        raise PrometheusUnhealthyError(url, problem="has not the catalogue's rules", remedy=RENDER)
    failing = [str(rule.get("name")) for rule in rules if rule.get("health") == "err"]
    if failing:
        remedy = "its page /rules says why"
        raise PrometheusUnhealthyError.naming(url, "fails to evaluate", failing, remedy=remedy)


def _alerting(url: str) -> str:
    """Return whether alerts arrive, as far as that is known here.

    Prometheus lists the Alertmanagers that it is told of, whether they answer or not.
    """
    listed = get_prometheus(url, "/api/v1/alertmanagers").get("activeAlertmanagers")
    if not listed:
        remedy = "start one, and name it with `smart-region rules render --alertmanager`"
        raise PrometheusUnhealthyError(
            url, problem="has no Alertmanager, so that nobody is notified", remedy=remedy
        )
    addresses = [str(one["url"]).removesuffix(_ALERTS) for one in listed]
    if any(_text_at(f"{one}/-/ready") is not None for one in addresses):
        return "computes and alerts"
    shown = shown_address(addresses[0])
    if failed := sum(map(float, _FAILED.findall(_text_at(f"{url.rstrip('/')}/metrics") or ""))):
        vain = counted(round(failed), "notification")
        problem = f"{vain} failed, and its Alertmanager {shown} does not answer"
        remedy = "start it, or correct its address"
        raise PrometheusUnhealthyError(url, problem=problem, remedy=remedy)
    return f"computes; its Alertmanager {shown} does not answer from here"


def _text_at(address: str) -> str | None:
    """Return what a server answers at an address; None where it does not."""
    try:
        return http_get(address, seconds=ANSWER_SECONDS).body.decode(errors="replace")
    except (UnusableAddressError, NoAnswerError):
        return None


def _job(target: Mapping[str, Any]) -> str:
    return str(target["labels"].get("job", ""))
