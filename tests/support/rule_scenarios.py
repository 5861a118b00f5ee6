"""Scenarios for Prometheus' rules: what is exposed minute by minute, which alerts must fire when.

A scenario is run by `promtool test rules`: no server, no waiting. Minute 0 is the first scrape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from catalogue import metrics
from catalogue.metrics import Metric
from catalogue.progress import MilestoneStatus
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from tests.support.prometheus import promtool

#: A day in seconds, and where the monitor's day stands when a scenario begins: 2020-06-01.
DAY = 86_400
TODAY = 18_414 * DAY

PARTITIONS = 4

Span: TypeAlias = tuple[float | str | None, int]
"""A value and for how many minutes it is exposed; None: nothing is."""
ABSENT = None

#: In promtool's account of a failed test: a heading, or a label or annotation with its value.
_PARTS = re.compile(r'(Labels|Annotations):|(\w+="(?:[^"\\]|\\.)*")')

#: Each group sees what the one before it recorded in the same minute.
GROUPS = [f"smart-region-{name}" for name in ("figures", "memory", "promises", "pipeline")]
#: The alerts that fire, but for the watchdog, by the labels that identify one.
FIRING = (
    "count by (alertname, department, indicator, instance, reason, topic, producer, check, fault)"
    ' (ALERTS{alertstate="firing", alertname!="Watchdog"})'
)


def growing(start: float, step: float, minutes: int) -> Span:
    return f"{start}+{step}x{minutes - 1}", minutes


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """A firing alert: its name and the labels that identify it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, **labels: str) -> FiringAlert:
        return cls(name, labels)


