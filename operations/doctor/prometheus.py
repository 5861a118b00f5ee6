"""The check of Prometheus: its targets, rules, Alertmanager, restarts and retention."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.terminal import counted, one_line
from dashboards import conventions
from operations.programs.alerting import FOR_GRACE_PERIOD, PROGRAMME_YEARS

#: What the jobs of our programs begin with; `smart-region rules render` names them so.
OUR_JOBS: Final = "smart-region-"
_ALERTS: Final = "/api/v2/alerts"
"""What Prometheus adds to the address of an Alertmanager."""
_FAILED: Final = re.compile(
    r"^prometheus_notifications_errors_total(?:\{.*\})? ([0-9.e+]+)$", re.MULTILINE
)
OUR_SERIES: Final = conventions.TERRITORY_VALUE.name
RENDER: Final = "give it the files of `smart-region rules render`, and have it read them again"
ANSWER_SECONDS: Final = 5.0
SHOWN: Final = 3
_CHECK_ADDRESS: Final = "check the address, and that Prometheus is up"

_SECONDS: Final = MappingProxyType(
    {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
)
_DURATION: Final = re.compile(r"(?:\d+(?:y|w|d|h|ms|m|s))+")
_PART: Final = re.compile(r"(\d+)(y|w|d|h|ms|m|s)")


def check_prometheus(url: str, *, since: date, today: date) -> str:
    """Return how many of our processes a Prometheus scrapes, and how long it keeps samples.

    Raises SmartRegionError if it does not scrape them all, lacks the catalogue's rules, fails to
    evaluate one, has no Alertmanager or cannot reach it, forgets at a restart since when alerts
    fire, or deletes samples as old as `since`.
    """
    try:
        targets = _check_targets(url)
        _check_rules(url)
        alerting = _check_alerting(url)
        grace = str(get_prometheus(url, "/api/v1/status/flags")["rules.alert.for-grace-period"])
        if _seconds(grace) > _seconds(FOR_GRACE_PERIOD):
            problem = f"begins alerts anew at each start that wait for less than {grace}"
            remedy = f"start it with --rules.alert.for-grace-period={FOR_GRACE_PERIOD}"
            raise _error(url, problem, remedy)
        kept = check_retention(url, since=since, today=today)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise _error(url, "does not answer as Prometheus does", _CHECK_ADDRESS) from error
    return f"{url} sees {targets} of our processes, {alerting}, keeps {kept or 'all'}"


def check_retention(url: str, *, since: date, today: date) -> str:
    """Return how long a Prometheus keeps samples: a duration, a size, both, or nothing.

    Raises SmartRegionError if a block of the day `since` would be deleted today.
    """
    # Its flags say 0 for the default.
    kept = str(get_prometheus(url, "/api/v1/status/runtimeinfo")["storageRetention"])
    durations = [part for part in kept.split(" or ") if _DURATION.fullmatch(part)]
    days = (today - since).days
    if durations and days * _SECONDS["d"] >= _seconds(durations[0]):
        problem = (
            f"keeps {kept}, and {since} is {days} days ago: it would delete such blocks within a"
            " minute, without a message"
        )
        years = max(PROGRAMME_YEARS, math.ceil(days / 365) + 1)
        raise _error(url, problem, f"start it with --storage.tsdb.retention.time={years}y")
    return kept


def _seconds(duration: str) -> float:
    return sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(duration))


def _check_targets(url: str) -> int:
    """Return how many of our processes it scrapes. Raises SmartRegionError."""
    scraped = get_prometheus(url, "/api/v1/targets?state=active")["activeTargets"]
    targets = [target for target in scraped if _job(target).startswith(OUR_JOBS)]
    if not targets:
        remedy = f"{RENDER}; one that has just started needs ten seconds"
        raise _error(url, "scrapes none of our processes", remedy)
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
        raise _error(url, f"cannot scrape {_listed(down)}", remedy)
    return len(targets)


def _check_rules(url: str) -> None:
    groups = get_prometheus(url, "/api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    if not any(rule.get("name") == OUR_SERIES for rule in rules):
        raise _error(url, "has not the catalogue's rules", RENDER)
    failing = [str(rule.get("name")) for rule in rules if rule.get("health") == "err"]
    if failing:
        raise _error(url, f"fails to evaluate {_listed(failing)}", "its page /rules says why")


def _check_alerting(url: str) -> str:
    """Return whether alerts arrive, as far as that is known here. Raises SmartRegionError.

    Prometheus lists the Alertmanagers in its configuration, whether they answer or not.
    """
    listed = get_prometheus(url, "/api/v1/alertmanagers").get("activeAlertmanagers")
    if not listed:
        remedy = "start one, and name it with `smart-region rules render --alertmanager`"
        raise _error(url, "has no Alertmanager, so that nobody is notified", remedy)
    addresses = [str(one["url"]).removesuffix(_ALERTS) for one in listed]
    if any(_text_at(f"{one}/-/ready") is not None for one in addresses):
        return "computes and alerts"
    shown = shown_address(addresses[0])
    if failed := sum(map(float, _FAILED.findall(_text_at(f"{url.rstrip('/')}/metrics") or ""))):
        vain = counted(round(failed), "notification")
        problem = f"{vain} failed, and its Alertmanager {shown} does not answer"
        raise _error(url, problem, "start it, or correct its address")
    return f"computes; its Alertmanager {shown} does not answer from here"


def _listed(found: Sequence[str]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"({', '.join(found[:SHOWN])}{more})"


def _error(url: str, problem: str, remedy: str) -> SmartRegionError:
    return SmartRegionError(f"{shown_address(url)}: {one_line(problem)}: {remedy}")


def _text_at(address: str) -> str | None:
    """Return what a server answers at an address; None where it does not."""
    try:
        return http_get(address, seconds=ANSWER_SECONDS).body.decode(errors="replace")
    except (UnusableAddressError, NoAnswerError):
        return None


def _job(target: Mapping[str, Any]) -> str:
    return str(target["labels"].get("job", ""))


def get_prometheus(url: str, path: str) -> Mapping[str, Any]:
    """Return the data of a response. Raises SmartRegionError."""
    try:
        usable_address(url)
        answer = http_get(f"{url.rstrip('/')}{path}", seconds=ANSWER_SECONDS)
        if answer.status == HTTPStatus.OK:
            data: Mapping[str, Any] = answer.json()["data"]
            return data
        problem = f"answers {path.partition('?')[0]} with status {answer.status}"
    except UnusableAddressError as error:
        raise _error(url, error.problem, error.remedy) from None
    except NoAnswerError as error:
        problem = f"no answer ({error.cause})"
    except (KeyError, TypeError):
        problem = "does not answer as Prometheus does"
    raise _error(url, problem, _CHECK_ADDRESS)
