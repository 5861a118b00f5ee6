"""Scenarios for Prometheus' rules: series with a value per minute, for `promtool test rules`.

No server, no waiting: minute 0 is the first scrape. Series are in promtool's notation, plus days:
`today`, `today-40d`, `39d`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tests.support.prometheus import promtool

Series: TypeAlias = Mapping[str, object]

DAY = 86_400
TODAY = 18_414 * DAY
"""The monitor's day: 2020-06-01."""
_DAYS = re.compile(r"(today)?(?:([+-]?\d+)d)|today")

#: Each group sees what the previous one recorded in the same minute.
GROUPS = [f"smart-region-{name}" for name in ("figures", "memory", "promises", "pipeline")]
#: The firing alerts, except the watchdog, by the labels that identify one.
FIRING = (
    "count by (alertname, department, indicator, instance, reason, topic, producer, check, fault)"
    ' (ALERTS{alertstate="firing", alertname!="Watchdog"})'
)

#: A healthy worker with all partitions, and a healthy assessor.
HEALTHY: Series = {
    'up{instance="worker:6066", job="smart-region-worker"}': "1x199",
    'smartregion_worker_ready{instance="worker:6066", job="smart-region-worker"}': "1x199",
    "smartregion_partitions_expected": "4x199",
    "smartregion_as_of_timestamp_seconds": "todayx199",
    **{f'smartregion_partition_shown{{partition="{one}"}}': "1x199" for one in range(4)},
    "smartregion_assessor_ready": "1x199",
    "smartregion_assessor_lag_records": "0x199",
    "smartregion_assessor_unjudged_indicators": "0x199",
}

#: In promtool's report on a failed test: a heading, or a label or annotation with its value.
_PARTS = re.compile(r'(Labels|Annotations):|(\w+="(?:[^"\\]|\\.)*")')


def in_seconds(values: object) -> str:
    """Return values with days converted to seconds."""

    def seconds(found: re.Match[str]) -> str:
        since = TODAY if found[0].startswith("today") else 0
        return str(since + int(found[2] or 0) * DAY)

    return _DAYS.sub(seconds, str(values))


def evaluate(
    rules: Path,
    tests: Sequence[tuple[Series, Mapping[str, Any]]],
    *,
    every: str,
    without: str = "",
    status: int = 0,
) -> str:
    """Run promtool on series with the expectations for each, and return its report.

    A long interval between two evaluations (`every`) simulates a Prometheus that was down. Most
    rules are about promises: scenarios without any are quicker `without` their group.
    """
    document = {
        "rule_files": sorted(str(one) for one in rules.glob("*.yaml") if one.stem != without),
        "evaluation_interval": every,
        "group_eval_order": [one for one in GROUPS if one != f"smart-region-{without}"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": in_seconds(values)}
                    for name, values in series.items()
                ],
                **expected,
            }
            for series, expected in tests
        ],
    }
    file = rules.parent / "scenario.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    return promtool("test", "rules", file, status=status)


def text_of(rules: Path, series: Series, minute: int, alert: str) -> str:
    r"""Return the alerts of a name that fire in a minute: a line for each label and annotation.

    It is in promtool's notation: a no-break space is `\u00a0`.
    """
    # promtool shows unexpected alerts.
    test = {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}
    account = evaluate(rules, [(series, {"alert_rule_test": [test]})], every="1m", status=1)
    parts = _PARTS.findall(account)
    return "".join(f"{heading}:\n" if heading else f"  {pair}\n" for heading, pair in parts)