class RuleScenario:
    """Series over minutes, and what they must lead to."""

    every = "1m"
    """The time between two evaluations: a long one is a Prometheus that was away."""

    def __init__(self, rules: Path) -> None:
        self.rules = rules
        """The folder with the rule files."""
        self.series: dict[str, list[Span]] = {}
        self._tests: list[dict[str, Any]] = []

    def expose(self, metric: Metric | str, *spans: Span, **labels: str) -> None:
        name = metric if isinstance(metric, str) else metric.name
        selector = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        series = f"{name}{{{selector}}}"
        assert series not in self.series, f"{series} is exposed twice"
        self.series[series] = list(spans)

    # Who exposes what

    def worker(
        self,
        instance: str,
        *spans: Span,
        owned: Mapping[int, Sequence[Span]] | None = None,
        ready: Sequence[Span] | None = None,
    ) -> None:
        """Expose a worker that is up (1), down (0) or unknown (ABSENT), with all partitions."""
        where = {"job": WORKER_JOB, "instance": instance}
        while_up: list[Span] = [(value or ABSENT, minutes) for value, minutes in spans]
        self.expose("up", *spans, **where)
        self.expose(metrics.WORKER_READY, *(ready or while_up), **where)
        expected: list[Span] = [(PARTITIONS if value else ABSENT, span) for value, span in while_up]
        self.expose(metrics.PARTITIONS_EXPECTED, *expected, **where)
        today: list[Span] = [(TODAY if value else ABSENT, minutes) for value, minutes in while_up]
        self.expose(metrics.AS_OF, *today, **where)
        if owned is None:
            owned = dict.fromkeys(range(PARTITIONS), while_up)
        for partition, held in owned.items():
            self.expose(metrics.PARTITION_OWNED, *held, partition=str(partition), **where)

    def producer(
        self,
        name: str,
        *last_events: Span,
        allowed_days: float | None,
        programmes: Sequence[str] = (),
        minutes: int = 200,
        instance: str = "worker:6066",
    ) -> None:
        """Expose a declared producer and its last event; without `allowed_days` no promise."""
        where = {"job": WORKER_JOB, "instance": instance, "producer": name}
        self.expose(metrics.PRODUCER_INFO, (1, minutes), title=f"Système {name}", **where)
        for programme in programmes:
            self.expose(metrics.PRODUCER_PROGRAMME, (1, minutes), programme=programme, **where)
        if allowed_days is not None:
            self.expose(metrics.PRODUCER_ALLOWED_SILENCE, (allowed_days * DAY, minutes), **where)
        if last_events:
            self.expose(metrics.PRODUCER_LAST_EVENT, *last_events, **where)

    def assessor(
        self,
        *spans: Span,
        lag: Sequence[Span] | None = None,
        unjudged: Sequence[Span] | None = None,
    ) -> None:
        """Expose an assessor that is ready (1), not ready (0) or absent (ABSENT)."""
        where = {"job": ASSESSOR_JOB, "instance": "assessor:6067"}
        self.expose(metrics.ASSESSOR_READY, *spans, **where)
        behind: list[Span] = [(0 if value else ABSENT, minutes) for value, minutes in spans]
        self.expose(metrics.ASSESSOR_LAG, *(lag or behind), **where)
        self.expose(metrics.ASSESSOR_UNJUDGED, *(unjudged or behind), **where)

    def healthy(self, minutes: int = 200) -> None:
        self.worker("worker:6066", (1, minutes))
        self.assessor((1, minutes))

    def judged(
        self,
        programme: str,
        indicator: str,
        milestone: str,
        department: str,
        *spans: tuple[MilestoneStatus | None, int],
        instance: str = "assessor:6067",
    ) -> None:
        """Expose a milestone's statuses, one after the other; None: no status."""
        for status in MilestoneStatus:
            ones: list[Span] = [
                (ABSENT if exposed is None else int(exposed is status), minutes)
                for exposed, minutes in spans
            ]
            self.expose(
                metrics.MILESTONE_STATUS,
                *ones,
                programme=programme,
                indicator=indicator,
                milestone=milestone,
                department=department,
                status=status.value,
                job=ASSESSOR_JOB,
                instance=instance,
            )

    # What must come of it

    def expect_firing(self, minute: int, *alerts: FiringAlert) -> None:
        """Expect these alerts to fire in a minute, and no others but the watchdog."""
        self.expect_samples(
            minute,
            FIRING,
            *({"alertname": one.name, **one.labels} for one in alerts),
            value=1,
        )

    def expect_samples(
        self, minute: int, expression: str, *labels: Mapping[str, str], value: float = 1
    ) -> None:
        self._tests.append(
            {
                "expr": expression,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": _selector(one), "value": value} for one in labels],
            }
        )

    def text(self, minute: int, name: str) -> str:
        r"""Return the alerts of a name that fire in a minute: a line for each label and annotation.

        It is written as promtool does: a space that does not break is `\u00a0`.
        """
        # promtool shows the alerts that nobody expects.
        test = {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
        account = promtool("test", "rules", self._written({"alert_rule_test": [test]}), status=1)
        parts = _PARTS.findall(account)
        return "".join(f"{heading}:\n" if heading else f"  {pair}\n" for heading, pair in parts)

    def check(self) -> None:
        """Run the scenario in promtool with the rules; fail with its message."""
        assert self._tests, "the scenario expects nothing"
        promtool("test", "rules", self._written({"promql_expr_test": self._tests}))

    def _written(self, expected: Mapping[str, Any]) -> Path:
        test = {
            "interval": "1m",
            "input_series": [
                {"series": series, "values": series_values(spans)}
                for series, spans in self.series.items()
            ],
            **expected,
        }
        document = {
            "rule_files": sorted(str(file) for file in self.rules.glob("*.yaml")),
            "evaluation_interval": self.every,
            "group_eval_order": GROUPS,
            "tests": [test],
        }
        file = self.rules.parent / "scenario.yaml"
        file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
        return file


def _selector(labels: Mapping[str, str]) -> str:
    name = labels.get("__name__", "")
    selector = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
    return f"{name}{{{selector}}}"


def series_values(spans: Sequence[Span]) -> str:
    """Write spans as promtool reads them; where a series ends, Prometheus marks it stale."""
    words: list[str] = []
    before: float | str | None = ABSENT
    for value, minutes in spans:
        if value is not None:
            words.append(value if isinstance(value, str) else f"{value}x{minutes - 1}")
        elif before is not None:
            words.append("stale" if minutes == 1 else f"stale _x{minutes - 1}")
        else:
            words.append(f"_x{minutes}")
        before = value
    return " ".join(words)
