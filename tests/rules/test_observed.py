"""The boards of indicators that others observe."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from catalogue import metrics
from dashboards.promql import select
from tests.support.boards import documents, questions
from tests.support.observations import barometer
from tests.support.prometheus import promtool, require_prometheus
from tests.support.rule_scenarios import evaluate

FIBRE = {"programme": "barometre", "indicator": "fibre_ratio"}


def test_every_expression_of_its_boards_is_understood(tmp_path: Path) -> None:
    require_prometheus()
    asked = [
        {"record": f"asked:{number}", "expr": question.expression}
        for number, question in enumerate(questions(documents(barometer())))
    ]
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))
    promtool("check", "rules", file)
    assert len(asked) > 100


@pytest.mark.parametrize(("chosen", "target"), [("75", 95), ("77", 60), (metrics.REGION, None)])
def test_the_chosen_departement_s_own_target_is_drawn(
    observed_rules: Path, chosen: str, target: float | None
) -> None:
    (own,) = (
        question.expression
        for question in questions(
            documents(barometer()), {"$department": chosen, "$__rate_interval": "1m"}
        )
        if question.legend == "Cible au 31/12/2020, département choisi"
    )
    series: dict[str, object] = {}
    for milestone, department, value in (("paris_2020", "75", 0.95), ("meaux_2020", "77", 0.6)):
        promise = FIBRE | {"milestone": milestone}
        held = promise | {"department": department, "status": "at_risk"}
        series[select(metrics.MILESTONE_TARGET, **promise)] = f"{value}x59"
        series[select(metrics.MILESTONE_STATUS, **held)] = "1x59"
    samples = [{"labels": "{}", "value": target}] if target else []
    test = {"expr": own, "eval_time": "5m", "exp_samples": samples}
    evaluate(observed_rules, [(series, {"promql_expr_test": [test]})], every="1m")
