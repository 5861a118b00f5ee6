"""OpenMetrics text, read again by a strict parser."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.metrics import Metric
from operations.backfill.openmetrics import OpenMetricsSpool
from tests.support.openmetrics import read_openmetrics

HEAT = Metric("room:heat:max", ("room", "floor"), 'How "hot" it is.')
LIGHT = Metric("light", (), "How light it is.")


@pytest.fixture
def spool() -> Iterator[OpenMetricsSpool]:
    """Yield an empty spool."""
    with OpenMetricsSpool() as spool:
        yield spool


def text(spool: OpenMetricsSpool) -> str:
    """Return what it writes."""
    out = io.BytesIO()
    spool.write(out)
    return out.getvalue().decode()


def test_nothing_is_a_text_too(spool: OpenMetricsSpool) -> None:
    """It ends as every other."""
    assert text(spool) == "# EOF\n"


def test_families_stay_together(spool: OpenMetricsSpool) -> None:
    """However the series came."""
    spool.add(HEAT, ("attic", "3"), [(0, 1.5), (60, 2.0)])
    spool.add(LIGHT, (), [(0, 7)])
    spool.add(HEAT, ("cellar", "0"), [(0, 0.1)])
    assert text(spool) == (
        "# TYPE room:heat:max gauge\n"
        '# HELP room:heat:max How \\"hot\\" it is.\n'
        'room:heat:max{room="attic",floor="3"} 1.5 0\n'
        'room:heat:max{room="attic",floor="3"} 2.0 60\n'
        'room:heat:max{room="cellar",floor="0"} 0.1 0\n'
        "# TYPE light gauge\n"
        "# HELP light How light it is.\n"
        "light 7 0\n"
        "# EOF\n"
    )
    assert spool.samples == 4


@given(st.text(max_size=20), st.floats(allow_nan=False), st.integers(0, 2**33))
def test_any_label_and_value_come_back(label: str, value: float, moment: int) -> None:
    """Also line breaks, quotes, infinity and the smallest numbers."""
    with OpenMetricsSpool() as spool:
        spool.add(HEAT, (label, ""), [(moment, value)])
        (family,) = read_openmetrics(text(spool))
    (sample,) = family.samples
    assert sample.labels == {"room": label, "floor": ""}
    assert sample.value == value
    assert sample.timestamp is not None
    assert float(sample.timestamp) == moment


def test_a_label_too_few_is_a_mistake(spool: OpenMetricsSpool) -> None:
    """Of this program, not of the data."""
    with pytest.raises(ValueError, match="zip"):
        spool.add(HEAT, ("attic",), [(0, 1.0)])
