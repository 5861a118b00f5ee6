"""What alerts say of figures of any unit; `wording/` has the texts, `wording.yaml` the others."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue, Milestone
from dashboards import conventions
from dashboards.promql import select
from dashboards.rules.alerts import alert_kinds
from dashboards.rules.render import render, write
from dashboards.rules.site import MonitorSite
from report.standing import DAYS_OF_A_MONTH, change_text
from tests.rules.conftest import CATALOGUE
from tests.support.golden import check_golden
from tests.support.observations import BAROMETER, barometer
from tests.support.rule_scenarios import Series, text_of

GOLDEN = Path(__file__).parent / "wording"
REGION = {"department": metrics.REGION}


def judged(status: str, value: float, milestone: str, **of: str) -> Series:
    promise = of | {"milestone": milestone, "status": status}
    return {
        select(metrics.MILESTONE_STATUS, **promise, **REGION): "1x59",
        select(metrics.INDICATOR_ASSESSED_VALUE, **of, **REGION): f"{value}x59",
    }


def test_every_alert_has_a_golden_file() -> None:
    texts = "".join(file.read_text(encoding="utf-8") for file in GOLDEN.glob("*.txt"))
    assert [one.name for one in alert_kinds() if f'alertname="{one.name}"' not in texts] == []


@pytest.mark.parametrize(
    ("name", "file", "indicator", "target", "value"),
    [
        ("days", BAROMETER, "waiting_days", "12.25", 1234.504),
        ("counted", BAROMETER, "fibre_ratio", "0.99999", 0.9999678),
        ("persons", None, "priority_audience_ratio", "0.99999", 0.9999678),
    ],
)
def test_missed_by_decimals(
    tmp_path: Path, name: str, file: Path | None, indicator: str, target: str, value: float
) -> None:
    near = Milestone.model_validate(
        {"id": "near", "target": Decimal(target), "day": date(2020, 12, 31), "source": "Essai"}
    )
    own = load_catalogue(file).indicator(indicator).model_copy(update={"milestones": (near,)})
    programme = barometer().programmes[0].model_copy(update={"indicators": (own,)})
    write(render(Catalogue(programmes=(programme,)), MonitorSite()), tmp_path)
    series = judged("missed", value, near.id, programme=programme.id, indicator=indicator)
    text = text_of(tmp_path / "prometheus" / "rules", series, 30, "MilestoneMissed")
    check_golden(GOLDEN / f"missed_by_decimals-{name}.txt", text)


CONNECTED = {"programme": "lycees", "indicator": "schools_connected_ratio"}
GRANTS = {"programme": "formation", "indicator": "grants_committed_euros"}


@pytest.mark.parametrize(
    ("of", "milestone", "value", "pace"),
    [
        (CONNECTED, "all_connected", 0.625, Fraction(1, 1000)),
        (CONNECTED, "all_connected", 0.625, Fraction(12, 20_000)),
        (CONNECTED, "all_connected", 0.625, Fraction(-1, 100_000)),
        (CONNECTED, "all_connected", 0.625, Fraction(1, 10**9)),
        (GRANTS, "budget_committed", 6_000_000, Fraction(42_000)),
    ],
)
def test_a_pace_is_that_of_the_page(
    rules: Path, of: dict[str, str], milestone: str, value: float, pace: Fraction
) -> None:
    """To the last digit, its sign and the form of its unit; also where it is next to nothing."""
    series = {
        **judged("at_risk", value, milestone, **of),
        select(metrics.INDICATOR_PACE, **of, **REGION): f"{float(pace)}x59",
        conventions.AS_OF.name: "todayx59",
    }
    indicator = load_catalogue(CATALOGUE).indicator(of["indicator"])
    paged = change_text(indicator, pace * DAYS_OF_A_MONTH)
    as_promtool = paged.replace("\u00a0", r"\u00a0").replace("\u202f", r"\u202f")
    assert f"observé : {as_promtool} par mois." in text_of(rules, series, 30, "MilestoneAtRisk")
