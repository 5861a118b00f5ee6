"""Prometheus as the doctor looks at it: whether it sees the monitor, computes, and tells people."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from catalogue import rule_names
from streams.doctor.errors import PrometheusUnwellError

__all__ = ["look_at_prometheus"]

ANSWER_SECONDS: Final = 5.0
#: What the jobs of our programs begin with; `smart-region rules render` names them so.
OUR_JOBS: Final = "smart-region-"
OUR_SERIES: Final = rule_names.TERRITORY_VALUE.name
RENDER: Final = "give it the files of `smart-region rules render`, and have it read them again"


def look_at_prometheus(url: str) -> str:
    """Tell how many of our processes a Prometheus sees.

    Raises PrometheusUnwellError where it sees none or not all, has not the catalogue's rules, fails
    to evaluate one, or has no Alertmanager.
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
    if not _data(url, "/api/v1/alertmanagers").get("activeAlertmanagers"):
        remedy = "start one, and name it with `smart-region rules render --alertmanager`"
        raise PrometheusUnwellError(
            url, problem="has no Alertmanager, so that nobody is told", remedy=remedy
        )
    return f"{url} sees {len(targets)} of our processes, computes and alerts"


def _look_at_rules(url: str) -> None:
    rules = list(_rules(url))
    if not any(rule.get("name") == OUR_SERIES for rule in rules):
        raise PrometheusUnwellError(url, problem="has not the catalogue's rules", remedy=RENDER)
    failing = [str(rule.get("name")) for rule in rules if rule.get("health") == "err"]
    if failing:
        remedy = "its page /rules says why"
        raise PrometheusUnwellError.naming(url, "fails to evaluate", failing, remedy=remedy)


def _targets(url: str) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = _data(url, "/api/v1/targets?state=active")["activeTargets"]
    return found


def _job(target: Mapping[str, Any]) -> str:
    return str(target["labels"].get("job", ""))


def _rules(url: str) -> Iterator[Mapping[str, Any]]:
    for group in _data(url, "/api/v1/rules")["groups"]:
        yield from group["rules"]


def _data(url: str, path: str) -> Mapping[str, Any]:
    """Ask Prometheus' API. Raises PrometheusUnwellError where that is not who answers."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise PrometheusUnwellError(
            url, problem="is no address of the Web", remedy="write it as http://HOST:9090"
        )
    # Straight there: a proxy is for what is far away.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{url.rstrip('/')}{path}", timeout=ANSWER_SECONDS) as answer:
            document = json.load(answer)
        data: Mapping[str, Any] = document["data"]
    except HTTPError as error:
        with error:
            problem = f"answers {path} with status {error.code}"
    except URLError as error:
        problem = f"no answer ({error.reason})"
    except (OSError, http.client.HTTPException) as error:
        problem = f"no answer ({error})"
    except (ValueError, KeyError, TypeError):
        problem = "does not answer as Prometheus does"
    else:
        return data
    raise PrometheusUnwellError(
        url, problem=problem, remedy="check the address, and that Prometheus is up"
    )
