"""The parts of PromQL that rules and boards have in common."""

from catalogue import metrics
from catalogue.formatting import NumberFormat
from catalogue.model import Direction, Unit
from dashboards.promql import (
    in_decimals,
    indented,
    last_known,
    latest,
    none_of,
    of_region,
    on,
    one_of,
    over,
    select,
    total,
    with_label,
)


def test_a_matcher_says_how_it_matches() -> None:
    """A value is equal unless it says otherwise; several of one label must all match."""
    assert select("x") == "x"
    assert select(metrics.AS_OF) == metrics.AS_OF.name
    assert select("x", a="1", b="!=2", c=one_of(["3", "4"])) == 'x{a="1", b!="2", c=~"3|4"}'
    assert select("x", a=("=~.+", "!=2")) == 'x{a=~".+", a!="2"}'
    assert select("x", a=none_of(["1", "2"])) == 'x{a!~"1|2"}'


def test_series_are_aggregated_by_labels_or_all_together() -> None:
    """Without labels there is one series."""
    assert latest("x", "a", "b") == "max by (a, b) (x)"
    assert latest("x") == "max(x)"
    assert total("x", "a") == "sum by (a) (x)"
    assert f"y / {on('a', 'b')} x" == "y / on (a, b) x"


def test_a_function_over_a_window_selects_its_series() -> None:
    """The window stands behind the selector."""
    assert over("increase", "x", "5m", a="1") == 'increase(x{a="1"}[5m])'
    assert last_known("x", a="1") == 'last_over_time(x{a="1"}[1h])'


def test_a_label_is_made_of_another() -> None:
    """The whole Région's series have `region` as their département."""
    assert with_label("x", "a", "b") == 'label_replace(x, "a", "$1", "b", "(.*)")'
    assert of_region("x") == 'label_replace(x, "department", "region", "", "")'


def test_a_value_is_cut_and_keeps_its_unit() -> None:
    """A ratio stays one of 1; a whole number needs no division."""
    ratio = NumberFormat(Unit.RATIO, Direction.RISING, decimals=1)
    assert in_decimals("x", ratio) == "floor(round(1000 * x, 0.000001)) / 1000"
    assert in_decimals("x", NumberFormat(Unit.COUNT)) == "floor(round(x, 0.000001))"


def test_an_expression_in_brackets_is_indented() -> None:
    """Line by line."""
    lines = indented("a\nor\nb")
    assert f"({lines})" == "(\n  a\n  or\n  b\n)"
