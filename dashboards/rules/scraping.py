"""Prometheus' own configuration: what it scrapes, which rules it follows, whom it alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, WORKER_JOB
from dashboards.rules.model import duration
from dashboards.rules.pace import Pace

__all__ = ["prometheus_document", "scrape_timeout"]

#: In seconds, as Prometheus has it by default; it may not be longer than the interval.
LONGEST_SCRAPE = 10


def prometheus_document(
    pace: Pace,
    *,
    workers: Sequence[str],
    assessors: Sequence[str],
    gateways: Sequence[str],
    alertmanagers: Sequence[str],
) -> dict[str, Any]:
    """Give the content of `prometheus.yaml`; the targets are HOST:PORT.

    An installation without a producers' door has no target of that job, and no alert about it.
    """
    jobs = ((WORKER_JOB, workers), (ASSESSOR_JOB, assessors), (GATEWAY_JOB, gateways))
    return {
        "global": {
            "scrape_interval": pace.every,
            "scrape_timeout": scrape_timeout(pace),
            "evaluation_interval": pace.every,
        },
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(targets)}]}
            for job, targets in jobs
            if targets
        ],
    }


def scrape_timeout(pace: Pace) -> str:
    """Say how long a scrape may take, as Prometheus reads it."""
    return duration(min(pace.interval, LONGEST_SCRAPE))
