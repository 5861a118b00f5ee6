"""When alerts about the monitor fire, and what is recorded: `scenarios/`, on promtool."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prometheus import promtool
from tests.support.rule_scenarios import DAY, FIRING, GROUPS, TODAY, RuleScenario, series_values

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
#: In the series: a day counted from the monitor's own, or a number of days.
_DAYS = re.compile(r"(today)?(?:([+-]?\d+)d)|today")

Tree = dict[str, Any]


def healthy() -> Tree:
    """Return the series of a worker and an assessor that lack nothing."""
    scenario = RuleScenario(Path())
    scenario.healthy()
    return {series: series_values(spans) for series, spans in scenario.series.items()}


#: Keeps the alerts of an indicator without a target out of the scenarios.
REPORTED = {
    'smartregion_indicator_last_reported_timestamp_seconds{programme="formation",'
    ' indicator="trainees_completed", department="93", partition="0"}': "today-1dx199"
}


def in_seconds(values: object) -> str:
    def seconds(found: re.Match[str]) -> str:
        since = TODAY if found[0].startswith("today") else 0
        return str(since + int(found[2] or 0) * DAY)

    return _DAYS.sub(seconds, str(values))


def labels_of(alert: str) -> str:
    name, _, labels = alert.rstrip("}").partition("{")
    return f'{{alertname="{name}"{", " if labels else ""}{labels}}}'


def expected(scenario: Tree) -> list[Tree]:
    """Return what promtool is to find."""
    found = []
    for minutes, alerts in scenario.get("fires", {}).items():
        samples = [{"labels": labels_of(alert), "value": 1} for alert in alerts]
        found += [(minute, FIRING, samples) for minute in str(minutes).split()]
    for one in scenario.get("samples", ()):
        given = one.get("are", {}).items()
        samples = [{"labels": labels, "value": float(in_seconds(value))} for labels, value in given]
        found += [(minute, one["expr"], samples) for minute in str(one["at"]).split()]
    return [
        {"eval_time": f"{minute}m", "expr": expression, "exp_samples": samples}
        for minute, expression, samples in found
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenarios_are_as_they_are_told(rules: Path, file: Path) -> None:
    scenarios: list[Tree] = yaml.safe_load(file.read_text(encoding="utf-8"))
    for every, alike in groupby(scenarios, key=lambda one: one.get("every", "1m")):
        document = {
            "rule_files": sorted(map(str, rules.glob("*.yaml"))),
            "evaluation_interval": every,
            "group_eval_order": GROUPS,
            "tests": [
                {
                    "name": scenario["name"],
                    "interval": "1m",
                    "input_series": [
                        {"series": series, "values": in_seconds(values)}
                        for series, values in {
                            **REPORTED,
                            **(healthy() if scenario.get("healthy") else {}),
                            **scenario.get("series", {}),
                        }.items()
                    ],
                    "promql_expr_test": expected(scenario),
                }
                for scenario in alike
            ],
        }
        tests = rules.parent / f"{file.stem}.yaml"
        tests.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
        promtool("test", "rules", tests)
