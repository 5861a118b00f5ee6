"""The parts of PromQL that rules and boards have in common: selectors, aggregations, labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from catalogue.formatting import NumberFormat
from catalogue.metrics import Metric
from dashboards import conventions

Expression: TypeAlias = Metric | str

#: The labels that name an indicator, its figure in a territory, and a milestone.
INDICATOR: Final = ("programme", "indicator")
FIGURE: Final = (*INDICATOR, "department")
MILESTONE: Final = (*INDICATOR, "milestone")

DAY_SECONDS: Final = 86_400
LAST_KNOWN: Final = "1h"
"""How long the last sample of a process counts while the process exposes nothing. A restart takes
minutes; long before an hour is over AssessorNotReady fires, and inhibits the alerts that depend on
it."""

_OPERATORS: Final = ("=~", "!~", "!=")


def select(metric: Expression, **labels: str | tuple[str, ...]) -> str:
    """Return the selector of a metric; a label's value may begin with `=~`, `!~` or `!=`.

    Several values of a label must all match.
    """
    matchers = [
        _matcher(label, value)
        for label, values in labels.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return f"{metric}{{{', '.join(matchers)}}}" if matchers else str(metric)


def _matcher(label: str, value: str) -> str:
    operator = next((one for one in _OPERATORS if value.startswith(one)), "")
    return f'{label}{operator or "="}"{value.removeprefix(operator)}"'


def one_of(values: Iterable[str]) -> str:
    """Return the matcher of a label that is one of some values."""
    return f"=~{'|'.join(values)}"


def over(function: str, metric: Expression, window: str, **labels: str) -> str:
    """Return a function over a window: `increase(metric{label="value"}[5m])`."""
    return f"{function}({select(metric, **labels)}[{window}])"


def last_known(metric: Expression, **labels: str) -> str:
    """Return the last sample of each series, within the time for which it counts."""
    return over("last_over_time", metric, LAST_KNOWN, **labels)


def latest(expression: Expression, *by: str) -> str:
    """Return the greatest by labels: of several processes, or of one before and after a restart."""
    return _aggregated("max", expression, by)


def total(expression: Expression, *by: str) -> str:
    """Return the sum by labels."""
    return _aggregated("sum", expression, by)


def _aggregated(operation: str, expression: Expression, by: tuple[str, ...]) -> str:
    return (
        f"{operation} by ({', '.join(by)}) ({expression})" if by else f"{operation}({expression})"
    )


def on(*labels: str) -> str:
    """Return which labels of two sides must be equal."""
    return f"on ({', '.join(labels)})"


def days_since(moments: Expression) -> str:
    """Return the days from each series' moment to the monitor's own day."""
    return f"({conventions.AS_OF} - on () group_right () {moments}) / {DAY_SECONDS}"


def with_label(
    expression: Expression, label: str, source: str, replacement: str = "$1", pattern: str = "(.*)"
) -> str:
    """Return the series with a label that is made of another."""
    return f'label_replace({expression}, "{label}", "{replacement}", "{source}", "{pattern}")'


def in_decimals(expression: Expression, written: NumberFormat) -> str:
    """Return a value cut to the last digit that is displayed; a ratio stays one of 1."""
    digits = written.cut_query(str(expression))
    return digits if written.scale == 1 else f"{digits} / {written.scale}"


def indented(expression: Expression) -> str:
    """Return an expression on lines of its own, indented, to be put in brackets."""
    return "".join(f"\n  {line}" for line in str(expression).splitlines()) + "\n"
