"""What others have computed, in the catalogue."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from catalogue.formatting import NumberFormat
from catalogue.history import Histories, Reading
from catalogue.judgement import judge_all
from catalogue.model import Indicator
from catalogue.observed import TERRITORIES, observed_measure
from events.identifiers import Department
from tests.support.audits import INDICATOR, catalogue_of
from tests.support.figure_histories import reported
from tests.support.observations import barometer

BASELINE = {"value": 40, "day": date(2017, 1, 1), "source": "Essai"}


def indicator(**fields: Any) -> Indicator:
    return catalogue_of({"observed": "IND-042"}, **fields).indicator(INDICATOR)


def test_it_looks_at_its_own_territories_and_not_at_the_country() -> None:
    entities = observed_measure("IND-042", percent=False).numerator.entities
    assert entities is not None
    assert set(entities) == {"IND-042/R11", *(f"IND-042/D{code.value}" for code in Department)}
    assert len(TERRITORIES) == len(entities)


@pytest.mark.parametrize(
    ("unit", "shown"), [("count", "2\u202f194\u202f536"), ("euros", "2\u202f194\u202f536\u00a0€")]
)
def test_what_is_whole_is_shown_without_decimals(unit: str, shown: str) -> None:
    whole = catalogue_of({"observed": "IND-042", "whole": True}, unit=unit).indicator(INDICATOR)
    assert NumberFormat.of(whole).text(2_194_536.0) == shown
    assert NumberFormat.of(indicator(unit=unit)).text(21.375).startswith("21,37")


@pytest.mark.parametrize(
    ("unit", "target", "value", "texts"),
    [
        ("ratio", "0.9555", 0.9552, ("95,52\u00a0%", "95,55\u00a0%")),
        ("ratio", "0.9550", 0.9552, ("95,5\u00a0%", "95,5\u00a0%")),
        ("count", "12.125", 12.1249, ("12,124", "12,125")),
        ("count", "1000", 999.999, ("999,99", "1\u202f000,00")),
    ],
)
def test_a_target_has_its_decimals_shown(
    unit: str, target: str, value: float, texts: tuple[str, str]
) -> None:
    milestone = {"id": "promised", "target": Decimal(target), "source": "Essai"}
    written = NumberFormat.of(indicator(unit=unit, milestones=[milestone]))
    assert (written.text(value), written.text(float(target))) == texts


def test_nothing_observed_is_blank() -> None:
    catalogue = catalogue_of({"observed": "IND-042"})
    never: Histories = {(INDICATOR, None): reported(Reading(0))}
    for histories in ({}, never):
        assert judge_all(catalogue, histories, date(2019, 1, 1))[0].value is None


def test_a_value_may_be_negative() -> None:
    milestone = {"id": "even", "target": -1, "day": date(2020, 1, 1), "source": "Essai"}
    declared = indicator(baseline={**BASELINE, "value": -3}, milestones=[milestone])
    assert declared.milestones[0].target == -1


class TestBaselines:
    def test_a_territory_has_its_own(self) -> None:
        fibre = barometer().indicator("fibre_ratio")
        starts = [fibre.baseline_for(department) for department in (None, "75", "77", "95")]
        values = [None if start is None else start.value for start in starts]
        assert values == [Decimal("0.4"), Decimal("0.9"), Decimal("0.1"), None]

    def test_the_region_s_is_not_a_departement_s(self) -> None:
        declared = indicator(unit="ratio", baseline={**BASELINE, "value": 0})
        assert declared.baseline_for(None) is not None
        assert declared.baseline_for("75") is None

    def test_what_is_counted_may_have_them_too(self) -> None:
        catalogue = catalogue_of(
            {"count": "school.connected"},
            baseline={**BASELINE, "value": 0},
            baselines={"77": BASELINE},
        )
        declared = catalogue.indicator(INDICATOR)
        starts = [declared.baseline_for(department) for department in (None, "75", "77")]
        assert [start and start.value for start in starts] == [0, 0, 40]

    def test_one_of_another_territory_holds_no_milestone_back(self) -> None:
        milestone = {"id": "early", "target": 50, "day": date(2018, 1, 1), "source": "Essai"}
        late = {**BASELINE, "day": date(2019, 1, 1)}
        assert indicator(baselines={"75": late}, milestones=[milestone]).milestones
        with pytest.raises(ValidationError):
            indicator(baselines={"region": late}, milestones=[milestone])

    def test_all_of_them_are_starts(self) -> None:
        days = {start.day for start in barometer().indicator("fibre_ratio").all_baselines}
        assert days == {date(2017, 1, 1), date(2017, 6, 30)}
