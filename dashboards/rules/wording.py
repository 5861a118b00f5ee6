"""French in alerts: Go template snippets that Prometheus fills in when an alert rings."""

from __future__ import annotations

from datetime import date
from typing import Final

from catalogue.model import Direction, Indicator, Periodicity, Unit
from dashboards import console

__all__ = [
    "EXPECTED",
    "NO_BREAK",
    "TERRITORY",
    "VALUE",
    "amount_of",
    "cut",
    "day_from",
    "day_of",
    "days_from",
    "label_from",
    "literal",
    "pace_from",
    "target_of",
    "value_from",
    "value_of",
]

NO_BREAK: Final = "\u00a0"
NARROW: Final = "\u202f"

#: The territory that an alert is about; `Île-de-France` or `Seine-et-Marne (77)`.
TERRITORY: Final = "{{ $labels.territory }}"
VALUE: Final = "$value"

#: How often facts are expected, in words.
EXPECTED: Final = {
    Periodicity.DAILY: "chaque jour",
    Periodicity.WEEKLY: "chaque semaine",
    Periodicity.MONTHLY: "chaque mois",
    Periodicity.QUARTERLY: "chaque trimestre",
    Periodicity.ANNUAL: "chaque année",
    Periodicity.IRREGULAR: "sans périodicité",
}

_COMMA = r'reReplaceAll "\\." ","'
# Three digits from the end, then before each group: 1234567 → 1 234 567.
_THOUSANDS = (
    rf'reReplaceAll "(\\d)(\\d{{3}})$" "$1{NARROW}$2"'
    rf' | reReplaceAll "(\\d)(\\d{{3}}){NARROW}" "$1{NARROW}$2{NARROW}"'
    rf' | reReplaceAll "(\\d)(\\d{{3}}){NARROW}" "$1{NARROW}$2{NARROW}"'
)

# The same before the decimals.
_GROUPED = (
    rf'reReplaceAll "(\\d)(\\d{{3}})," "$1{NARROW}$2,"'
    rf' | reReplaceAll "(\\d)(\\d{{3}}){NARROW}" "$1{NARROW}$2{NARROW}"'
    rf' | reReplaceAll "(\\d)(\\d{{3}}){NARROW}" "$1{NARROW}$2{NARROW}"'
)


def literal(text: str) -> str:
    """Write a text of the catalogue so that the template engine leaves it as it is."""
    return text.replace("{{", '{{ "{{" }}')


def cut(expression: str, indicator: Indicator) -> str:
    """Cut a value in PromQL to the last digit shown, on the side away from the target.

    As `dashboards.console.format_value` does: 100 % is never read where it is not attained.
    """
    rounding = "floor" if indicator.direction is Direction.RISING else "ceil"
    if indicator.unit is Unit.RATIO:
        return f"{rounding}(1000 * {expression}) / 1000"
    if not indicator.decimals:
        return f"{rounding}({expression})"
    digits = 10**indicator.decimals
    # A float may be a hair beside the decimal that was meant: 0.29 as 28.999…/100.
    return f"{rounding}(round({digits} * {expression}, 0.000001)) / {digits}"


def value_of(value: str, unit: Unit, *, decimals: int = 0) -> str:
    """Show a value that was cut: `98,7 %`, `1 145`, `6 500 000 €`; with `decimals`, `1 145,50`."""
    if unit is Unit.RATIO:
        return (
            f"{{{{ {value} | humanizePercentage | {_COMMA}"
            rf' | reReplaceAll "^(\\d+)%" "$1,0%" | reReplaceAll "%" "{NO_BREAK}%" }}}}'
        )
    sign = f"{NO_BREAK}€" if unit is Unit.EUROS else ""
    grouped = f"{_COMMA} | {_GROUPED}" if decimals else _THOUSANDS
    return f'{{{{ {value} | printf "%.{decimals}f" | {grouped} }}}}{sign}'


def amount_of(value: str) -> str:
    """Show a number of any size and unit."""
    return f'{{{{ {value} | printf "%.6g" | {_COMMA} }}}}'


def target_of(indicator: Indicator, target: float) -> str:
    """Write a target, which is known beforehand."""
    return console.value_of(indicator, target)


def day_of(day: date) -> str:
    """Write a day, which is known beforehand."""
    return day.strftime("%d/%m/%Y")


def day_from(query: str, *, found: str, absent: str) -> str:
    """Say the day that a query gives: `found` has %s in its place; `absent` where there is none."""
    day = '{{ (. | first | value | toTime).Format "02/01/2006" }}'
    return _from(query, found % day, absent)


def value_from(query: str, unit: Unit, *, absent: str) -> str:
    """Show the value that a query gives, uncut: for what is counted one by one."""
    return _from(query, value_of(". | first | value", unit), absent)


def pace_from(query: str, indicator: Indicator, *, absent: str) -> str:
    """Say the pace per day that a query gives, as one per month of 30 days."""
    unit = indicator.unit
    if unit is Unit.RATIO:
        shown, per_month, word = f'printf "%.2f" | {_COMMA}', f"3000 * {query}", "pt par mois"
    elif unit is Unit.EUROS:
        shown, per_month, word = f'printf "%.0f" | {_THOUSANDS}', f"30 * {query}", "€ par mois"
    else:
        digits = indicator.decimals + 1
        shown, per_month, word = f'printf "%.{digits}f" | {_COMMA}', f"30 * {query}", "par mois"
    return _from(per_month, f"{{{{ . | first | value | {shown} }}}}{NO_BREAK}{word}", absent)


def label_from(query: str, label: str, *, of: str) -> str:
    """Say a label of what a query gives; `%s` in it is the alert's label `of`, said where none is.

    For names that change: an alert that had them among its own labels would end and begin again.
    """
    return _from(query, f'{{{{ . | first | label "{label}" }}}}', f"{{{{ $labels.{of} }}}}", of=of)


def days_from(query: str, *, of: str, absent: str) -> str:
    """Show the whole days that a query gives; `%s` in it is the alert's label `of`."""
    return _from(query, '{{ . | first | value | printf "%.0f" }}', absent, of=of)


def _from(query: str, found: str, absent: str, *, of: str = "department") -> str:
    """Ask Prometheus; `%s` of the query is a label of the alert."""
    return (
        f"{{{{ with printf `{query}` $labels.{of} | query }}}}{found}"
        f"{{{{ else }}}}{absent}{{{{ end }}}}"
    )
