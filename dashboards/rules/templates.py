"""The templates of rules and configurations: YAML in which `<< … >>` and `[% … %]` are filled in.

Prometheus and Alertmanager have `{{ … }}` for themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from jinja2 import Environment, StrictUndefined, Template

from catalogue.formatting import MINUS, NARROW, NO_BREAK, NumberFormat, day_text, days_text
from catalogue.model import Indicator, Unit
from catalogue.territories import TERRITORY_TITLES
from dashboards import conventions
from dashboards import wording as words
from dashboards.promql import FIGURE, in_decimals, indented, last_known, latest, on
from dashboards.rules.site import duration
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.territory import TERRITORY

FOLDER: Final = Path(__file__).parent / "templates"

#: Ten times as fast as Python's, where it is installed.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What JSON may hold and YAML would not read, or would read as the end of a line.
_ESCAPED: Final = re.compile("[^ -~\u00a0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

#: Of every partition some worker exposes the figures.
COMPLETE: Final = f"{conventions.PARTITIONS_SHOWN} == {conventions.PARTITIONS_EXPECTED}"


def template_text(name: str) -> str:
    """Return a template as it is."""
    return (FOLDER / name).read_text(encoding="utf-8")


def filled_document(name: str, given: Mapping[str, object]) -> Any:  # noqa: ANN401 - YAML of any shape
    """Return the content of a template that is filled in, and then read as YAML."""
    return filled_tree(template_text(name), given)


def filled_tree(text: str, given: Mapping[str, object]) -> Any:  # noqa: ANN401 - as above
    """Return the content of a text that is filled in, and then read as YAML."""
    return yaml.load(filled(text, given), Loader=_LOADER)  # noqa: S506 - both loaders are safe


def filled(text: str, given: Mapping[str, object] = MappingProxyType({})) -> str:
    """Return a text that is filled in, without blanks around it."""
    return _compiled(text).render(given).strip(" \n")


@cache
def _compiled(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def quoted(value: object) -> str:
    """Return a value as JSON in one line, which YAML reads as the same value."""
    text = json.dumps(value, ensure_ascii=False, default=dict)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """Return a text whose line breaks are spaces."""
    return re.sub("[ \\n]+", " ", text)


def literal(text: str) -> str:
    """Write a text of the catalogue so that Prometheus' template engine leaves it as it is."""
    return text.replace("{{", '{{ "{{" }}')


def cut(value: str, indicator: Indicator) -> str:
    """Return a query's value with the decimals that the page shows of the indicator."""
    return in_decimals(value, NumberFormat.of(indicator))


def with_figure(condition: str, indicator: Indicator) -> str:
    """Return a condition with the indicator's displayed value and territory; 1 where withheld."""
    condition = condition.strip()
    if indicator.publication is not None:
        return with_territory(latest(indented(condition), *FIGURE))
    assessed = last_known(conventions.TERRITORY_ASSESSED, indicator=indicator.id)
    return with_territory(f"{cut(assessed, indicator)}\nand {on(*FIGURE)}\n{condition}")


def with_territory(expression: str) -> str:
    """Return an expression's series with the name of their territory."""
    join = f"* {on('department')} group_left ({conventions.TERRITORY})"
    return f"({indented(expression.strip())})\n{join}\n{conventions.TERRITORY_INFO}"


_ENVIRONMENT: Final = Environment(
    variable_start_string="<<",
    variable_end_string=">>",
    block_start_string="[%",
    block_end_string="%]",
    comment_start_string="[#",
    comment_end_string="#]",
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - no HTML: PromQL, YAML, and texts that Alertmanager escapes
)
_ENVIRONMENT.filters |= {
    "cut": cut,
    "literal": literal,
    "quoted": quoted,
    "with_figure": with_figure,
    "with_territory": with_territory,
}
#: What every template may name: the words of the boards, these, and what `wording.jinja` has.
_ENVIRONMENT.globals |= {
    **vars(words),
    "COMPLETE": COMPLETE,
    "LAGGING_RECORDS": conventions.LAGGING_RECORDS,
    "MINUS": MINUS,
    "NARROW": NARROW,
    "NO_BREAK": NO_BREAK,
    "POLICY": DEAD_LETTER_POLICY,
    "TERRITORIES": TERRITORY_TITLES,
    "REGION_CODE": TERRITORY.code,
    "Unit": Unit,
    "day_text": day_text,
    "days_text": days_text,
    "duration": duration,
}
_WORDING: Final = _ENVIRONMENT.from_string(template_text("wording.jinja")).module
_ENVIRONMENT.globals |= {
    name: value for name, value in vars(_WORDING).items() if not name.startswith("_")
}
