"""Observed indicators in PILOTE's format, there and back."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.export.pilote import current_values, promised_values
from broker.stored_record import RawRecord
from events.observation import Territory
from sources.importing.pilote import PiloteValue, ValueKind, pilote_text
from tests.support.audits import raw
from tests.support.barometer import Barometer, pilote_values


def observed(
    value: float, *, day: str = "2020-01-15", indicator: str = "IND-042", **fields: Any
) -> RawRecord:
    return raw("indicator.observed", indicator, day, territory="D75", value=value, **fields)


@pytest.fixture
def barometer(tmp_path: Path) -> Barometer:
    return Barometer(tmp_path)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(pilote_values(), min_size=1, max_size=3), st.booleans())
def test_what_is_exported_changes_nothing_when_it_is_imported(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[PiloteValue]],
    percent: bool,  # noqa: FBT001 - drawn
) -> None:
    names = ["IND-001", "IND-042", "IND-9999"] if percent else []
    barometer = Barometer(tmp_path_factory.mktemp("barometer"), names)
    for values in files:
        barometer.import_values(values)
    exported, written, sent = barometer.export(), barometer.file.read_text(), len(barometer.events)
    barometer.refused.clear()
    tally = barometer.import_text(exported)
    assert (tally.sent, tally.refused, barometer.refused) == (0, 0, [])
    assert (barometer.file.read_text(), len(barometer.events)) == (written, sent)
    assert barometer.export() == exported


@pytest.mark.slow
@settings(max_examples=30)
@given(pilote_values())
def test_what_is_exported_is_all_that_another_system_needs(
    tmp_path_factory: pytest.TempPathFactory, values: list[PiloteValue]
) -> None:
    barometer = Barometer(tmp_path_factory.mktemp("barometer"))
    barometer.import_values(values)
    other = Barometer(tmp_path_factory.mktemp("other"))
    other.import_text(barometer.export())
    assert other.export() == barometer.export()


def test_every_value_that_was_taken_is_given_back(barometer: Barometer) -> None:
    lines = (
        "IND-042;D75;2020-01-10;va;71.5",
        "IND-042;R11;2020-01-10;va;70",
        "IND-042;FRANCE;2020-01-10;va;65.25",
        "IND-042;D75;2019-01-01;vi;30",
        "IND-042;D75;2030-12-31;vc;100",
        "IND-042;FRANCE;2019-01-01;vi;40",
        "IND-042;FRANCE;2030-12-31;vc;99.5",
    )
    heading = "identifiant_indic;zone_id;date_valeur;type_valeur;valeur"
    back = ("IND-042;D77;2020-01-10;va;", "IND-042;D77;2019-01-01;vi;")
    barometer.import_text("\n".join((heading, *lines, *back)))
    assert sorted(barometer.export().splitlines()) == sorted((heading, *lines))


def test_the_latest_record_of_a_day_counts() -> None:
    first = observed(1, at="2020-02-01T00:00:00")
    second = observed(2, at="2020-03-01T00:00:00")
    back = observed(2, at="2020-03-01T00:00:00", retracted=True)
    day = date(2020, 12, 31)
    assert [one.value for one in current_values([second, first], day)] == [2]
    assert list(current_values([back, first], day)) == []
    assert [one.value for one in current_values([second, first], day, date(2020, 2, 28))] == [1]


def test_later_days_and_other_names_are_left_out() -> None:
    """PILOTE would refuse an indicator that it cannot name."""
    others = [observed(1, day="2021-01-01"), observed(1, indicator="ARCEP")]
    (only,) = current_values([observed(1), *others], date(2020, 12, 31))
    key = ("IND-042", Territory("D75"), date(2020, 1, 15), ValueKind.CURRENT)
    assert only == PiloteValue(*key, Decimal(1))


def test_percentages_are_given_back_as_they_came(tmp_path: Path) -> None:
    barometer = Barometer(tmp_path, ["IND-042"])
    value = PiloteValue(
        "IND-042", Territory("D75"), date(2030, 12, 31), ValueKind.TARGET, Decimal("71.55")
    )
    barometer.import_values([value])
    assert list(promised_values(barometer.catalogue)) == [value]
    assert pilote_text([value]) == barometer.export()
