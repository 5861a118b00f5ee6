"""French in alerts: Go template snippets that Prometheus fills in when an alert fires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from catalogue.formatting import MINUS, NARROW, NO_BREAK, NumberFormat
from catalogue.model import Indicator, Unit
from catalogue.territories import REGION
from dashboards.promql import in_decimals
from events.frequency import Frequency
from events.observation import Territory

#: The code that facts have of the territory that an alert is about: `R11` or `D77`.
TERRITORY_CODE: Final = (
    f'{{{{ if eq $labels.department "{REGION}" }}}}{Territory.REGION.value}'
    "{{ else }}D{{ $labels.department }}{{ end }}"
)
VALUE: Final = "$value"

#: How often facts are expected, in words.
EXPECTED: Final = {
    Frequency.DAILY: "chaque jour",
    Frequency.WEEKLY: "chaque semaine",
    Frequency.MONTHLY: "chaque mois",
    Frequency.QUARTERLY: "chaque trimestre",
    Frequency.ANNUAL: "chaque année",
    Frequency.IRREGULAR: "sans périodicité",
}

_MINUS = f'reReplaceAll "-" "{MINUS}"'
_POINT = r'reReplaceAll "\\." ","'
_COMMA = f"{_MINUS} | {_POINT}"
# Three digits before each group: 1234567 → 1 234 567.
_MORE = rf'reReplaceAll "(\\d)(\\d{{3}}){NARROW}" "$1{NARROW}$2{NARROW}"'
_THOUSANDS = rf'{_MINUS} | reReplaceAll "(\\d)(\\d{{3}})$" "$1{NARROW}$2" | {_MORE} | {_MORE}'
# The same before the decimals.
_GROUPED = rf'reReplaceAll "(\\d)(\\d{{3}})," "$1{NARROW}$2," | {_MORE} | {_MORE}'

# The point two digits to the right: 0.98765 → 98.765, 0.00500 → 0.500.
_HUNDREDFOLD = r'reReplaceAll "\\.(\\d\\d)" "$1." | reReplaceAll "^(-?)0+(\\d)" "$1$2"'

#: A float that is just below a half would be rounded down; the page rounds the exact number up.
_AWAY: Final = "(1 + 1e-9)"


def one_line(text: str) -> str:
    """Return a text whose line breaks are spaces."""
    return re.sub("[ \\n]+", " ", text)


def literal(text: str) -> str:
    """Write a text of the catalogue so that the template engine leaves it as it is."""
    return text.replace("{{", '{{ "{{" }}')


def value_of(value: str, unit: Unit, *, decimals: int = 0) -> str:
    """Return the display of a value that was cut: `98,7 %`, `1 145`, `6 500 000 €`, `1 145,50`.

    `decimals` are those of its cut; of a ratio without any its first four digits are shown.
    """
    if unit is Unit.RATIO and decimals:
        # Prometheus' own percentages have four digits, and are rounded: 99,996 % would be 100 %.
        return (
            f'{{{{ {value} | printf "%.{decimals + 2}f" | {_HUNDREDFOLD} | {_COMMA} }}}}{NO_BREAK}%'
        )
    if unit is Unit.RATIO:
        return (
            f"{{{{ {value} | humanizePercentage | {_COMMA}"
            rf' | reReplaceAll "^(\\d+)%" "$1,0%" | reReplaceAll "%" "{NO_BREAK}%" }}}}'
        )
    sign = f"{NO_BREAK}€" if unit is Unit.EUROS else ""
    grouped = f"{_COMMA} | {_GROUPED}" if decimals else _THOUSANDS
    return f'{{{{ {value} | printf "%.{decimals}f" | {grouped} }}}}{sign}'


def amount_of(value: str) -> str:
    """Return the display of a number above zero, of any size and unit: `0,1`, `1 250 000`."""
    large = f'{{{{ {value} | printf "%.0f" | {_THOUSANDS} }}}}'
    small = f'{{{{ {value} | printf "%.6g" | {_POINT} }}}}'
    least = f'{{{{ {value} | printf "%.9f" | {_POINT} }}}}'
    # Six digits would be written with an exponent from a million on, and below a ten thousandth.
    return (
        f"{{{{ if ge {value} 10000.0 }}}}{large}{{{{ else if ge {value} 0.0001 }}}}{small}"
        f"{{{{ else }}}}{least}{{{{ end }}}}"
    )


def by_number(value: str, one: str, several: str) -> str:
    """Return the words that go with a number that is rounded: French has the plural from two on."""
    return f"{{{{ if ge {value} 1.5 }}}}{several}{{{{ else }}}}{one}{{{{ end }}}}"


def word_of(code: str, words: Mapping[str, str]) -> str:
    """Return the word for a code that a template has, and the code: `jour impossible (…)`."""
    branches = (
        f'if eq {code} "{known}" }}}}{literal(word)} ({known})' for known, word in words.items()
    )
    return f"{{{{ {'{{ else '.join(branches)}{{{{ else }}}}{{{{ {code} }}}}{{{{ end }}}}"


def day_from(query: str, *, found: str, absent: str) -> str:
    """Return the day that a query gives: `found` with the day for %s, or `absent`."""
    day = '{{ (. | first | value | toTime).Format "02/01/2006" }}'
    return _from(query, found % day, absent)


def value_from(query: str, indicator: Indicator, *, absent: str) -> str:
    """Return the display of an indicator's value that a query gives, cut as the page cuts it."""
    cut = in_decimals(f"({query})", NumberFormat.of(indicator))
    shown = value_of(". | first | value", indicator.unit, decimals=indicator.decimals)
    return _from(cut, shown, absent)


