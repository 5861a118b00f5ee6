"""Prometheus' own configuration: what it scrapes, which rules it follows, whom it alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, PAGE_JOB, WORKER_JOB
from dashboards.rules.model import duration
from dashboards.rules.pace import Pace

#: In seconds, as Prometheus has it by default; it may not be longer than the interval.
LONGEST_SCRAPE = 10


@dataclass(frozen=True, slots=True)
class Access:
    """How Prometheus gets to /metrics: files where Prometheus itself runs."""

    token_file: str | None = None
    """With the token that our programs require (`SMART_REGION_METRICS_TOKEN_FILE`)."""
    ca_file: str | None = None
    """With the authority of their certificates; then they are scraped over TLS."""

    def settings(self) -> dict[str, Any]:
        """Return the settings that each of our jobs has for it."""
        # Prometheus sends its token again wherever a redirect leads; our programs send none.
        settings: dict[str, Any] = {"follow_redirects": False}
        if self.ca_file is not None:
            settings |= {"scheme": "https", "tls_config": {"ca_file": self.ca_file}}
        if self.token_file is not None:
            settings["authorization"] = {"type": "Bearer", "credentials_file": self.token_file}
        return settings


OPEN = Access()


def prometheus_document(
    pace: Pace,
    *,
    workers: Sequence[str],
    assessors: Sequence[str],
    gateways: Sequence[str],
    pages: Sequence[str],
    alertmanagers: Sequence[str],
    access: Access = OPEN,
) -> dict[str, Any]:
    """Return the content of `prometheus.yaml`; the targets are HOST:PORT.

    An installation that never had a gateway or a page has no target of it, and no alert about it.
    """
    jobs = (
        (WORKER_JOB, workers),
        (ASSESSOR_JOB, assessors),
        (GATEWAY_JOB, gateways),
        (PAGE_JOB, pages),
    )
    return {
        "global": {
            "scrape_interval": pace.every,
            "scrape_timeout": scrape_timeout(pace),
            "evaluation_interval": pace.every,
        },
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [
            {"job_name": job, **access.settings(), "static_configs": [{"targets": list(targets)}]}
            for job, targets in jobs
            if targets
        ],
    }


def scrape_timeout(pace: Pace) -> str:
    """Return how long a scrape may take, as Prometheus reads it."""
    return duration(min(pace.interval, LONGEST_SCRAPE))
