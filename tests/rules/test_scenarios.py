"""When alerts fire, what they say in French, and what is recorded: `scenarios/`, on promtool."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.golden import check_golden
from tests.support.rule_scenarios import FIRING, HEALTHY, Series, evaluate, in_seconds, text_of

FOLDER = Path(__file__).parent
FILES = sorted((FOLDER / "scenarios").glob("*.yaml"))

#: The group of rules that a file's scenarios have nothing for.
WITHOUT = {"pipeline": "promises"}

Tree = dict[str, Any]

#: Keeps the alert of an indicator without a target out of the scenarios.
REPORTED = {
    'smartregion_indicator_last_reported_timestamp_seconds{department="93",'
    ' indicator="trainees_completed", partition="0", programme="formation"}': "today-1dx199"
}


def scenarios_in(file: Path) -> list[Tree]:
    scenarios: list[Tree] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return scenarios


def series_of(scenario: Tree) -> Series:
    healthy = HEALTHY if scenario.get("healthy") else {}
    slipping = slipping_series(scenario.get("slipping", ()))
    return {**REPORTED, **healthy, **slipping, **scenario.get("series", {})}


def slipping_series(spans: list[tuple[int | None, int]]) -> Series:
    """Return what five alerts fire on (1), its contrary (0), or nothing, in a département each."""

    def words(*values: object) -> str:
        """Write the spans, each with the first value for 0 and the second for 1."""
        found = (None if one is None else values[one] for one, _ in spans)
        return " ".join(
            f"stale _x{minutes - 1}" if value is None else f"{value}x{minutes - 1}"
            for value, (_, minutes) in zip(found, spans, strict=True)
        )

    figure = 'programme="lycees", indicator="schools_connected_ratio"'
    promise = f'{figure}, milestone="all_connected"'
    status = f"smartregion_milestone_status{{{promise}, department=%s}}"
    return {
        status % '"75", status="missed"': words(0, 1),
        status % '"77", status="at_risk"': words(0, 1),
        f'smartregion_milestone_lost{{{promise}, department="78"}}': words(0, 1),
        status % '"91", status="on_track"': words(1, 1),
        # For a day longer than an explanation may take.
        f'smartregion_milestone_unexplained_timestamp_seconds{{{promise}, department="91"}}': words(
            None, "today-31d"
        ),
        status % '"92", status="unreported"': words(0, 1),
        **{
            f'smartregion_indicator_assessed_value{{{figure}, department="{one}"}}': words(
                0.96, 0.96
            )
            for one in (75, 77, 78, 91)
        },
    }


def labels_of(alert: str) -> str:
    name, _, labels = alert.rstrip("}").partition("{")
    return f'{{alertname="{name}"{", " if labels else ""}{labels}}}'


def expected(scenario: Tree) -> Tree:
    """Return what promtool is to find."""
    found = []
    for minutes, alerts in scenario.get("fires", {}).items():
        samples = [{"labels": labels_of(alert), "value": 1} for alert in alerts]
        found += [(minute, FIRING, samples) for minute in str(minutes).split()]
    for one in scenario.get("samples", ()):
        given = one.get("are", {}).items()
        samples = [{"labels": labels, "value": float(in_seconds(value))} for labels, value in given]
        found += [(minute, one["expr"], samples) for minute in str(one["at"]).split()]
    tests = [
        {"eval_time": f"{minute}m", "expr": expression, "exp_samples": samples}
        for minute, expression, samples in found
    ]
    return {"name": scenario["name"], "promql_expr_test": tests}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_fires_and_what_is_recorded(rules: Path, observed_rules: Path, file: Path) -> None:
    of_it = observed_rules if file.stem == "observed" else rules
    for every, alike in groupby(scenarios_in(file), key=lambda one: one.get("every", "1m")):
        tests = [(series_of(one), expected(one)) for one in alike]
        evaluate(of_it, tests, every=every, without=WITHOUT.get(file.stem, ""))


@pytest.mark.parametrize("said", scenarios_in(FOLDER / "wording.yaml"), ids=lambda one: one["name"])
def test_an_alert_says_in_french_what_its_golden_file_has(rules: Path, said: Tree) -> None:
    text = text_of(rules, series_of(said), said["minute"], said["alert"])
    check_golden(FOLDER / "wording" / f"{said['name']}.txt", text)