def pace_from(query: str, indicator: Indicator, *, absent: str) -> str:
    """Return the pace per day that a query gives as the page has it: `+5,4 points par mois`.

    A month is the twelfth of 365 days. What would be shown as none has two decimals more.
    """
    unit = indicator.unit
    days = 365 * (100 if unit is Unit.RATIO else 1)
    decimals = indicator.decimals
    nothing = f"0,{'0' * decimals}" if decimals else "0"
    shown = (
        "{{ $pace := (. | first | value) }}"
        f"{{{{ if {_from_on('$pace', 0.5 / 10**decimals)} }}}}{_signed('$pace', decimals)}"
        f"{{{{ else if {_from_on('$pace', 0.005 / 10**decimals)} }}}}"
        f"{_signed('$pace', decimals + 2)}"
        f"{{{{ else }}}}{nothing}{{{{ end }}}}"
    )
    if unit is Unit.RATIO:
        plural = f"{{{{ if {_from_on('$pace', 2 - 0.5 / 10**decimals)} }}}}s{{{{ end }}}}"
        shown += f"{NO_BREAK}point{plural}"
    elif unit is Unit.EUROS:
        shown += f"{NO_BREAK}€"
    return _from(f"{_AWAY} * {days} / 12 * ({query})", f"{shown} par mois", absent)


def _from_on(value: str, least: float) -> str:
    """Return the condition that a number is so large, above zero or below."""
    return f"or (ge {value} {least:g}) (le {value} -{least:g})"


def _signed(value: str, decimals: int) -> str:
    """Return the display of a number with its sign: `+1 200,5`."""
    grouped = f"{_COMMA} | {_GROUPED}" if decimals else _THOUSANDS
    return f'{{{{ {value} | printf "%+.{decimals}f" | {grouped} }}}}'


def label_from(
    query: str,
    label: str,
    *,
    of: str,
    found: str = "{{ $label }}",
    absent: str | None = None,
) -> str:
    """Return a label of what a query gives; `%s` in it is the alert's label `of`.

    `found` is a template that has it as `$label`. Where the query gives nothing, `absent` is said;
    without it, the label `of`.

    For names that change: an alert that had them among its own labels would end and begin again.
    """
    absent = f"{{{{ $labels.{of} }}}}" if absent is None else absent
    return _from(query, f'{{{{ $label := . | first | label "{label}" }}}}{found}', absent, of=of)


def days_from(query: str, *, of: str, absent: str) -> str:
    """Return the whole days that a query gives: `1 jour`; `%s` in it is the alert's label `of`."""
    return _from(query, days_of("(. | first | value)"), absent, of=of)


def days_of(value: str) -> str:
    """Return the display of a number of days, which is rounded: `1 jour`, `30 jours`."""
    number = f'{{{{ {value} | printf "%.0f" | {_THOUSANDS} }}}}'
    return f"{number}{NO_BREAK}{by_number(value, 'jour', 'jours')}"


def _from(query: str, found: str, absent: str, *, of: str = "department") -> str:
    """Return a template that queries Prometheus; `%s` of the query is a label of the alert."""
    return (
        f"{{{{ with printf `{query}` $labels.{of} | query }}}}{found}"
        f"{{{{ else }}}}{absent}{{{{ end }}}}"
    )
